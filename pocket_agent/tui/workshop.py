"""Builds what stands behind the live backend, and takes it down again. Imported in a thread."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.learning import ask_line, describe
from pocket_agent.assistant.opening import Choice, learning_with, load_policy, open_store
from pocket_agent.assistant.phrases import Hearsay, label
from pocket_agent.errors import ModelError, PocketAgentError, StoreError, UsageError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.protocol import CHAT, ModelInfo, Progress
from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.faults import to_read_alone
from pocket_agent.memory.indexer import Indexer
from pocket_agent.memory.log import Entry
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Drawn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.memory.topic import Near, near_topic
from pocket_agent.paths import Locations
from pocket_agent.policy.reader import PolicyReader, Reading
from pocket_agent.policy.state import Known
from pocket_agent.portable.kept import exports_holding, named
from pocket_agent.profile.facts import Actor, Event, Fact, FactState, Op, OpKind, Profile
from pocket_agent.profile.rules import CONFIDENT, effective
from pocket_agent.profile.waiting import answers, waiting
from pocket_agent.tui.backend import (
    Answered,
    MemoryRow,
    Page,
    Preview,
    Proposed,
    Readiness,
    SourceRow,
    Stage,
)
from pocket_agent.tui.dates import moment
from pocket_agent.tui.factsheet import origin
from pocket_agent.tui.live_library import LiveLibrary
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.remembered import Remembered

_SEEN = "imports.seen"
"""The store's setting that holds up to which row of the log the person was told of imports."""


class LatePolicy:
    """A policy that is known only once the model is: which adapter fits depends on the file."""

    version = ""

    def __init__(self) -> None:
        self._reader: PolicyReader | None = None
        self._load: Callable[[], Awaitable[None]] | None = None

    def become(self, reader: PolicyReader | None) -> None:
        """From now on, read with this; None for a policy that is not known yet."""
        self._reader, self.version = reader, reader.version if reader else ""

    def load_by(self, load: Callable[[], Awaitable[None]]) -> None:
        """What makes the policy known, to be tried when it should read and isn't known."""
        self._load = load

    async def read(self, known: Sequence[Known], assistant: str, turn: str) -> Reading:
        """The ops of one turn.

        Raises:
            ModelError: the policy's model can't be loaded; the turn can be read another time.
        """
        if self._reader is None and self._load is not None:
            await self._load()
        if self._reader is None:
            raise ModelError(
                "The model that learns from what you say is not loaded",
                "It is learnt from as soon as that model can be loaded.",
            )
        return await self._reader.read(known, assistant, turn)


@dataclass(slots=True)
class Parts(Remembered):
    """Everything that is open for one profile."""

    store: Store
    engine: LlamaEngine
    assistant: Assistant
    policy: LatePolicy
    locations: Locations
    embedder: Embedder
    options: TuiOptions
    library: LiveLibrary
    indexer: Indexer | None = None
    recalling: bool = False
    apart: LlamaEngine = field(default_factory=LlamaEngine)
    """Where the policy's model runs if another one answers."""
    named: bool = False
    """A model was named on the command line or in the settings, which counts at each start."""

    async def load(self, progress: Progress) -> ModelInfo:
        """Load the model, with the trained policy on it if there is one for it.

        Where the policy's own model can't be loaded, this one answers all the same: the failure is
        told when something is to be learnt, which tries it again.

        Raises:
            ModelError: there is no usable model.
        """
        try:
            await self.load_policy(progress)
        except ModelError:
            if self.engine.info is None:
                raise
        assert self.engine.info is not None
        return self.engine.info

    async def load_policy(self, progress: Progress | None = None) -> None:
        """Load what is not loaded yet of the model that answers and the one that learns.

        Raises:
            ModelError: one of them can't be loaded.
        """
        options = self.options
        choice = Choice(
            model=options.model,
            chat_tokens=options.chat_tokens,
            gpu_layers=options.gpu_layers,
            device=options.device,
            requantize=options.requantize,
            makes_copy=not options.incognito,
            threads=options.threads,
            unsure=options.unsure,
            policy_model=options.policy_model,
        )
        apart = self.apart if options.learn and not options.incognito else None
        self.policy.become(None)
        reader = await load_policy(self.engine, self.locations, choice, progress, apart)
        self.policy.become(reader)

    async def use_model(self, name: str, progress: Progress) -> str:
        """Answer with another model. Returns the line to show.

        The former one is closed first: the memory may not hold both.

        Raises:
            PocketAgentError: it can't be loaded; the former one is back, if it can be.
        """
        former, shelf = self.options, ModelShelf(self.locations)
        await asyncio.to_thread(shelf.resolve, name)
        await self._change(replace(former, model=name), progress)
        lasts = not (former.incognito or self.named) and await asyncio.to_thread(_keep, shelf, name)
        return f"{self.model_name} answers {'from now on' if lasts else 'in this chat'}"

    async def learn_with(self, name: str, progress: Progress) -> str:
        """Learn from what is said with another model. Returns the line to show.

        Raises:
            PocketAgentError: it can't be loaded, or noted; the former one is back, if it can be.
        """
        if self.options.incognito:
            raise UsageError("Incognito learns nothing", "Choose it in a chat without it.")
        value = await asyncio.to_thread(learning_with, ModelShelf(self.locations), name)
        await self._change(replace(self.options, policy_model=value), progress)
        if save := self.options.save:
            await asyncio.to_thread(save, "policy_model", value)
        return f"{name} learns from what you say from now on"

    async def _change(self, options: TuiOptions, progress: Progress) -> None:
        """Load what other options ask for."""
        former = self.options
        await self.assistant.preempt_policy()
        await self.engine.close()
        self.options = options
        try:
            await self.load(progress)
        except PocketAgentError:
            self.options = former
            with suppress(PocketAgentError):
                await self.load(progress)
            raise
        finally:
            self.assistant.model_changed()

    @property
    def readiness(self) -> Readiness:
        """What the status line says of the model that is loaded, or isn't."""
        info = self.engine.info
        if info is None:
            return Readiness(Stage.FAILED)
        return Readiness(
            Stage.READY,
            model=self.model_name,
            device=info.device,
            context_limit=info.chat_tokens,
            placement=info.placement,
            note=info.note,
        )

    @property
    def model_name(self) -> str:
        """The model's file, as a person knows it."""
        return ModelShelf(self.locations).resolve(self.options.model).stem

    @property
    def full_disk(self) -> str:
        """What to say where the profile can only be read; else empty."""
        return str(to_read_alone(self.store.path)) if self.store.read_only else ""

    def start_recall(self) -> None:
        """Begin to index what has no vectors yet. Later than the model: it costs seconds of CPU."""
        if self.recalling or self.options.blank:
            return
        self.recalling = True
        self.embedder.start()
        if not self.options.incognito and not self.store.read_only:
            self.indexer = Indexer(self.store, self.embedder)

    @property
    def recall_problem(self) -> str:
        """Why recall goes by words alone, where it is not for the person's own choice; or empty."""
        return self.embedder.problem if self.recalling else ""

    def hold_indexing(self, hold: bool) -> None:
        """Leave the processor to the reply while it streams."""
        if self.indexer is not None:
            self.indexer.pause() if hold else self.indexer.resume()

    def page(self, session: str, before: str | None, limit: int) -> Page:
        """Turns of a session and what was learnt from them."""
        turns = self.store.turns(session, before, limit + 1)
        more, turns = len(turns) > limit, turns[-limit:]
        names = {turn.id for turn in turns}
        events, profile = self.store.events(), self.store.profile()
        counting = {event.seq for event in effective(events)}
        rows = [
            _row(event, profile, event.seq in counting)
            for event in events
            if _shown(event, names) and not _repeats_question(event, profile)
        ]
        return Page(tuple(turns), tuple(rows), more, self.store.drawn(names))

    def facts(self) -> list[Fact]:
        """What holds, and what waits for a yes or no."""
        profile, doubted = self.store.profile(), self.store.hearsay()
        holds = [Hearsay.of(f) if f.id in doubted else f for f in profile.active()]
        return [*holds, *waiting(profile)]

    def sources(self, drawn: Drawn) -> list[SourceRow]:
        """The facts and past turns that a reply was made from, as they are now."""
        held = self.store.profile().facts
        facts = [_fact_row(held.get(name), name) for name in drawn.facts]
        return [*facts, *(self._turn_row(name) for name in drawn.turns)]

    def _turn_row(self, name: str) -> SourceRow:
        try:
            turn = self.store.turn(name)
        except StoreError:
            return SourceRow("", "a past turn that is no longer there")
        who = "you" if turn.role is TurnRole.USER else "the assistant"
        return SourceRow(turn.text, f"{who}, {moment(turn.at)}", "", turn.session, turn.id)

    def record_by_hand(self, op: Op) -> str:
        """Let the person's own edit into the log. Returns the line to show."""
        applied = self.store.record(op, actor=Actor.USER)
        if self.indexer is not None:
            self.indexer.wake()
        event = self.store.last_event()
        if not applied.changed or event is None:
            return "that changes nothing"
        return describe(event, applied)

    def answer(self, fact: Fact, yes: bool) -> Answered:
        """Let the person's yes or no to what waits into the log."""
        (op,) = answers([fact], self.store.events(), yes=yes)
        line = self.record_by_hand(op)
        event = self.store.last_event()
        return Answered(event.seq if event else 0, line)

    def answer_imports(self, yes: bool) -> Answered:
        """Let the person's yes or no to all that was imported and waits into the log."""
        facts = [f for f in waiting(self.store.profile()) if f.actor is Actor.IMPORT]
        ops = answers(facts, self.store.events(), yes=yes)
        done = self.store.record_together([Entry(op) for op in ops], actor=Actor.USER)
        count = sum(applied.changed for applied in done)
        event = self.store.last_event()
        line = f"{'remembered' if yes else 'left out'}: {count} imported facts"
        return Answered(event.seq if event else 0, line.removesuffix("s" * (count == 1)))

    def unseen_imports(self) -> int:
        """How many imported facts wait that no earlier call has told of."""
        if self.options.incognito:
            return 0
        seen = int(self.store.get_meta(_SEEN) or 0)
        here = {f.id for f in waiting(self.store.profile()) if f.actor is Actor.IMPORT}
        news = [event.seq for event in self.store.events(seen) if event.id in here]
        if news:
            self.store.set_meta(_SEEN, str(news[-1]))
        return len(news)

    def near(self, topic: str) -> tuple[Proposed, ...]:
        """What lies near a topic, as the app shows it."""
        found = near_topic(self.store, topic, self.embedder)
        return tuple(Proposed(_line_of(near), near) for near in found)

    def preview(self, wish: Wish) -> Preview:
        """What a wish would erase, as the app shows it."""
        plan = self.store.plan_forgetting(wish)
        files = map(named, exports_holding(self.locations.home, plan.names, self.store))
        rows = [*(f"fact · {label(fact)}" for fact in plan.facts)]
        rows += [*(f"turn · {text}" for text in plan.texts)]
        rows += [f"reply elsewhere · {text}" for text in plan.replies]
        rows += [f"file · {path}" for path in files]
        what = str(plan.receipt) if plan.receipt else ""
        return Preview(what, tuple(rows), len(plan.replies))

    def forget(self, wish: Wish) -> str:
        """Erase what is wished. Returns the line to show."""
        if self.options.incognito:
            raise UsageError("Incognito writes nothing", "Forget it in a chat without it.")
        plan = self.store.plan_forgetting(wish)
        files = exports_holding(self.locations.home, plan.names, self.store)
        told = [named(path) for path in files]
        receipt = self.store.forget(wish, files)
        return f"forgotten: {receipt}{': ' if told else ''}{', '.join(told)}"

    async def close(self) -> None:
        """Stop what runs, end the children, close the file."""
        await self.assistant.close()
        closing = self.engine.close(), self.apart.close(), asyncio.to_thread(self._close_recall)
        await asyncio.gather(*closing)
        await asyncio.to_thread(self.store.close)

    def _close_recall(self) -> None:
        # The embedder first: an indexer that waits for it then ends at once.
        self.embedder.close()
        if self.indexer is not None:
            self.indexer.close()


async def open_parts(
    locations: Locations, profile: str, options: TuiOptions, key: str | None
) -> Parts:
    """Open a profile, without the model.

    Args:
        key: opens an encrypted one.

    Raises:
        PocketAgentError: the folder or the file can't be used.
    """
    store = await asyncio.to_thread(
        open_store,
        locations,
        profile,
        key,
        remember=not options.incognito,
        blank=options.blank,
    )
    engine, policy, embedder = LlamaEngine(), LatePolicy(), await asyncio.to_thread(Embedder)
    behaviour = AssistantOptions(
        sampling=replace(CHAT, seed=options.seed),
        learn=options.learn and not store.read_only,
        remember=not options.incognito,
        ask=options.ask,
        summarise=options.summarises,
    )
    recaller = Recaller(store, embedder)
    assistant = Assistant(store, engine, recaller, policy, behaviour)
    parts = Parts(
        store,
        engine,
        assistant,
        policy,
        locations,
        embedder,
        options,
        LiveLibrary(store, recaller, writes=not options.incognito),
        named=bool(options.model),
    )
    policy.load_by(parts.load_policy)
    return parts


def _keep(shelf: ModelShelf, name: str) -> bool:
    """Have the model answer the next time too; whether that can be noted."""
    try:
        shelf.use(name)
    except ModelError:  # a path, or a list that can't be written
        return False
    return True


def _fact_row(fact: Fact | None, name: str) -> SourceRow:
    if fact is None:
        return SourceRow("", "a fact that is no longer there")
    now = "" if fact.state is FactState.ACTIVE else " · no longer so"
    return SourceRow(label(fact), f"{origin(fact)}{now}", fact=name)


def _shown(event: Event, turns: set[str]) -> bool:
    return (
        event.source is not None
        and event.source.turn in turns
        and event.op.kind in (OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE)
    )


def _repeats_question(event: Event, profile: Profile) -> bool:
    """Whether an event only said once more what was waiting for a yes or no."""
    return event.confidence < CONFIDENT and event.id not in profile.facts


def _row(event: Event, profile: Profile, counts: bool) -> MemoryRow:
    op, made = event.op, profile.facts.get(event.id)
    turn = event.source.turn if event.source else ""
    if made is not None and made in waiting(profile):
        line = ask_line(profile, made, op.old)
        return MemoryRow(event.seq, turn, line, not counts, waits=made.id)
    if made is not None and made.state is FactState.REJECTED:
        return MemoryRow(event.seq, turn, f"you said no: {label(made)}", not counts)
    fact = Fact(
        event.id, op.slot, op.value, op.polarity, 1.0, FactState.ACTIVE, event.actor, event.at
    )
    verb = "forgot" if op.kind is OpKind.REMOVE else "remembered"
    was = f" (was {op.old})" if op.kind is OpKind.UPDATE and op.old else ""
    return MemoryRow(event.seq, turn, f"{verb}: {label(fact)}{was}", not counts)


def _line_of(near: Near) -> str:
    if near.turn is not None:
        return f"turn · {near.turn.at[:10]} {near.turn.speaker}: {near.turn.text}"
    return f"fact · {label(near.fact)}" if near.fact is not None else ""
