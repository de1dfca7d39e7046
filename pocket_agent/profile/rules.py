"""The rules by which events change the profile, one by one (`edits`) and as a log.

Pure: the same log always gives the same profile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pocket_agent.errors import ProfileError
from pocket_agent.profile.draft import Draft
from pocket_agent.profile.edits import CONFIDENT, WAITS, is_waiting, step
from pocket_agent.profile.facts import (
    Actor,
    Event,
    FactState,
    Op,
    OpKind,
    Polarity,
    Profile,
    Source,
)
from pocket_agent.profile.outcomes import Applied, Outcome
from pocket_agent.profile.slots import BY_NAME, POLAR
from pocket_agent.profile.values import find_span, key

__all__ = [
    "CONFIDENT",
    "WAITS",
    "Applied",
    "Outcome",
    "apply",
    "apply_new",
    "as_of",
    "check",
    "effective",
    "knowing",
    "replay",
    "step",
    "undo_target",
]

_CHANGING = (OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE, OpKind.CONFIRM)


def check(event: Event) -> None:
    """Refuse an event that breaks the schema or has no words to rest on.

    Raises:
        ProfileError: unknown slot, empty value, a polarity where none belongs, or, for the
            policy, a value that stands neither in its quote nor in the question it answers, or
            something imported that would hold without a yes.
    """
    op = event.op
    if op.kind in (OpKind.ADD, OpKind.UPDATE):
        slot = BY_NAME.get(op.slot)
        if slot is None:
            raise ProfileError(f"There is no slot {op.slot!r}", f"Slots: {', '.join(BY_NAME)}.")
        if not key(op.value):
            raise ProfileError(f"The value for {op.slot} is empty")
        if op.polarity is Polarity.AVOIDS and op.slot not in POLAR:
            raise ProfileError(f"{op.slot} can't be avoided, only stated")
        if event.actor is Actor.POLICY and not _grounded(op, event.source):
            raise ProfileError(f"The value {op.value!r} is not in the person's own words")
        imported = event.source is not None and event.source.imported_from
        if imported and event.actor is not Actor.USER and event.confidence >= CONFIDENT:
            raise ProfileError("What is imported waits for the person's yes")


def apply(profile: Profile, event: Event) -> Applied:
    """The profile after one event.

    Same value again adds a source; a different value in a single-valued slot supersedes; what is
    locked or was set by hand is changed by the person alone.

    Raises:
        ProfileError: see `check`; or the event is an undo, which needs the whole log (`replay`).
    """
    check(event)
    if event.op.kind is OpKind.UNDO:
        raise ProfileError("An undo can only be applied by replaying the log")
    return step(profile, event)


def apply_new(profile: Profile, event: Event) -> tuple[Event, Applied]:
    """As `apply`; what waits is made to wait in every later replay too.

    A lock that is undone later must not turn the question of that day into an edit nobody saw.

    Returns:
        The event as it is to be recorded, and what it does.

    Raises:
        ProfileError: see `apply`.
    """
    applied = apply(profile, event)
    states = event.op.kind in (OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE)
    if states and applied.changed and is_waiting(applied.fact) and event.confidence >= CONFIDENT:
        event = replace(event, confidence=WAITS)
        applied = apply(profile, event)
    return event, applied


def replay(events: Iterable[Event]) -> Profile:
    """The profile that a log gives, undone events left out.

    The events were checked when they were recorded; checking them again would make a log
    unreadable after a change of the schema.
    """
    draft = Draft()
    for event in effective(list(events)):
        step(draft, event)
        draft.keep()
    return draft.done()


def as_of(events: Iterable[Event], moment: str) -> Profile:
    """The profile as it was at `moment` (ISO 8601 in UTC), later undos not yet counted."""
    return replay(event for event in events if event.at <= moment)


def effective(events: Sequence[Event]) -> list[Event]:
    """The events that count: neither undone nor an undo. Undoing an undo brings the event back.

    A batch is undone as a whole, whichever of its events the undo names. An undo has a larger
    number than what it takes back, wherever it stands.
    """
    batches = {event.seq: event.batch for event in events if event.batch}
    undone: set[int] = set()
    undone_batches: set[str] = set()
    undos = [event for event in events if event.op.kind is OpKind.UNDO]
    for undo in sorted(undos, key=_number, reverse=True):
        if undo.seq not in undone:
            undone.add(undo.op.undoes)
            undone_batches.add(batches.get(undo.op.undoes, ""))
    undone_batches.discard("")
    return [
        event
        for event in events
        if event.op.kind is not OpKind.UNDO
        and event.seq not in undone
        and event.batch not in undone_batches
    ]


def knowing(profile: Profile, event: Event) -> Event:
    """The event of a person's hand, naming the locked facts that it changes, if it does.

    A lock holds against what was done by hand elsewhere, by one who did not know of it.
    """
    if event.actor is not Actor.USER or event.op.kind not in _CHANGING:
        return event
    after = step(profile, replace(event, clock=0)).profile
    live = (FactState.ACTIVE, FactState.CANDIDATE)
    changed = (
        name
        for name, fact in profile.facts.items()
        if fact.locked and fact.state in live and after.facts[name].state is not fact.state
    )
    return replace(event, over=" ".join(changed))


def undo_target(events: Sequence[Event], seq: int | None = None, after: int = 0) -> Event:
    """The event that an undo takes back: the one named, or the last that still does anything.

    Args:
        after: without a number, take one that came later than the event of this one.

    An event may count and yet do nothing: the lock of a fact whose own event is undone. Its undo
    would change nothing, so the next one is taken. While any fact is there, one is found: the
    event that made the fact.

    The markers of what was forgotten (kind none) do nothing, so they are passed over too.

    Raises:
        ProfileError: there is nothing to undo, or no such event.
    """
    if seq is None:
        counting = effective(events)
        now = replay(counting)
        newest = [event for event in counting if event.seq > after]
        for event in sorted(newest, key=_number, reverse=True):
            if replay(other for other in counting if not _together(event, other)) != now:
                return event
        raise ProfileError("There is nothing to undo")
    for event in events:
        if event.seq == seq:
            return event
    raise ProfileError(f"There is no event {seq}", "`profile history` lists them.")


def _number(event: Event) -> int:
    return event.seq


def _together(event: Event, other: Event) -> bool:
    """Whether an undo of the one takes back the other."""
    return event.seq == other.seq or (event.batch != "" and event.batch == other.batch)


def _grounded(op: Op, source: Source | None) -> bool:
    if source is None or not source.turn or source.imported_from or not source.quote.strip():
        return False
    return any(find_span(text, op.value) is not None for text in (source.quote, source.question))
