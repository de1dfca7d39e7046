"""The dialogue's lines of what was learnt: each can be taken back, and some ask for a yes or no."""

from collections.abc import Mapping

from pocket_agent.errors import PocketAgentError
from pocket_agent.keys import key_for
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.conversation import Conversation, Remembered
from pocket_agent.tui.view import View


class Correcting:
    """The part of a `Dialogue` that corrects what was learnt. See there for what it holds."""

    backend: Backend
    conversation: Conversation
    _keys: Mapping[str, str]
    _view: View

    async def undo(self, row: Remembered | None = None) -> None:
        """Take back what one line remembered, or the last thing there is to undo."""
        row = row or self.conversation.last_memory()
        if row is not None and row.undone:
            return
        try:
            for seq in (row.seq, *reversed(row.also)) if row else (None,):
                line = await self.backend.undo(seq)
        except PocketAgentError as error:
            self.fail(error)
            return
        if row is None:
            self.conversation.note(line)
        else:
            row.undone = True
        self._view.entries_changed()
        self._view.facts_changed()

    async def answer(self, yes: bool, row: Remembered | None = None) -> None:
        """Say yes or no to what one line asks, or the newest that still asks."""
        row = row or self.conversation.last_question()
        if row is None or not row.waits or row.undone:
            key = key_for("profile", self._keys)
            self.conversation.note(f"nothing here asks for a yes or no; {key} shows what waits")
            self._view.entries_changed()
            return
        waits, row.waits = row.waits, ""  # a second key comes too late
        try:
            done = await self.backend.answer_fact(waits, yes)
        except PocketAgentError as error:
            row.waits = waits
            self.fail(error)
            return
        row.line, row.seq = done.line, done.seq
        self._view.entries_changed()
        self._view.facts_changed()

    # What the dialogue has.

    def fail(self, error: PocketAgentError) -> None:
        raise NotImplementedError
