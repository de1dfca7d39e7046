"""Two logs that meet where either side has forgotten something: what the log of both is.

The same two logs and the same forgettings give the same log on either side. So two computers that
have told each other everything hold the same profile, and nothing of what either has forgotten.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pocket_agent.profile.facts import Actor, Event, Op, OpKind, Source
from pocket_agent.profile.merging import fresh, in_order, next_clock
from pocket_agent.profile.redaction import Scope, Value, redact, value_of


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten, as far as two logs are concerned.

    Args:
        turns: ids of erased turns. asked: ids of turns whose question is erased.
        is_old: whether a value was forgotten since somebody said it, and when that was.
        said: when what an event states was said, ISO 8601.
        cover: a source with the words illegible that are so in its turn.
        choose: of an event that differs on both sides, ours and theirs, the one that stays.
        anything: whether anything was forgotten at all.
    """

    turns: frozenset[str]
    asked: frozenset[str]
    is_old: Callable[[Value, str], bool]
    said: Callable[[Event], str]
    cover: Callable[[Source], Source]
    choose: Callable[[Event, Event], Event]
    anything: bool = True


@dataclass(frozen=True, slots=True)
class Met:
    """The log of both.

    Args:
        events: all of it, in order. changed: ours that have lost words.
        new: what is not ours, by its new numbers. lost: ids of those of it that have lost words.
    """

    events: tuple[Event, ...]
    changed: tuple[Event, ...]
    new: tuple[Event, ...]
    lost: frozenset[str]


def meet(ours: Sequence[Event], theirs: Sequence[Event], forgotten: Forgotten) -> Met:
    """The log of both sides, without what either has forgotten.

    An event that states it leaves a bare marker, as where a person forgets (`redaction`). What is
    said again after the forgetting stays.
    """
    known, others = {event.id: event for event in ours}, {event.id: event for event in theirs}
    kept = [_chosen(event, others.get(event.id), forgotten) for event in ours]
    came = fresh(ours, theirs)
    union = in_order([*kept, *came])
    if not forgotten.anything:
        return Met(tuple(union), (), tuple(came), frozenset())
    scope = _scope(union, forgotten)
    redacted = redact(union, scope)
    made = {event.seq: event for event in redacted.events}
    marks = _as_events(redacted.corrections, redacted.events)
    return Met(
        (*redacted.events, *marks),
        tuple(made[event.seq] for event in ours if made[event.seq] != known[event.id]),
        (*(made[event.seq] for event in came), *marks),
        frozenset(event.id for event in came if made[event.seq] != event),
    )


def _chosen(our: Event, their: Event | None, forgotten: Forgotten) -> Event:
    if their is None:
        return our
    found = forgotten.choose(our, their)
    if found is our:
        return our
    return replace(found, seq=our.seq, op=replace(found.op, undoes=our.op.undoes))


def _scope(union: Sequence[Event], forgotten: Forgotten) -> Scope:
    """What goes from the log of both. A value that was told anew goes from the old words alone."""
    old: set[Value] = set()
    anew: set[Value] = set()
    seqs: set[int] = set()
    for event in union:
        states = event.op.kind in (OpKind.ADD, OpKind.UPDATE)
        said = forgotten.said(event)
        for text, is_stated in ((event.op.value, states), (event.op.old, False)):
            value = value_of(event.op.slot, text)
            if not text:
                continue
            if forgotten.is_old(value, said):
                old.add(value)
                seqs |= {event.seq} if is_stated else set()
            elif is_stated:
                anew.add(value)
    return Scope(
        values=frozenset(old - anew),
        turns=forgotten.turns,
        asked=forgotten.asked,
        seqs=frozenset(seqs),
        cover=forgotten.cover,
    )


def _as_events(corrections: Sequence[Op], events: Sequence[Event]) -> list[Event]:
    """The corrections behind the log, the same on both sides."""
    at = max((event.at for event in events), default="")
    seq = max((event.seq for event in events), default=0)
    last = max((event.clock for event in events), default=0)
    made = []
    for op in corrections:
        seq, last = seq + 1, next_clock(last, 0)
        name = hashlib.sha256(f"{last} {op.kind} {op.fact}".encode()).hexdigest()[:32]
        made.append(Event(seq, name, at, Actor.USER, op, clock=last, over=op.fact))
    return made
