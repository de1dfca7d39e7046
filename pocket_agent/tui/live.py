"""The real backend: the assistant over the profile's store, the model's child and recall.

Nothing of it is imported before the first picture is on the screen, and whatever touches the disk
runs in a thread.
"""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

from pocket_agent.assistant.events import AssistantEvent, ContextUse, ReplyDone, UserSaved
from pocket_agent.assistant.phrases import no_room
from pocket_agent.errors import PassphraseError, PocketAgentError, StoreError
from pocket_agent.llm.protocol import ModelInfo, Progress
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Drawn, Session
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Fact, Op, OpKind
from pocket_agent.tui.backend import (
    Answered,
    Change,
    NeedsKeyError,
    Page,
    Preview,
    Proposed,
    Readiness,
    Report,
    SentPart,
    SentPrompt,
    SourceRow,
    Stage,
)
from pocket_agent.tui.library import Library
from pocket_agent.tui.options import TuiOptions

if TYPE_CHECKING:
    from pocket_agent.assistant.context import AssembledPrompt
    from pocket_agent.assistant.rebuilding import Rebuilt
    from pocket_agent.tui.live_questions import Questions
    from pocket_agent.tui.model_room import ModelRoom
    from pocket_agent.tui.workshop import Parts

_WAITING = "waiting"
"""The store's setting that holds messages not sent yet."""
_TITLES = {"system": "What the assistant is told", "user": "You", "assistant": "Pocket"}


class LiveBackend:
    """One profile with a real model. See `backend.Backend` for what each method promises.

    Args:
        locations: the folders of this installation.
        profile_name: which profile to open.
        options: what to run and how.
    """

    def __init__(self, locations: Locations, profile_name: str, options: TuiOptions) -> None:
        self.profile_name = profile_name
        self._locations = locations
        self._options = options
        self._key = options.key
        self._parts: Parts | None = None
        self._loading = asyncio.Lock()
        self._report: Report = _ignore
        self._closed = False
        self._told: ModelInfo | None = None
        self._models: ModelRoom | None = None
        self._resumes = options.resume
        self._then: dict[str, Fact] = {}  # facts of a day that is looked at; some are undone since

    def place(self, name: str) -> str:
        return str(self._locations.profile(name))

    def rename(self, name: str) -> None:
        self.profile_name = name

    @property
    def session(self) -> Session | None:
        return self._parts.assistant.session if self._parts else None

    @property
    def models(self) -> "ModelRoom":
        if self._models is None:
            from pocket_agent.tui.live_models import LiveModels

            self._models = LiveModels(self._locations, self._options, self._running)
        return self._models

    @property
    def questions(self) -> "Questions":
        from pocket_agent.tui.live_questions import LiveQuestions

        return LiveQuestions(self._open.store, writes=not self._options.incognito)

    @property
    def library(self) -> Library:
        return self._open.library

    @property
    def encrypted(self) -> bool:
        return self._parts is not None and self._parts.store.key is not None

    @property
    def full_disk(self) -> str:
        return self._parts.full_disk if self._parts else ""

    async def open(self, session: str | None, report: Report, key: str | None = None) -> None:
        self._report = report
        report(Readiness(Stage.OPENING, "opening the profile"))
        workshop = await asyncio.to_thread(_import_workshop)
        if not gc.get_freeze_count():
            # What is alive now stays: without it, a full collection takes 20 ms rather than 100.
            gc.freeze()
        self._parts = await self._open_parts(workshop, key or self._key)
        await self._open.assistant.open_session(session or await self._last_session())
        report(Readiness(Stage.LOADING, "loading the model"))

    async def load(self, report: Report) -> None:
        self._report = report
        async with self._loading:
            parts = self._open
            if parts.engine.info is not None:
                return
            report(Readiness(Stage.LOADING, "loading the model"))
            try:
                await parts.load(self._progress(report))
            except PocketAgentError:
                await self._start_recall()  # what was said can be searched without the model
                raise
        self._report_loaded(report)
        parts.assistant.warm_up()
        await self._start_recall()

    async def use_model(self, name: str, report: Report, *, learning: bool = False) -> str:
        self._report = report
        async with self._loading:
            parts = self._open
            report(Readiness(Stage.LOADING, "loading the model"))
            try:
                use = parts.learn_with if learning else parts.use_model
                line = await use(name, self._progress(report))
            finally:
                self._report_loaded(report)
        return line

    async def summarise(self, wanted: bool) -> None:
        self._options = replace(self._options, summarises=wanted)  # also once it is unlocked again
        await self._open.assistant.summarise(wanted)

    async def send(self, text: str, instead_of: str = "") -> AsyncIterator[AssistantEvent]:
        async for event in self._exchange(self._open.assistant.send(text, instead_of)):
            yield event

    async def regenerate(self) -> AsyncIterator[AssistantEvent]:
        await self.load(self._report)
        async for event in self._exchange(self._open.assistant.regenerate()):
            yield event

    async def go_on(self) -> AsyncIterator[AssistantEvent]:
        await self.load(self._report)
        async for event in self._exchange(self._open.assistant.go_on()):
            yield event

    async def measure(self, text: str) -> tuple[int, int]:
        return await self._open.assistant.measure(text)

    async def versions(self) -> dict[str, list[str]]:
        if self.session is None:
            return {}
        return await asyncio.to_thread(self._open.store.versions, self.session.id)

    async def choose(self, turn: str) -> None:
        await self._open.assistant.choose(turn)

    async def _exchange(
        self, events: AsyncIterator[AssistantEvent]
    ) -> AsyncIterator[AssistantEvent]:
        parts = self._open
        parts.hold_indexing(True)
        try:
            async for event in events:
                if isinstance(event, ReplyDone):
                    parts.hold_indexing(False)
                    if parts.engine.info is not self._told:  # its process was started again
                        self._report_loaded(self._report)
                yield event
                # The turn first: a model that can't be loaded must not lose it.
                if isinstance(event, UserSaved) and parts.engine.info is None:
                    await self.load(self._report)
        finally:
            parts.hold_indexing(False)
            if not self._loading.locked():
                self._tell_recall()

    async def _start_recall(self) -> None:
        await asyncio.to_thread(self._open.start_recall)
        self._tell_recall()

    def _tell_recall(self) -> None:
        """Say it where recall goes by words alone: the embedder is missing, or has ended."""
        parts = self._parts
        if parts is not None and parts.recall_problem:
            self._report(replace(parts.readiness, note=parts.recall_problem))

    async def catch_up(self) -> AsyncIterator[AssistantEvent]:
        async for event in self._open.assistant.learn():
            yield event

    async def keep_waiting(self, texts: list[str]) -> None:
        store = self._open.store
        if not (self._options.incognito or store.read_only):
            await asyncio.to_thread(store.set_meta, _WAITING, json.dumps(texts))

    async def waiting(self) -> list[str]:
        kept = await asyncio.to_thread(self._open.store.get_meta, _WAITING)
        return [str(text) for text in json.loads(kept)] if kept else []

    async def stop(self) -> None:
        await self._open.assistant.stop()

    async def undo(self, seq: int | None = None) -> str:
        return await self._open.assistant.undo(seq)

    async def open_session(self, session: str | None) -> None:
        await self._open.assistant.open_session(session)
        self._open.assistant.warm_up()

    async def _last_session(self) -> str | None:
        """The last conversation, where the chat is to begin with it."""
        wanted, self._resumes = self._resumes, False
        newest = await self.sessions(1) if wanted else []
        return newest[0].id if newest else None

    async def rename_session(self, session: str, title: str) -> None:
        renamed = await asyncio.to_thread(self._open.store.rename_session, session, title)
        if self.session is not None and self.session.id == session:
            self._open.assistant.session = renamed

    async def sessions(self, limit: int, offset: int = 0) -> list[Session]:
        return await asyncio.to_thread(self._open.store.sessions, limit, offset, archived=False)

    async def page(self, before: str | None, limit: int) -> Page:
        if self.session is None:
            return Page(())
        return await asyncio.to_thread(self._open.page, self.session.id, before, limit)

    async def sources(self, drawn: Drawn) -> list[SourceRow]:
        return await asyncio.to_thread(self._open.sources, drawn)

    async def said_at(self, fact: str, back: int = 0) -> SourceRow | None:
        held = self._then.get(fact) or await self._fact(fact)
        return await asyncio.to_thread(self._open.said_at, held, back)

    async def history(self, fact: str) -> list[Change]:
        held = self._then.get(fact) or await self._fact(fact)
        return await asyncio.to_thread(self._open.history, held)

    async def facts_at(self, day: str) -> list[Fact]:
        found = await asyncio.to_thread(self._open.facts_at, day)
        self._then = {fact.id: fact for fact in found}
        return found

    async def add_fact(self, text: str) -> str:
        return await asyncio.to_thread(self._open.add_fact, text)

    async def facts(self) -> list[Fact]:
        self._then = {}
        return await asyncio.to_thread(self._open.facts)

    async def edit_fact(self, fact: str, value: str) -> str:
        held = await self._fact(fact)
        return await asyncio.to_thread(self._open.edit_fact, held, value)

    async def remove_fact(self, fact: str) -> str:
        held = await self._fact(fact)
        return await self._record(
            Op(OpKind.REMOVE, held.slot, held.value, polarity=held.polarity, fact=fact)
        )

    async def lock_fact(self, fact: str, locked: bool) -> str:
        await self._record(Op(OpKind.LOCK if locked else OpKind.UNLOCK, fact=fact))
        return "locked: only you change it now" if locked else "unlocked"

    async def pin_fact(self, fact: str, pinned: bool) -> str:
        await self._record(Op(OpKind.PIN if pinned else OpKind.UNPIN, fact=fact))
        return "pinned: told to the model every time" if pinned else "unpinned"

    async def near_topic(self, topic: str) -> tuple[Proposed, ...]:
        return await asyncio.to_thread(self._open.near, topic)

    async def plan_forgetting(self, wish: Wish) -> Preview:
        return await asyncio.to_thread(self._open.preview, wish)

    async def forget(self, wish: Wish) -> str:
        parts = self._open
        await parts.assistant.preempt_policy()
        try:
            line = await asyncio.to_thread(parts.forget, wish)
        finally:
            await self._open_again()
        return line

    async def answer_fact(self, fact: str, yes: bool) -> Answered:
        return await asyncio.to_thread(self._open.answer, await self._fact(fact), yes)

    async def answer_imports(self, yes: bool) -> Answered:
        return await asyncio.to_thread(self._open.answer_imports, yes)

    async def unseen_imports(self) -> int:
        return await asyncio.to_thread(self._open.unseen_imports)

    async def context_use(self) -> ContextUse | None:
        return await self._open.assistant.context_use()

    async def sent_prompt(self) -> SentPrompt | None:
        if self._parts is None:
            return None
        prompt = self._open.assistant.last_context
        if prompt is None:
            rebuilt = await self._open.assistant.rebuilt_context()
            return (
                SentPrompt(_sent(rebuilt.prompt), 0, 0, 0, _rebuilt(rebuilt)) if rebuilt else None
            )
        lacks = no_room(prompt.left_out) if prompt.left_out else ""
        return SentPrompt(_sent(prompt), prompt.tokens, prompt.limit, prompt.dropped, lacks)

    async def lock(self) -> None:
        self._then = {}
        self._key = None  # whoever comes back types it, wherever it came from at first
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.close()

    async def close(self) -> None:
        if self._parts is not None and not self._closed:
            self._closed = True
            await self._parts.close()

    def _report_loaded(self, report: Report) -> None:
        self._told = self._open.engine.info
        report(self._open.readiness)

    def _running(self) -> tuple[str, str]:
        """The model that answers, and the setting of the one that learns."""
        options = self._parts.options if self._parts else self._options
        return options.model, options.policy_model

    @staticmethod
    def _progress(report: Report) -> Progress:
        """Tells the steps of loading as the app's readiness."""
        return lambda what, done: report(
            Readiness(Stage.LOADING, what[:1].lower() + what[1:], done)
        )

    async def _open_parts(self, workshop: ModuleType, key: str | None) -> "Parts":
        where, name = self._locations, self.profile_name
        try:
            parts: Parts = await workshop.open_parts(where, name, self._options, key)
        except PassphraseError as error:
            if key is None:
                raise NeedsKeyError(f"The profile {name} needs its passphrase") from error
            raise NeedsKeyError(error.what, error.todo) from error
        return parts

    @property
    def _open(self) -> "Parts":
        if self._parts is None:
            raise StoreError("The profile is not open yet")
        return self._parts

    async def _open_again(self) -> None:
        """Go on with the session as it is stored now, if it is still there."""
        assistant = self._open.assistant
        try:
            await assistant.open_session(assistant.session.id if assistant.session else None)
        except StoreError:
            await assistant.open_session(None)

    async def _fact(self, name: str) -> Fact:
        profile = await asyncio.to_thread(self._open.store.profile)
        fact = profile.facts.get(name)
        if fact is None:
            raise StoreError("That fact is no longer there")
        return fact

    async def _record(self, op: Op) -> str:
        return await asyncio.to_thread(self._open.record_by_hand, op)


def _sent(prompt: "AssembledPrompt") -> list[SentPart]:
    return [SentPart(_TITLES[m.role.value], m.text) for m in prompt.messages]


def _rebuilt(rebuilt: "Rebuilt") -> str:
    """How much of a prompt that was put together again is known."""
    line = "Put together again, for this reply was not made since the conversation was opened: "
    if not rebuilt.known:
        return f"{line}that anything of the profile or the past was told for it is not on record."
    line += "which facts and past turns were told is on record; their words are those of now, "
    line += "and which turns had left the context is not known."
    return f"{line} No longer there: {rebuilt.missing} of them." if rebuilt.missing else line


def _import_workshop() -> ModuleType:
    from pocket_agent.tui import workshop

    return workshop


def _ignore(_readiness: Readiness) -> None:
    """Nobody listens yet."""
