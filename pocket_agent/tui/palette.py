"""The command palette: the same commands as after the slash, found by any of their words."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from pocket_agent.keys import key_for
from pocket_agent.tui.commands import Entry, entries

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

_BY_LETTERS = 0.5
"""What a name is worth that only has the letters in their order, next to one that has the words."""


class Commands(Provider):
    """Every command of the chat."""

    async def discover(self) -> Hits:
        for entry in sorted(entries(), key=lambda entry: entry.name):
            yield DiscoveryHit(entry.name, self._run(entry), help=self._about(entry))

    async def search(self, query: str) -> Hits:
        for score, entry in self._found(query):
            shown = self.matcher(query).highlight(entry.name)
            yield Hit(score, shown, self._run(entry), entry.name, self._about(entry))

    def _found(self, query: str) -> Iterator[tuple[float, Entry]]:
        matcher = self.matcher(query)
        for entry in entries():
            letters = min(1.0, matcher.match(entry.name)) * _BY_LETTERS
            if score := entry.score(query) or letters:
                yield score, entry

    def _about(self, entry: Entry) -> str:
        key, keys = entry.command.key, cast("PocketApp", self.app).keys
        return f"{entry.command.about} ({key_for(key, keys)})" if key else entry.command.about

    def _run(self, entry: Entry) -> "partial[None]":
        return partial(cast("PocketApp", self.app).run_entry, entry)
