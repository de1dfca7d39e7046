"""The real library: the profile's store, and recall over all of it."""

import asyncio
from pathlib import Path

from pocket_agent.errors import UsageError
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Recalled, Session, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.portable.age import SUFFIX, Seal
from pocket_agent.portable.sessions import import_session, write_session
from pocket_agent.portable.writing import export_profile, told
from pocket_agent.tui.dates import moment
from pocket_agent.tui.library import Hit, Hits

MOST = 30
"""Turns that a search shows."""
PATIENCE_S = 2.0
"""How long a search waits for the meaning of its words before it goes by the words alone."""


class LiveLibrary:
    """Every conversation of one open profile. See `library.Library`.

    Args:
        writes: whether an export may be written; nothing is, where no trace is to be left.
    """

    def __init__(self, store: Store, recaller: Recaller, *, writes: bool) -> None:
        self._store, self._recaller, self._writes = store, recaller, writes

    async def search(self, query: str) -> Hits:
        return await asyncio.to_thread(self._search, query)

    async def messages(self, limit: int) -> list[str]:
        return await asyncio.to_thread(self._store.messages, limit)

    async def archived(self, limit: int, offset: int = 0) -> list[Session]:
        return await asyncio.to_thread(self._store.sessions, limit, offset, archived=True)

    async def archive(self, session: str, archived: bool) -> None:
        await asyncio.to_thread(self._store.archive_session, session, archived)

    async def export(self, session: str, file: str) -> str:
        self.check_writes()
        path = _path(file)
        if path.name.lower().endswith(SUFFIX):
            raise UsageError(
                "No passphrase can be asked for here",
                "`pocket-agent sessions export` encrypts it; or choose a name without .age.",
            )
        turns = await asyncio.to_thread(write_session, self._store, session, path)
        return f"exported {turns} turn{'s' * (turns != 1)} to {path}{self._plain}"

    def check_writes(self) -> None:
        if not self._writes:
            raise UsageError("Incognito writes nothing", "Do it in a chat without it.")

    async def export_all(self, file: str, passphrase: str = "") -> str:
        self.check_writes()
        path, seal = _path(file), Seal(passphrase) if passphrase else None
        done = await asyncio.to_thread(export_profile, self._store, path, seal=seal)
        return f"exported {told(done, path)}, to {path}{'' if seal else self._plain}"

    async def take_in(self, file: str) -> tuple[str, str]:
        self.check_writes()
        done = await asyncio.to_thread(import_session, self._store, _path(file))
        here = f"; {done.known} were here already" if done.known else ""
        gone = f"; {done.forgotten} stay forgotten" if done.forgotten else ""
        turns = f"{done.turns} turn{'s' * (done.turns != 1)}"
        return done.session, f"imported {turns} of {done.title or 'Untitled'!r}{here}{gone}"

    @property
    def _plain(self) -> str:
        """What to say of a plain file of an encrypted profile."""
        return ", readable by whoever has it" if self._store.key is not None else ""

    def _search(self, query: str) -> Hits:
        vector = self._recaller.embed(query, PATIENCE_S)
        found = self._recaller.recall_vector(query, vector, MOST)
        titles: dict[str, str] = {}
        return Hits(tuple(self._hit(each, titles) for each in found), vector is not None)

    def _hit(self, found: Recalled, titles: dict[str, str]) -> Hit:
        turn = found.turn
        if turn.session not in titles:
            session = self._store.session(turn.session)
            kept = " (archived)" if session.archived else ""
            titles[turn.session] = f"{session.title or 'Untitled'}{kept}"
        who = "you" if turn.role is TurnRole.USER else turn.speaker.lower() or "assistant"
        about = f"{who}, {moment(turn.at)}"
        return Hit(turn.session, turn.id, turn.text, titles[turn.session], about)


def _path(file: str) -> Path:
    """A path that a person typed."""
    return Path(file).expanduser().absolute()
