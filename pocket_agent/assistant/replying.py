"""A growing reply: stored as it streams, and shown only as far as it is stored."""

import asyncio
import time
from dataclasses import dataclass

from pocket_agent.assistant.events import ReplyDelta
from pocket_agent.memory.records import Drawn, Turn, TurnRole, TurnStatus
from pocket_agent.memory.store import Store

CHECKPOINT_S = 0.05
"""How often a growing reply is written to disk, and then shown: what is on the screen is stored."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a reply goes: a session of the store, or a turn that lives in memory only.

    Args:
        drawn: what it is made from. after: the turn it follows; None for the last one.
    """

    session: str | None
    scratch: Turn | None
    drawn: Drawn
    after: str | None = None


class ReplyWriter:
    """Keeps a growing reply on disk without holding up the stream."""

    def __init__(self, store: Store, opening: Opening):
        self._store = store
        self._opening = opening
        self._turn: Turn | None = opening.scratch
        self._parts: list[str] = []
        self._shown = 0
        self._tokens = 0
        self._saved = float("-inf")

    @property
    def turn_id(self) -> str:
        """The id of the reply's turn."""
        assert self._turn is not None
        return self._turn.id

    @property
    def text(self) -> str:
        """All that there is of the reply."""
        return "".join(self._parts)

    async def open(self) -> None:
        """Begin the turn."""
        if self._opening.session is not None:
            self._turn = await asyncio.to_thread(
                self._store.open_reply,
                self._opening.session,
                self._opening.drawn,
                self._opening.after,
            )

    @property
    def unshown(self) -> ReplyDelta | None:
        """What was added and not handed out to be shown yet."""
        text = "".join(self._parts[self._shown :])
        return ReplyDelta(self.turn_id, text, self._tokens) if text else None

    async def add(self, text: str, tokens: int = 0) -> ReplyDelta | None:
        """Take more of the reply; returns what may be shown now, because it is stored.

        Args:
            tokens: how many tokens of the model's it is.
        """
        if text:
            self._parts.append(text)
        self._tokens += tokens
        shown = self.unshown
        if not shown or time.monotonic() - self._saved < CHECKPOINT_S:
            return None
        count = len(self._parts)
        if self._opening.session is not None:
            await asyncio.to_thread(self._store.checkpoint_reply, self.turn_id, self.text)
        self._saved, self._shown, self._tokens = time.monotonic(), count, 0
        return shown

    async def close(self, status: TurnStatus) -> Turn:
        """Finish the turn, in the file if there is one."""
        if self._opening.session is None:
            scratch = self._opening.scratch
            assert scratch is not None
            return Turn(scratch.id, "", TurnRole.ASSISTANT, self.text, scratch.at, status)
        return await asyncio.shield(
            asyncio.to_thread(self._store.close_reply, self.turn_id, self.text, status)
        )
