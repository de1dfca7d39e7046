"""Events and facts as rows of the store, and back."""

import json
from dataclasses import asdict
from typing import Any

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

EVENT_COLUMNS = (
    "seq, id, at, actor, kind, slot, value, old, polarity, fact, undoes, source, confidence, "
    "policy, since, clock, over"
)
FACT_COLUMNS = (
    "id, slot, value, polarity, confidence, state, actor, learnt, since, locked, pinned, "
    "replaced_by, ended"
)
SOURCE_COLUMNS = 'turn, start, "end", quote, question'

Row = tuple[Any, ...]


def event_row(event: Event) -> Row:
    """The values of EVENT_COLUMNS."""
    op = event.op
    source = None if event.source is None else json.dumps(asdict(event.source), ensure_ascii=False)
    done = (op.kind.value, op.slot, op.value, op.old, op.polarity.value, op.fact, op.undoes)
    rest = (source, event.confidence, event.policy, event.since, event.clock, event.over)
    return (event.seq, event.id, event.at, event.actor.value, *done, *rest)


def event_from_row(row: Row) -> Event:
    """The event of a row of EVENT_COLUMNS."""
    seq, name, at, actor, kind, slot, value, old, polarity, fact, undoes, source, *rest = row
    confidence, policy, since, clock, over = rest
    op = Op(OpKind(kind), slot, value, old, Polarity(polarity), fact, undoes)
    words = None if source is None else Source(**json.loads(source))
    done = (seq, name, at, Actor(actor), op, words, confidence, policy, since)
    return Event(*done, clock, over)


def fact_row(fact: Fact) -> Row:
    """The values of FACT_COLUMNS."""
    held = (fact.id, fact.slot, fact.value, fact.polarity.value, fact.confidence, fact.state.value)
    clocks = (fact.actor.value, fact.learnt, fact.since)
    return (*held, *clocks, fact.locked, fact.pinned, fact.replaced_by, fact.ended)


def fact_from_row(row: Row, sources: tuple[Source, ...]) -> Fact:
    """The fact of a row of FACT_COLUMNS."""
    name, slot, value, polarity, confidence, state, actor, learnt, since, *rest = row
    locked, pinned, replaced_by, ended = rest
    return Fact(
        id=name,
        slot=slot,
        value=value,
        polarity=Polarity(polarity),
        confidence=confidence,
        state=FactState(state),
        actor=Actor(actor),
        learnt=learnt,
        since=since,
        locked=bool(locked),
        pinned=bool(pinned),
        sources=sources,
        replaced_by=replaced_by,
        ended=ended,
    )


def source_row(source: Source) -> Row:
    """The values of SOURCE_COLUMNS."""
    return (source.turn, source.start, source.end, source.quote, source.question)
