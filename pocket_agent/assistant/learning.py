"""Learning from turns: the policy reads every user turn once, and its ops go into the log."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Protocol

from pocket_agent.assistant.attaching import own_words
from pocket_agent.assistant.events import Learnt
from pocket_agent.assistant.giving_way import GivingWay
from pocket_agent.assistant.phrases import label
from pocket_agent.errors import (
    ContextOverflowError,
    EngineDiedError,
    ProfileError,
    StoreError,
)
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.policy.reader import Reading
from pocket_agent.policy.state import Known, known_from
from pocket_agent.profile.edits import WAITS, is_waiting
from pocket_agent.profile.facts import Actor, Event, Fact, FactState, Op, OpKind, Profile, Source
from pocket_agent.profile.outcomes import Applied, Outcome
from pocket_agent.profile.sources import MAX_QUOTE, ground
from pocket_agent.profile.values import find_span
from pocket_agent.profile.waiting import rival_of, stands

PASSED_OVER = "passed over"
"""Noted as the policy that has read a turn which none can read."""
_DIED = "learning.died"
"""The store's setting with the id of the turn over which the model's process ended last."""


class Policy(Protocol):
    """What decides a turn's ops; `policy.reader.PolicyReader` is one."""

    version: str

    async def read(self, known: list[Known], assistant: str, turn: str) -> Reading:
        """The ops of one turn."""


class Learner:
    """Reads the turns the policy has not read yet, oldest first. Can be pre-empted at any time.

    Args:
        store: holds the turns, the log and which turns were read. policy: decides the ops.
        imported: whether it reads other programs' conversations too, where the person wants them
            read. There may be thousands of turns, so that is for where somebody stays.
    """

    def __init__(self, store: Store, policy: Policy, *, imported: bool = True):
        self._store = store
        self._policy = policy
        self._imported = imported
        self._reading = GivingWay[Reading]()
        self.idle = False
        """Whether the last `catch_up` read all there was, rather than being pre-empted."""

    async def catch_up(self) -> AsyncIterator[Learnt]:
        """Read what is unread and yield each edit. Ends early if `preempt` is called.

        What another program's conversations say is read last. It waits, and is not yielded: it is
        no news in the conversation at hand.

        Raises:
            EngineDiedError: the model's process ended over a turn, which stays unread; the second
                time it is passed over, and says so.
            ModelError: the policy's model can't be loaded; the turns stay unread.
        """
        self.idle = False
        for turn in await asyncio.to_thread(self._store.unread_turns):
            learnt = await self._learn(turn)
            if learnt is None:
                return
            for item in learnt:
                yield item
        for turn in await asyncio.to_thread(self._store.turns_read_later) if self._imported else ():
            if await self._learn(turn, waits=True) is None:
                return
        self.idle = True

    async def preempt(self) -> None:
        """Stop reading at once; the turn stays unread and comes up again later."""
        await self._reading.preempt()

    async def _learn(self, turn: Turn, *, waits: bool = False) -> list[Learnt] | None:
        """The edits of one turn; None if something else came first."""
        known, reply = await asyncio.to_thread(self._look_up, turn)
        reading = await self._read(known, reply.text if reply else "", turn)
        if reading is None:
            return None
        if waits:
            reading = replace(reading, ops=(), unsure=(*reading.ops, *reading.unsure))
        return await asyncio.to_thread(self._record, turn, reply, reading)

    async def _read(self, known: list[Known], assistant: str, turn: Turn) -> Reading | None:
        work = self._policy.read(known, assistant, own_words(turn.text))
        reading = await self._reading.run(work)
        if reading.cancelled():
            return None
        try:
            return reading.result()
        except ContextOverflowError:  # it will never fit: left unread, it would block all others
            return Reading(())
        except EngineDiedError as error:
            if not await asyncio.to_thread(self._passes_over, turn):
                raise
            raise EngineDiedError(
                "The model's process ended twice over one of your messages",
                "Nothing is learnt from that one; the others go on.",
            ) from error

    def _passes_over(self, turn: Turn) -> bool:
        """Note a death. The second one in a row takes the turn out of the way of all others."""
        again = self._store.get_meta(_DIED) == turn.id
        self._store.set_meta(_DIED, "" if again else turn.id)
        if again:
            self._store.mark_read(turn.id, PASSED_OVER)
        return again

    def _look_up(self, turn: Turn) -> tuple[list[Known], Turn | None]:
        """What is known, and the reply that the turn answers, if it does."""
        before = self._store.turns(turn.session, before=turn.id, limit=1)
        reply = before[-1] if before and before[-1].role is TurnRole.ASSISTANT else None
        return known_from(self._store.profile().active()), reply

    def _record(self, turn: Turn, reply: Turn | None, reading: Reading) -> list[Learnt]:
        learnt = []
        assistant = reply.text if reply else ""
        remembered = self._remembered(reply)
        sure = [(op, 1.0) for op in reading.ops]
        for op, confidence in (*sure, *((op, WAITS) for op in reading.unsure)):
            if _echoes(op, turn, remembered):
                continue
            try:
                applied = self._store.record(
                    op,
                    actor=Actor.POLICY,
                    source=_source(turn, assistant, op),
                    confidence=confidence,
                    policy=self._policy.version,
                )
            except ProfileError:  # an op that breaks the rules is dropped, the others still count
                continue
            if applied.changed and not _is_known_question(applied):
                event = self._store.events()[-1]
                asks = applied.fact.id if applied.fact and is_waiting(applied.fact) else ""
                learnt.append(Learnt(event, describe(event, applied), asks))
        self._store.mark_read(turn.id, self._policy.version)
        return learnt

    def _remembered(self, reply: Turn | None) -> list[str]:
        """What a reply was made from, and so may repeat: past turns and values of facts."""
        drawn = self._store.drawn([reply.id]).get(reply.id) if reply else None
        if drawn is None:
            return []
        held = self._store.profile().facts
        texts = [held[name].value for name in drawn.facts if name in held]
        for name in drawn.turns:
            with contextlib.suppress(StoreError):  # forgotten since
                texts.append(self._store.turn(name).text)
        return texts


def _echoes(op: Op, turn: Turn, remembered: list[str]) -> bool:
    """Whether a value is not the person's, but repeated by a reply from what it was shown.

    Recalled and imported text would else be learnt once more, in a new place.
    """
    if op.kind is OpKind.REMOVE or find_span(turn.text, op.value):
        return False
    return any(find_span(text, op.value) for text in remembered)


def _is_known_question(applied: Applied) -> bool:
    """Whether an edit only says once more what waits for a yes or no already: that is not asked."""
    return applied.outcome is Outcome.REINFORCED and is_waiting(applied.fact)


def ask_line(profile: Profile, fact: Fact, old: str = "") -> str:
    """The question that a candidate or a doubt puts to the person.

    Args:
        old: the value it is meant to replace, if one was named.
    """
    if fact.state is FactState.DOUBT:
        return f"no longer {label(fact)}?"
    rival = rival_of(profile, fact, old)
    return f"{label(fact)}, not {label(rival)}?" if rival else f"maybe: {label(fact)}?"


def describe(event: Event, applied: Applied) -> str:
    """The quiet line for one edit."""
    if applied.fact is None:
        return f"changed: {event.op.kind}"
    what = label(applied.fact)
    match applied.outcome:
        case Outcome.UPDATED:
            was = event.op.old
            return f"remembered: {what}" + (f" (was {was})" if was else "")
        case Outcome.REMOVED:
            return f"forgot: {what}"
        case Outcome.PROPOSED:
            return ask_line(applied.profile, applied.fact, event.op.old)
        case Outcome.REJECTED:
            return f"kept: {what}" if stands(applied.profile, applied.fact) else f"left out: {what}"
        case Outcome.REINFORCED:
            return f"heard again: {what}"
        case _:
            return f"remembered: {what}"


def _source(turn: Turn, assistant: str, op: Op) -> Source:
    if op.kind is not OpKind.REMOVE:
        found = ground(turn.id, turn.text, op.value, assistant)
        if found is not None:
            return found
    end = min(len(turn.text), MAX_QUOTE)
    return Source(turn.id, 0, end, turn.text[:end])
