"""The dialogue off the straight line: other replies, replies that go on, messages said anew."""

from collections.abc import Coroutine
from typing import Any

from pocket_agent.memory.records import TurnRole
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.conversation import Conversation, Said, SaidState
from pocket_agent.tui.exchange import How

PAGE = 30
"""Turns asked of the store at once."""


class Redoing:
    """The part of a `Dialogue` that goes back to what was said. See there for what it holds.

    What can't be done is answered with a line that says why; an empty one means that it is done, or
    begun.
    """

    backend: Backend
    conversation: Conversation

    _versions: dict[str, list[str]]

    def regenerate(self) -> str:
        """Have another reply made to the last message."""
        said = self.conversation.last_message
        why = self._why_not() or ("" if said else "There is no message yet to reply to.")
        if not why and said:
            self._begin(said, How(reply="another"))
        return why

    def go_on(self) -> str:
        """Have the last reply go on, which was stopped or cut."""
        said = self.conversation.last_message
        reply = self.conversation.reply_to(said) if said else None
        ended = (SaidState.STOPPED, SaidState.CUT, SaidState.INTERRUPTED)
        if why := self._why_not():
            return why
        if said is None or reply is None or reply.state not in ended:
            return "The last reply came to its end: there is nothing to go on with."
        self._begin(said, How(reply="more"))
        return ""

    def say_anew(self, old: Said, text: str) -> str:
        """Say something in the place of an earlier message; what followed that is kept aside."""
        if why := self._why_not():
            return why
        if not old.turn or old not in self.conversation.entries:
            return "That message is no longer here."
        self._begin(self.conversation.add(text), How(instead_of=old))
        return ""

    async def show_version(self, said: Said, step: int) -> str:
        """Go on with the version before or after one."""
        if why := self._why_not():
            return why
        held = self._versions.get(said.turn, [said.turn])
        at = held.index(said.turn) + step
        if len(held) == 1:
            return "There is no other version of this."
        if not 0 <= at < len(held):
            return f"That is the {'last' if step > 0 else 'first'} version."
        await self.attempt(self._choose(held[at]))
        return ""

    def newest_with_versions(self) -> Said | None:
        """The newest turn shown that has other versions."""
        found = (e for e in reversed(self.conversation.entries) if isinstance(e, Said))
        return next((said for said in found if said.version[1] > 1), None)

    def take_back(self, said: Said | None = None) -> str:
        """Take a waiting message, or the newest, back into the field."""
        if found := self.conversation.take_back(said):
            self._returned(found.text)
            return ""
        return "No message waits."

    def drop_waiting(self, said: Said) -> None:
        """Take a waiting message out for good."""
        self.conversation.take_back(said)
        self._changed()

    def refresh(self) -> None:
        """Show what has changed."""
        self._changed()

    def is_message(self, said: Said) -> bool:
        """Whether it is a stored message of the person's."""
        return said.role is TurnRole.USER and bool(said.turn)

    async def mark_versions(self) -> None:
        """Show of what is on the screen which of how many versions it is."""
        self._versions = await self.backend.versions()
        self.conversation.mark_versions(self._versions)
        self._changed()

    async def _choose(self, turn: str) -> None:
        await self.backend.choose(turn)
        self.conversation.restore(await self.backend.page(None, PAGE))
        await self.mark_versions()

    # What the dialogue has.

    def _why_not(self) -> str:
        raise NotImplementedError

    def _begin(self, said: Said, how: How) -> None:
        raise NotImplementedError

    def _returned(self, text: str) -> None:
        raise NotImplementedError

    def _changed(self) -> None:
        raise NotImplementedError

    async def attempt(self, work: Coroutine[Any, Any, None]) -> None:
        raise NotImplementedError
