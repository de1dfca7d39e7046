"""A backend that follows a script: the seam for pictures and keys, with no model and no disk."""

import asyncio
from collections.abc import AsyncIterator, Callable

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
from pocket_agent.assistant.phrases import label
from pocket_agent.errors import PocketAgentError, PortableError, UsageError
from pocket_agent.llm.calibration import Calibration
from pocket_agent.llm.catalogue import catalogue
from pocket_agent.llm.fitting import Fit, Memory, judge, need
from pocket_agent.llm.hub import Reached
from pocket_agent.llm.offers import Offer
from pocket_agent.llm.protocol import FinishReason, Usage
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Drawn, Recalled, Session, Turn, TurnRole, TurnStatus
from pocket_agent.profile.facts import (
    Actor,
    Event,
    Fact,
    FactState,
    Op,
    OpKind,
    Polarity,
    Source,
)
from pocket_agent.profile.slots import BY_NAME as SLOTS_BY_NAME
from pocket_agent.profile.slots import Slot
from pocket_agent.tui.backend import (
    Answered,
    Change,
    NeedsKeyError,
    Page,
    Preview,
    Readiness,
    Report,
    SentPart,
    SentPrompt,
    SourceRow,
    Stage,
)
from pocket_agent.tui.factsheet import origin
from pocket_agent.tui.library import Hit, Hits

AT = "2026-11-03T12:00:00Z"
READY = Readiness(Stage.READY, "", None, "SmolLM2-135M-Instruct", "CPU, 1 thread", 4096)


def turn(number: int, role: TurnRole, text: str, status: TurnStatus = TurnStatus.COMPLETE) -> Turn:
    return Turn(f"t{number}", "s1", role, text, AT, status)


def exchanges(count: int) -> list[Turn]:
    made: list[Turn] = []
    for number in range(count):
        made.append(turn(2 * number, TurnRole.USER, f"Question {number}?"))
        made.append(turn(2 * number + 1, TurnRole.ASSISTANT, f"Answer **{number}**."))
    return made


def fact(
    name: str,
    slot: str,
    value: str,
    quote: str,
    *,
    polarity: Polarity = Polarity.LIKES,
    state: FactState = FactState.ACTIVE,
    locked: bool = False,
    actor: Actor = Actor.POLICY,
) -> Fact:
    source = Source("t0", 0, len(quote), quote)
    return Fact(
        name,
        slot,
        value,
        polarity,
        1.0,
        state,
        actor,
        AT,
        locked=locked,
        sources=(source,) if quote else (),
    )


FACTS = [
    fact("f1", "name", "Anna", "I'm Anna", locked=True),
    fact("f2", "home", "Porto", "I moved to Porto last month"),
    fact("f3", "pet", "a tabby called Miso", "my tabby called Miso knocked over the plant again"),
    fact("f4", "food", "olives", "I could live on olives"),
    fact("f5", "food", "cilantro", "no cilantro please", polarity=Polarity.AVOIDS),
    fact("f6", "length", "short", "", actor=Actor.USER),
    fact(
        "f7",
        "hobby",
        "pottery",
        "thinking of trying pottery",
        state=FactState.CANDIDATE,
    ),
]


class ScriptedModels:
    """Three models here and what can be pulled; a pull waits for `gate` in the middle."""

    def __init__(self) -> None:
        self.running = "smollm2-135m-instruct"
        self.here = ["smollm2-135m-instruct", "mine"]
        self.gate = asyncio.Event()
        self.speed: Calibration | None = None
        self.fail: PocketAgentError | None = None

    async def offers(self) -> tuple[list[Offer], Memory]:
        memory = Memory(16 * 10**9, 4 * 10**9)
        here = [
            Offer(
                name,
                145_000_000,
                700_000_000,
                Fit.FITS,
                self._rate(145_000_000),
                here=True,
                chosen=name == self.running,
            )
            for name in self.here
        ]
        gone = Offer("[b]gone[/b]", 1, 0, Fit.UNKNOWN, 0.0, here=True, broken="There is no file")
        pull = [
            Offer(
                m.name,
                m.likely_size,
                n,
                judge(n, memory),
                self._rate(m.likely_size),
                here=False,
                known=m,
            )
            for m in catalogue()
            if m.name not in self.here
            for n in [need(m.likely_size, m.cache, 4096)]
        ]
        return [*here, gone, *pull], memory

    def _rate(self, size: int) -> float:
        return self.speed.tokens_s(size) if self.speed else 0.0

    async def measure(self) -> bool:
        news, self.speed = self.speed is None, Calibration(2e10, "CPU", "")
        return news

    async def pull(self, name: str, report: Callable[[Reached], None]) -> str:
        report(Reached(400_000_000, 1_000_000_000))
        await self.gate.wait()
        if self.fail:
            raise self.fail
        self.here.append(name)
        return name


class ScriptedQuestions:
    """Two questions; keeps the answers."""

    def __init__(self) -> None:
        self.slots = [SLOTS_BY_NAME["address"], SLOTS_BY_NAME["home"]]
        self.answers: list[tuple[str, str]] = []
        self.allowed: list[bool] = []

    async def left(self) -> list[Slot]:
        met = {name for name, _ in self.answers}
        stopped = any(text == "never" for _, text in self.answers)
        return [] if stopped else [slot for slot in self.slots if slot.name not in met]

    async def answer(self, slot: str, text: str) -> str:
        self.answers.append((slot, text))
        return f"remembered: {slot} · {text}" if text and text != "never" else ""

    async def allow(self, wanted: bool) -> str:
        self.allowed.append(wanted)
        return "questions are welcome again" if wanted else "no more questions"


class ScriptedBackend:
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
        report(READY)

    async def use_model(self, name: str, report: Report) -> str:
        report(Readiness(Stage.LOADING, "loading the model"))
        if self.fail_model:
            report(READY)
            raise self.fail_model
        self.changes.append(("model", name))
        self.models.running = name
        report(Readiness(Stage.READY, "", None, name, "CPU, 1 thread", 4096))
        return f"{name} answers from now on"

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
            yield ReplyDelta("reply", piece)
            await asyncio.sleep(0)
        stopped = self._stopped.is_set()
        whole = TurnStatus.CUT if self._finish == "length" else TurnStatus.COMPLETE
        status = TurnStatus.STOPPED if stopped else whole
        reply = self._next(TurnRole.ASSISTANT, said, status)
        usage = Usage(512, 400, 40, 0.1, 1.0)
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

    async def sources(self, drawn: Drawn) -> list[SourceRow]:
        held = {f.id: f for f in self._facts}
        facts = [SourceRow(label(held[f]), origin(held[f]), fact=f) for f in drawn.facts]
        told = {t.id: t for t in (*self._turns, *self._recalls)}
        return [
            *facts,
            *(SourceRow(told[t].text, "you", session=told[t].session, turn=t) for t in drawn.turns),
        ]

    async def said_at(self, fact: str) -> SourceRow | None:
        held = next(f for f in self._facts if f.id == fact)
        if not held.sources:
            return None
        return SourceRow("Question 0?", "you", session="s1", turn=held.sources[0].turn)

    async def history(self, fact: str) -> list[Change]:
        return [
            Change(AT, "policy", "add home: Leeds", "I live in [b]Leeds[/b]", undone=True),
            Change(AT, "user", "update home: Leeds > Porto"),
        ]

    async def facts_at(self, day: str) -> list[Fact]:
        if not day.startswith("20"):
            raise UsageError(f"{day!r} is no date", "Write 2026-11-03.")
        return [fact("old", "home", "Leeds", "I live in Leeds")]

    async def add_fact(self, text: str) -> str:
        self.changes.append(("add", text))
        return f"remembered: {text}"

    async def facts(self) -> list[Fact]:
        return self._facts

    async def edit_fact(self, fact: str, value: str) -> str:
        self.changes.append(("edit", fact, value))
        return f"remembered: {value}"

    async def remove_fact(self, fact: str) -> str:
        self.changes.append(("remove", fact))
        gone = next(f for f in self._facts if f.id == fact)
        self._facts.remove(gone)
        return f"forgot: {gone.slot} · {gone.value}"

    async def lock_fact(self, fact: str, locked: bool) -> str:
        self.changes.append(("lock" if locked else "unlock", fact))
        return "locked" if locked else "unlocked"

    async def pin_fact(self, fact: str, pinned: bool) -> str:
        self.changes.append(("pin" if pinned else "unpin", fact))
        return "pinned" if pinned else "unpinned"

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

    async def answer_fact(self, fact: str, yes: bool) -> Answered:
        self.changes.append(("confirm" if yes else "reject", fact))
        return Answered(900, f"{'remembered' if yes else 'left out'}: hobby · pottery")

    async def unseen_imports(self) -> int:
        return self.imports

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


class ScriptedLibrary:
    """Finds what holds the very words, and notes what it is asked to do."""

    def __init__(self, backend: "ScriptedBackend") -> None:
        self._backend = backend
        self.put_away: list[Session] = []
        self.exported: list[tuple[str, str]] = []
        self.by_meaning = True

    async def search(self, query: str) -> Hits:
        found = [t for t in self._backend._turns if query.casefold() in t.text.casefold()]
        titles = {s.id: s.title for s in self._backend.all_sessions}
        hits = [Hit(t.session, t.id, t.text, titles[t.session], "you, 3 Nov") for t in found]
        return Hits(tuple(hits[:30]), self.by_meaning)

    async def archived(self, limit: int, offset: int = 0) -> list[Session]:
        return self.put_away[offset : offset + limit]

    async def archive(self, session: str, archived: bool) -> None:
        here, there = self._backend.all_sessions, self.put_away
        source, target = (here, there) if archived else (there, here)
        target += [s for s in source if s.id == session]
        source[:] = [s for s in source if s.id != session]

    async def export(self, session: str, file: str) -> str:
        self.exported.append((session, file))
        if file.endswith("/"):
            raise PortableError(f"{file} is a folder", "Name a file in it.")
        return f"exported 2 turns to {file}"


class Encrypted(ScriptedBackend):
    """Opens with one passphrase only, and can be locked again."""

    def __init__(self, **settings: object) -> None:
        super().__init__(turns=exchanges(3), **settings)  # type: ignore[arg-type]
        self.encrypted = True
        self.locks = 0

    async def open(self, session: str | None, report: Report, key: str | None = None) -> None:
        if key != "sesame":
            raise NeedsKeyError("It needs its passphrase" if key is None else "Not that one")
        await super().open(session, report)

    async def lock(self) -> None:
        self.locks += 1
        await super().lock()
