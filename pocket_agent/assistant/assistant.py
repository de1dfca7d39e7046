"""The walk of one message: save, recall, assemble, stream, save, learn. No screen in here."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, replace

from pocket_agent.assistant.asker import Asker
from pocket_agent.assistant.branching import HISTORY_TURNS, Branching
from pocket_agent.assistant.context import AssembledPrompt
from pocket_agent.assistant.events import (
    AssistantEvent,
    ContextUse,
    PolicyIdle,
    ReplyDone,
    UserSaved,
)
from pocket_agent.assistant.learning import Learner, Policy
from pocket_agent.assistant.rebuilding import Rebuilt, rebuild
from pocket_agent.assistant.replying import Opening, ReplyWriter
from pocket_agent.assistant.sending import Recall, Sending
from pocket_agent.assistant.titles import first_words, title_of
from pocket_agent.assistant.undoing import take_back
from pocket_agent.assistant.warming import Warming
from pocket_agent.errors import ContextOverflowError, StoreError, UsageError
from pocket_agent.llm.protocol import (
    CHAT,
    ContextName,
    Engine,
    FinishReason,
    Message,
    Piece,
    Request,
    Role,
    Sampling,
)
from pocket_agent.memory.identity import this_second
from pocket_agent.memory.records import Drawn, Session, Turn, TurnRole, TurnStatus
from pocket_agent.memory.store import Store

UNREAD_BY_WISH = "nobody"
"""Noted as the policy that has read a turn which the person wants no policy to read."""
_ENDED: dict[FinishReason, TurnStatus] = {
    "cancelled": TurnStatus.STOPPED,
    "length": TurnStatus.CUT,
}


@dataclass(frozen=True, slots=True)
class AssistantOptions:
    """How the assistant behaves.

    Args:
        system: text added to the system message.
        sampling: how replies are sampled.
        learn: whether the policy reads turns.
        remember: False writes nothing at all (incognito): turns live in memory only.
        recall: how many past turns may be brought back; 0 for none.
        recall_floor: a past turn with a lower score is left out.
        ask: whether a reply may end with a question about the person (`policy.asking`).
        grammar: GBNF that replies must keep to; empty for none.
        profile: False reads nothing of the profile nor of other sessions, and what is said is
            never learnt from.
        learn_imported: whether the policy also reads other programs' conversations that were
            imported to be learnt from: they may be long.
        summarise: whether turns that leave the context are summed up by the model, in idle time.
    """

    system: str = ""
    sampling: Sampling = CHAT
    learn: bool = True
    remember: bool = True
    recall: int = 3
    recall_floor: float = 0.45
    ask: bool = False
    grammar: str = ""
    profile: bool = True
    learn_imported: bool = True
    summarise: bool = False


class Assistant(Branching):
    """One conversation at a time with one profile.

    Args:
        store: the profile's file. engine: the model; `send` needs it loaded.
        recaller: finds past turns, or None. policy: reads turns, or None.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        recaller: Recall | None = None,
        policy: Policy | None = None,
        options: AssistantOptions | None = None,
    ):
        self.options = options or AssistantOptions()
        self.session: Session | None = None
        self._store = store
        self._engine = engine
        self._sending = Sending(store, engine, recaller, self.options)
        imported = self.options.learn_imported
        self._learner = Learner(store, policy, imported=imported) if policy else None
        asks = self.options.ask and self.options.learn and self.options.remember
        self._asker = Asker(store) if asks else None
        self.warming = Warming(engine)
        self._scratch = 0
        self._untitled = False
        self._stopped = False

    @property
    def last_context(self) -> AssembledPrompt | None:
        """The prompt of the last reply; None before the first."""
        return self._sending.last

    async def rebuilt_context(self) -> Rebuilt | None:
        """The prompt of the last reply of a conversation that was taken up, as far as known."""
        history, extra = list(self._sending.history), self.options.system
        return await asyncio.to_thread(rebuild, self._store, history, extra)

    # --- sessions ---------------------------------------------------------------------------

    async def open_session(self, session_id: str | None = None) -> list[Turn]:
        """Go on with a session, or with None start a new one (made when the first turn comes).

        Returns:
            The session's newest turns, oldest first.
        """
        await self.preempt_policy()
        self._sending.forget()
        self._untitled = False
        if session_id is None:
            self.session = None
            self._sending.take_up([])
            return []
        self.session = await asyncio.to_thread(self._store.session, session_id)
        turns = await asyncio.to_thread(self._store.turns, session_id, limit=HISTORY_TURNS)
        self._sending.take_up(turns, max(0, self.session.turns - len(turns)))
        return list(turns)

    async def context_use(self) -> ContextUse | None:
        """How full the context is now, as the next message would find it; None without a model."""
        return await self._sending.use()

    # --- one message ------------------------------------------------------------------------

    async def send(self, text: str, instead_of: str = "") -> AsyncGenerator[AssistantEvent, None]:
        """Answer one message, then learn from it.

        Args:
            instead_of: id of an earlier message of the person's, which this one is said in place
                of. What followed it is kept as another branch, and no longer sent.

        The turn is on disk before the first token, the reply as it grows. A `send` that comes
        while the policy still reads pre-empts it; the events of what it then learns come with
        the later message.

        Raises:
            UsageError: there is nothing to send.
            ModelError: no model is loaded; the turn is kept all the same.
            ContextOverflowError: the message alone does not fit the model; it is kept all the same.
            EngineDiedError: the model's process ended; what it had said is kept.
        """
        if not text.strip():
            raise UsageError("There is nothing to send")
        self._stopped = False
        await self.preempt_policy()
        after = await self._cut_before(instead_of) if instead_of else None
        before = self._sending.place()
        turn = await self._save_user_turn(text, after)
        yield UserSaved(turn)
        self._check_loaded()
        try:
            async for event in self._answer(turn):
                yield event
        except ContextOverflowError:  # refused: it stays stored, but later prompts go without it
            if self._sending.holds(turn):
                self._sending.go_back(before)
                self._sending.refuse(turn.id)
            raise
        async for learnt in self.learn():
            yield learnt
        await self._sum_up()

    async def learn(self) -> AsyncIterator[AssistantEvent]:
        """Let the policy read what it has not read yet (also after a restart)."""
        if self._learner is None or not (self.options.learn and self.options.remember):
            return
        async for learnt in self._learner.catch_up():
            yield learnt
        if self._learner.idle:
            yield PolicyIdle()

    async def stop(self) -> None:
        """Stop the reply; what is there so far stays, which may be nothing.

        It may come before the model has the message: while that is saved, recalled for or counted.
        """
        self._stopped = True
        await self._engine.cancel(ContextName.CHAT)

    async def undo(self, seq: int | None = None) -> str:
        """Take back an edit of the profile (the last one, or the one named).

        Returns:
            The line to show.

        Raises:
            ProfileError: there is nothing to undo.
        """
        here = self.session.id if self.session else ""
        return await asyncio.to_thread(take_back, self._store, seq, here)

    def model_changed(self) -> None:
        """Another model answers from now on: it counts otherwise, the conversation is the same."""
        self._sending.model_changed()

    async def summarise(self, wanted: bool) -> None:
        """Whether turns that leave the context are summed up, from now on."""
        self.options = replace(self.options, summarise=wanted)
        if not wanted:
            await self._sending.summary.preempt()
            self._sending.summary.forget()

    def warm_up(self) -> None:
        """Let the model read the resumed history now; whatever the person does stops it."""
        if self._engine.info is not None and self._sending.history:
            self.warming.start(self._sending.read_ahead)

    async def measure(self, text: str) -> tuple[int, int]:
        """How many tokens a message would be, and how many fit the model.

        Raises:
            ModelError: no model is loaded.
        """
        self._check_loaded()
        return await self._sending.measure(text)

    async def preempt_policy(self) -> None:
        """Give the machine to the person: the policy stops and catches up later.

        So does a summary that is being made, or a history that is read ahead.
        """
        await self.warming.stop()
        if self._learner is not None:
            await self._learner.preempt()
        await self._sending.summary.preempt()

    async def close(self) -> None:
        """Stop what runs. The store and the engine belong to the caller."""
        await self.preempt_policy()
        if self._engine.info is not None:
            await self.stop()

    # --- inside -----------------------------------------------------------------------------

    async def _answer(
        self, turn: Turn, after: str | None = None, begun: Sequence[Turn] = ()
    ) -> AsyncIterator[AssistantEvent]:
        """Reply to a message, the last of the history.

        Args:
            after: the turn that the reply follows; None for the last one.
            begun: the pieces of a reply that is gone on with.
        """
        said = "".join(piece.text for piece in begun)
        prompt = await self._sending.prompt(turn, said)
        ready = self._sending.ready(turn, prompt)
        yield ready
        drawn = Drawn(
            tuple(fact.id for fact in ready.facts),
            tuple(memory.turn.id for memory in ready.recalled),
        )
        # Another conversation may be opened before the reply is over: it stays in its own.
        history = self._sending.history if self._sending.holds(turn) else []
        history += begun
        new = after is None and not begun
        opening = self._open_reply(turn, drawn, after)
        async for event in self._reply(turn.text if new else "", prompt, opening, said, history):
            yield event

    async def _save_user_turn(self, text: str, after: str | None = None) -> Turn:
        if not self.options.remember:
            turn = self._scratch_turn(TurnRole.USER, text)
        else:
            if self.session is None:
                title = title_of(text)
                self._untitled = not title
                self.session = await asyncio.to_thread(
                    self._store.new_session, title or first_words(text)
                )
            read_by = None if self.options.profile else UNREAD_BY_WISH
            turn = await asyncio.to_thread(
                self._store.add_user_turn, self.session.id, text, after, read_by
            )
        self._sending.history.append(turn)
        return turn

    async def _sum_up(self) -> None:
        idle = self._learner is None or self._learner.idle or not self.options.learn
        if self.options.summarise and idle:
            await self._sending.sum_up()

    async def _reply(
        self,
        text: str,
        prompt: AssembledPrompt,
        opening: Opening,
        said: str,
        history: list[Turn],
    ) -> AsyncIterator[AssistantEvent]:
        """Stream a reply into the store and into the history of its conversation."""
        writer = ReplyWriter(self._store, opening)
        await writer.open()
        begun = (Message(Role.ASSISTANT, said),) if said else ()
        request = Request(
            ContextName.CHAT,
            messages=(*prompt.messages, *begun),
            sampling=self.options.sampling,
            grammar=self.options.grammar,
            continue_last=bool(begun),
        )
        last: Piece | None = None
        try:
            async for piece in _nothing() if self._stopped else self._engine.stream(request):
                last = piece
                if shown := await writer.add(piece.text, piece.tokens):
                    yield shown
        except BaseException:
            history.append(await writer.close(TurnStatus.INTERRUPTED))
            raise
        finish = (last.finish if last else None) or "stop"
        status = _ENDED.get(finish, TurnStatus.COMPLETE)
        if (question := await self._follow_up(text, status)) and (
            shown := await writer.add(f"\n\n{question}")
        ):
            yield shown
        rest = writer.unshown
        reply = await writer.close(status)
        history.append(reply)
        if history is self._sending.history:
            await self._entitle(reply)
        if rest:
            yield rest
        yield ReplyDone(reply, finish, last.usage if last else None)

    async def _follow_up(self, text: str, status: TurnStatus) -> str:
        if self._asker is None or not text:  # a reply made anew, or gone on with, asks nothing
            return ""
        done = status is TurnStatus.COMPLETE
        return await asyncio.to_thread(self._asker.follow_up, text, may_ask=done)

    async def _entitle(self, reply: Turn) -> None:
        """A first message such as "hi" is no title: what was answered may be."""
        if self._untitled and self.session is not None and (title := title_of(reply.text)):
            self._untitled = False
            with contextlib.suppress(StoreError):  # it was only a suggestion
                self.session = await asyncio.to_thread(
                    self._store.suggest_title, self.session.id, title
                )

    def _open_reply(self, turn: Turn, drawn: Drawn, after: str | None) -> Opening:
        if not self.options.remember:
            return Opening(None, self._scratch_turn(TurnRole.ASSISTANT, ""), drawn)
        return Opening(turn.session, None, drawn, after)

    def _scratch_turn(self, role: TurnRole, text: str) -> Turn:
        self._scratch += 1
        return Turn(f"scratch-{self._scratch}", "", role, text, this_second())


async def _nothing() -> AsyncIterator[Piece]:
    """A reply that was stopped before the model had the message."""
    yield Piece("", "cancelled")
