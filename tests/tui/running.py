"""A dialogue that runs over a scripted backend, without any screen."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from scripted import ScriptedBackend

from pocket_agent.memory.records import TurnRole
from pocket_agent.tui.conversation import Note, Said, SaidState
from pocket_agent.tui.dialogue import Dialogue


class Listener:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.grown = ""
        self.drafts: list[str] = []
        self.changes = 0
        self.facts = 0

    def entries_changed(self) -> None:
        self.changes += 1

    def reply_grew(self, reply: Said, text: str) -> None:
        self.grown += text

    def status_changed(self) -> None:
        self.changes += 1

    def facts_changed(self) -> None:
        self.facts += 1

    def draft_returned(self, text: str) -> None:
        self.drafts.append(text)


class Running:
    """A dialogue and the tasks it has begun."""

    def __init__(self, backend: ScriptedBackend) -> None:
        self.listener = Listener()
        self.tasks: list[asyncio.Task[None]] = []
        self.dialogue = Dialogue(backend, self.listener, self._spawn)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    async def start(self) -> None:
        await self.dialogue.open(None)
        await self.dialogue.load()

    async def settle(self) -> None:
        while self.tasks:
            await self.tasks.pop(0)

    @property
    def said(self) -> list[tuple[TurnRole, str, SaidState]]:
        entries = self.dialogue.conversation.entries
        return [(e.role, e.text, e.state) for e in entries if isinstance(e, Said)]

    @property
    def notes(self) -> list[str]:
        return [e.text for e in self.dialogue.conversation.entries if isinstance(e, Note)]
