"""Two logs that meet: one order for the events of every computer, and what is new in one of them.

The profile is the replay of a set of events in an order that follows from the events themselves. So
whoever has the same events has the same profile, in whatever order, and however often, they came.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from pocket_agent.profile.facts import Event

LAST_CLOCK = 2**53
"""The clock stops here: beyond, JSON readers of other languages can't tell numbers apart."""


def order(event: Event) -> tuple[int, str, str]:
    """The place of an event: by its clock, then its id; those without a clock first, by date.

    A clock is the time in milliseconds, or one more than the largest clock of the log, whichever is
    larger: an event stands behind all that its computer knew when it was made.
    """
    return (event.clock, "", event.id) if event.clock else (0, event.at, "")


def next_clock(last: int, milliseconds: int) -> int:
    """The clock of a new event, where `last` is the largest there is."""
    return min(max(last + 1, milliseconds), LAST_CLOCK)


def in_order(events: Iterable[Event]) -> list[Event]:
    """The events in the order in which they are replayed."""
    return sorted(events, key=order)


def merge(ours: Sequence[Event], theirs: Sequence[Event]) -> list[Event]:
    """All events of two logs in order; what is only theirs gets numbers behind ours."""
    return in_order([*ours, *fresh(ours, theirs)])


def fresh(
    ours: Iterable[Event], theirs: Iterable[Event], but: Set[str] = frozenset()
) -> list[Event]:
    """Their events that we don't have, numbered behind ours; an undo names its event by our number.

    They keep the order of their numbers: an undo still has a larger one than what it undoes.

    Args:
        but: ids of events to pass over.
    """
    seqs = {event.id: event.seq for event in ours}
    theirs = sorted(theirs, key=lambda event: event.seq)
    names, last = ids_by_number(theirs), max(seqs.values(), default=0)
    new = [event for event in theirs if event.id not in seqs and event.id not in but]
    batches = {event.seq: event.batch for event in theirs if event.batch}
    made = []
    for seq, event in enumerate(new, last + 1):
        undone = seqs.get(names.get(event.op.undoes, ""), 0)
        if not undone and event.op.undoes in batches:  # passed over; the rest of its batch is not
            rest = (n for n, batch in batches.items() if batch == batches[event.op.undoes])
            undone = max((seqs.get(names[n], 0) for n in rest), default=0)
        op = replace(event.op, undoes=undone)
        made.append(replace(event, seq=seq, op=op))
        seqs[event.id] = seq
    return made


def ids_by_number(events: Iterable[Event]) -> dict[int, str]:
    """Ids by number; an undo of number 0 takes back nothing."""
    return {0: "", **{event.seq: event.id for event in events}}
