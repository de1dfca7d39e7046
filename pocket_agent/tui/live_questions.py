"""The questions of a first conversation, on the real profile. No Textual in here."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from pocket_agent.assistant.asker import Asker
from pocket_agent.assistant.phrases import label
from pocket_agent.errors import UsageError
from pocket_agent.memory.store import Store
from pocket_agent.profile.slots import Slot


class Questions(Protocol):
    """What may be asked of the person. Every method may raise a PocketAgentError."""

    async def left(self) -> Sequence[Slot]:
        """The questions of a first conversation that are still to be put."""

    async def answer(self, slot: str, text: str) -> str:
        """Take an answer. Returns the line to show; empty where there is no fact in it."""

    async def allow(self, wanted: bool) -> str:
        """Whether replies may end with a question, from now on. Returns the line to show."""


class LiveQuestions:
    """See `Questions`.

    Args:
        writes: False in a chat without a trace, which refuses them.
    """

    def __init__(self, store: Store, *, writes: bool) -> None:
        self._asker, self._writes = Asker(store), writes

    async def left(self) -> Sequence[Slot]:
        return await asyncio.to_thread(self._asker.interview) if self._writes else ()

    async def answer(self, slot: str, text: str) -> str:
        self._check()
        applied = await asyncio.to_thread(self._asker.answer, slot, text)
        if applied is None or applied.fact is None:
            return ""
        return f"remembered: {label(applied.fact)}"

    async def allow(self, wanted: bool) -> str:
        self._check()
        await asyncio.to_thread(self._asker.resume if wanted else self._asker.stop)
        return "questions are welcome again" if wanted else "no more questions"

    def _check(self) -> None:
        if not self._writes:
            raise UsageError("This chat leaves no trace", "Answer in one that does.")
