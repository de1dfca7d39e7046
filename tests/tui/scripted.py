"""A backend that follows a script: the seam for pictures and keys, with no model and no disk."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripted_facts import ScriptedFacts
from scripted_library import ScriptedLibrary
from scripted_models import ScriptedModels
from scripted_questions import ScriptedQuestions
from tui_samples import AT, FACTS, READY, exchanges, turn

from pocket_agent.assistant.events import (
    AssistantEvent,
    ContextReady,
    ContextUse,
    Learnt,
    PolicyIdle,
    ReplyDelta,
    ReplyDone,
    UserSaved,
)
from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.protocol import FinishReason, Usage
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Recalled, Session, Turn, TurnRole, TurnStatus
from pocket_agent.memory.topic import Near
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Event, Fact, Op, OpKind, Source
from pocket_agent.tui.backend import (
    NeedsKeyError,
    Page,
    Preview,
    Proposed,
    Readiness,
    Report,
    SentPart,
    SentPrompt,
    Stage,
)

HOME = Path("/home/anna/.local/share/pocket-agent")


class ScriptedBackend(ScriptedFacts):
    """Answers every message with `reply`, piece by piece, and learns `learns` from it.

    Args:
        reply: the pieces of each reply.
        learns: lines shown as learnt after each reply.
        gate: when given, the reply waits for it after the first piece, and `load` waits for it.
        fail: raised instead of answering.
        finish: why each reply ends, if nobody stops it.
        draws, recalls: the facts and past turns that each reply is made from.
    """

    def __init__(
        self,
        reply: tuple[str, ...] = ("Hello ", "there."),
        learns: tuple[str, ...] = (),
        *,
        turns: list[Turn] | None = None,
        facts: list[Fact] | None = None,
        dropped: int = 0,
        gate: asyncio.Event | None = None,
        hold_load: asyncio.Event | None = None,
        fail: Callable[[str], PocketAgentError | None] = lambda text: None,
        fail_open: PocketAgentError | None = None,
        fail_load: PocketAgentError | None = None,
        finish: FinishReason = "stop",
        draws: tuple[Fact, ...] = (),
        recalls: tuple[Turn, ...] = (),
    ) -> None:
        self.profile_name = "default"
        self.encrypted = False
        self.full_disk = ""
        self.session: Session | None = None
        self.said: list[str] = []
        self.kept: list[str] = []
        self.undone: list[int | None] = []
        self.changes: list[tuple[str, ...]] = []
        self.wishes: list[Wish] = []
        self.redone: list[tuple[str, str]] = []
        self.all_versions: dict[str, list[str]] = {}
        self.closed = False
        self.imports = 0
        self.use: ContextUse | None = None
        self.library = ScriptedLibrary(self)
        self.questions = ScriptedQuestions()
        self.asks = ""
        self.models = ScriptedModels()
        self.fail_model: PocketAgentError | None = None
        self.ready = READY
        self.restarts_as: Readiness | None = None
        self._reply, self._learns = reply, learns
        self._turns = turns or []
        self._facts = list(FACTS) if facts is None else facts
        self._dropped = dropped
        self._gate, self._hold_load = gate, hold_load
        self._fail, self._fail_open, self._fail_load = fail, fail_open, fail_load
        self._finish: FinishReason = finish
        self._draws, self._recalls = draws, recalls
        self._stopped = asyncio.Event()
        self._number = 100
        self.all_sessions = [
            Session("s1", "Moving to Porto", AT, AT, 12),
            Session("s2", "A cake without [b]eggs[/b]", AT, AT, 4),
            Session("s3", "", AT, AT, 1),
        ]

    def place(self, name: str) -> str:
        return str(Locations(HOME, HOME / "cache").profile(name))

    def rename(self, name: str) -> None:
        self.profile_name = name

    async def open(self, session: str | None, report: Report, key: str | None = None) -> None:
        report(Readiness(Stage.OPENING, "opening the profile"))
        if self._fail_open:
            raise self._fail_open
        await self.open_session(session)

    async def load(self, report: Report) -> None:
        report(Readiness(Stage.LOADING, "loading SmolLM2-135M-Instruct", 0.4))
        if self._hold_load:
            await self._hold_load.wait()
        if self._fail_load:
            raise self._fail_load
        self._report = report
        report(self.ready)

    async def use_model(self, name: str, report: Report, *, learning: bool = False) -> str:
        report(Readiness(Stage.LOADING, "loading the model"))
        if self.fail_model:
            report(self.ready)
            raise self.fail_model
        if learning:
            self.changes.append(("learn", name))
            self.models.learns = name
            report(READY)
            return f"{name} learns from what you say from now on"
        self.changes.append(("model", name))
        self.models.running = name
        self.ready = replace(self.ready, model=name)
        report(self.ready)
        return f"{name} answers from now on"

    async def summarise(self, wanted: bool) -> None:
        self.changes.append(("summarise", str(wanted)))

    async def send(self, text: str, instead_of: str = "") -> AsyncIterator[AssistantEvent]:
        self.redone.append(("send", instead_of))
        if error := self._fail(text):
            raise error
        self.said.append(text)
        self._stopped.clear()
        user = self._next(TurnRole.USER, text)
        if self.session is None:
            self.session = Session("s9", text[:30], AT, AT, 1)
        yield UserSaved(user)
        async for event in self._answer(user):
            yield event

    async def regenerate(self) -> AsyncIterator[AssistantEvent]:
        self.redone.append(("regenerate", ""))
        if error := self._fail("regenerate"):
            raise error
        self._stopped.clear()
        user = turn(self._number, TurnRole.USER, "")
        async for event in self._answer(user):
            yield event

    async def go_on(self) -> AsyncIterator[AssistantEvent]:
        self.redone.append(("go_on", ""))
        self._stopped.clear()
        user = turn(self._number, TurnRole.USER, "")
        async for event in self._answer(user):
            yield event

    async def measure(self, text: str) -> tuple[int, int]:
        return len(text.split()), 300

    async def versions(self) -> dict[str, list[str]]:
        return self.all_versions

    async def choose(self, turn: str) -> None:
        self.redone.append(("choose", turn))

    async def _answer(self, user: Turn) -> AsyncIterator[AssistantEvent]:
        recalled = tuple(Recalled(turn, 1.0, 0.5, 0.5) for turn in self._recalls)
        yield ContextReady(self._draws, recalled, 512, 4096, self._dropped, user.id)
        said = ""
        for number, piece in enumerate(self._reply):
            if number == 1 and self._gate:
                await self._either(self._gate)
            if self._stopped.is_set():
                break
            said += piece
            yield ReplyDelta("reply", piece, 1)
            await asyncio.sleep(0)
        stopped = self._stopped.is_set()
        whole = TurnStatus.CUT if self._finish == "length" else TurnStatus.COMPLETE
        status = TurnStatus.STOPPED if stopped else whole
        reply = self._next(TurnRole.ASSISTANT, said, status)
        usage = Usage(512, 400, 40, 0.1, 1.0)
        if self.restarts_as:
            self._report(self.restarts_as)
        yield ReplyDone(reply, "cancelled" if stopped else self._finish, usage)
        for line in self._learns:
            yield self._learn(line, user)
        yield PolicyIdle()

    async def catch_up(self) -> AsyncIterator[AssistantEvent]:
        yield PolicyIdle()

    async def keep_waiting(self, texts: list[str]) -> None:
        self.kept = texts

    async def waiting(self) -> list[str]:
        return list(self.kept)

    async def stop(self) -> None:
        self._stopped.set()

    async def undo(self, seq: int | None = None) -> str:
        self.undone.append(seq)
        return "undone: home · Porto"

    async def open_session(self, session: str | None) -> None:
        self.session = next((s for s in self.all_sessions if s.id == session), None)

    async def rename_session(self, session: str, title: str) -> None:
        self.changes.append(("rename", session, title))
        self.all_sessions = [
            Session(s.id, title if s.id == session else s.title, s.started, s.touched, s.turns)
            for s in self.all_sessions
        ]
        await self.open_session(self.session.id if self.session else None)

    async def sessions(self, limit: int, offset: int = 0) -> list[Session]:
        return self.all_sessions[offset : offset + limit]

    async def page(self, before: str | None, limit: int) -> Page:
        if self.session is None:
            return Page(())
        ids = [t.id for t in self._turns]
        end = ids.index(before) if before else len(ids)
        start = max(0, end - limit)
        return Page(tuple(self._turns[start:end]), (), start > 0)

    async def near_topic(self, topic: str) -> tuple[Proposed, ...]:
        if topic == "nowhere":
            return ()
        facts = (Proposed(f"fact · {fact.value}", Near(fact=fact)) for fact in self._facts[:2])
        return (*facts, Proposed("turn · I moved [b]to[/b] Porto", Near(turn=exchanges(1)[0])))

    async def plan_forgetting(self, wish: Wish) -> Preview:
        if wish.matching == "nowhere":
            return Preview("")
        return Preview("2 turns, 1 fact", ("fact · home · Porto", "turn · I moved [b]to[/b] Porto"))

    async def forget(self, wish: Wish) -> str:
        self.wishes.append(wish)
        self._facts = [f for f in self._facts if f.value != wish.value]
        self.all_sessions = [s for s in self.all_sessions if s.id != wish.session]
        await self.open_session(self.session.id if self.session else None)
        return "forgotten: 2 turns, 1 fact"

    async def context_use(self) -> ContextUse | None:
        return self.use

    async def sent_prompt(self) -> SentPrompt | None:
        if not self.said:
            return None
        parts = [
            SentPart("system", "You are a careful assistant.\nI live in Porto.", 20),
            SentPart("you", f"{self.said[-1]} [red]not markup[/red]", 12),
        ]
        return SentPrompt(parts, 512, 4096, self._dropped)

    async def lock(self) -> None:
        self.session = None

    async def close(self) -> None:
        self.closed = True

    async def _either(self, gate: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(e.wait()) for e in (gate, self._stopped)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _next(self, role: TurnRole, text: str, status: TurnStatus = TurnStatus.COMPLETE) -> Turn:
        self._number += 1
        return turn(self._number, role, text, status)

    def _learn(self, line: str, user: Turn) -> Learnt:
        self._number += 1
        op = Op(OpKind.ADD, "home", "Porto")
        source = Source(user.id, 0, len(user.text), user.text)
        event = Event(self._number, f"e{self._number}", AT, Actor.POLICY, op, source)
        return Learnt(event, line, self.asks)


class Encrypted(ScriptedBackend):
    """Opens with one passphrase only, and can be locked again."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(turns=exchanges(3), **settings)
        self.encrypted = True
        self.locks = 0

    async def open(self, session: str | None, report: Report, key: str | None = None) -> None:
        if key != "sesame":
            raise NeedsKeyError("It needs its passphrase" if key is None else "Not that one")
        await super().open(session, report)

    async def lock(self) -> None:
        self.locks += 1
        await super().lock()
