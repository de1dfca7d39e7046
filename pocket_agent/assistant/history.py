"""The log as people read it: the changes of one fact, each in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pocket_agent.profile.edits import refiles
from pocket_agent.profile.facts import Event, OpKind
from pocket_agent.profile.redaction import Value, value_of
from pocket_agent.profile.rules import CONFIDENT


@dataclass(frozen=True, slots=True)
class Told:
    """A change in words; none of them is made safe to be shown yet.

    Args:
        what: what was done. quote: the words it rests on, if they were said in a turn.
        undone: whether it counts no longer.
    """

    what: str
    quote: str
    undone: bool


def of_fact(events: Sequence[Event], slot: str, value: str) -> list[Event]:
    """The events that stated, replaced, marked or removed a fact, and their undos; maybe none."""
    wanted = value_of(slot, value)
    about = [e for e in events if wanted in (value_of(e.op.slot, e.op.value), _old(e))]
    ids = {event.id for event in about if value_of(event.op.slot, event.op.value) == wanted}
    seqs = {event.seq for event in events if event in about or event.op.fact in ids}
    for event in events:  # an undo comes after what it takes back, and may be taken back too
        if event.op.undoes in seqs:
            seqs.add(event.seq)
    return [event for event in events if event.seq in seqs]


def tell(event: Event, events: Mapping[str, Event], *, counts: bool) -> Told:
    """An event in words.

    Args:
        events: the log by id. counts: whether the event does.
    """
    op = event.op
    about = events.get(op.fact) if op.fact else None
    slot = op.slot or (about.op.slot if about else "")
    value = op.value or (about.op.value if about else "")
    change = f"{op.old} > {value}" if op.old else value
    if refiles(op) and about is not None:
        change += f" (was {about.op.slot}{' -' * (about.op.polarity == '-')}: {about.op.value})"
    sign = " -" if op.polarity == "-" else ""
    what = f"{op.kind} {slot}{sign}: {change}"
    if op.kind is OpKind.UNDO:
        what = f"undo {op.undoes}"
    elif op.kind is OpKind.NONE or (op.kind is OpKind.REMOVE and not op.value):
        what = "(forgotten)"
    states = op.kind in (OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE)
    what += "?" if states and event.confidence < CONFIDENT else ""
    said = event.source.quote if event.source and event.source.turn else ""
    return Told(what, said, not counts and op.kind is not OpKind.UNDO)


def _old(event: Event) -> Value | None:
    return value_of(event.op.slot, event.op.old) if event.op.old else None
