"""`profile show`, `why`, `history`, `set` and `undo`: the facts and the log they come from."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pocket_agent.cli.opening import open_store, typed
from pocket_agent.cli.output import narrate, one_line, put_json, put_line
from pocket_agent.errors import ProfileError, StoreError, UsageError
from pocket_agent.moments import end_of

if TYPE_CHECKING:
    from pocket_agent.profile.facts import Event, Fact, Profile, Source


def show(arguments: argparse.Namespace) -> int:
    """Print the facts that hold, and those that wait for a yes or no."""
    from pocket_agent.profile.rules import as_of
    from pocket_agent.profile.waiting import waiting

    until = end_of(arguments.at).isoformat(timespec="milliseconds") if arguments.at else ""
    with open_store(arguments) as store:
        profile = as_of(store.events(), until) if until else store.profile()
    held = _matching([*profile.active(), *waiting(profile)], arguments)
    if arguments.json:
        put_json([asdict(fact) for fact in held])
    else:
        _print(held, "Nothing matches." if arguments.matching or arguments.slot else "")
    return 0


def _matching(facts: "list[Fact]", arguments: argparse.Namespace) -> "list[Fact]":
    """The facts of the slots and with the text that are asked for.

    Raises:
        UsageError: there is no such slot or group.
    """
    from pocket_agent.portable.parts import slots_of

    slots, needle = slots_of(arguments.slot), arguments.matching.casefold()

    def holds(fact: "Fact") -> bool:
        texts = (fact.slot, fact.value, *(source.quote for source in fact.sources))
        return any(needle in text.casefold() for text in texts)

    return [fact for fact in facts if (not slots or fact.slot in slots) and holds(fact)]


def why(arguments: argparse.Namespace) -> int:
    """Print the words that a fact rests on, and the turns they were said in."""
    from pocket_agent.cli.marks import find_fact
    from pocket_agent.memory.records import Turn

    def turn_of(name: str) -> Turn | None:
        try:
            return store.turn(name)
        except StoreError:
            return None

    with open_store(arguments) as store:
        fact = find_fact(store.profile(), arguments.slot, typed(arguments.value))
        found = [(source, turn_of(source.turn)) for source in fact.sources]
    if arguments.json:
        put_json(
            [
                {**asdict(source), "session": turn.session, "at": turn.at, "text": turn.text}
                if turn is not None
                else asdict(source)
                for source, turn in found
            ]
        )
        return 0
    for source, turn in found:
        put_line(f"“{one_line(source.quote)}”")
        if source.question:
            put_line(f"    asked: {one_line(source.question)}")
        if turn is not None:
            put_line(f"    {turn.at[:16]}  turn {turn.id}: {one_line(turn.text)}")
        else:
            put_line(f"    {_came_from(source)}")
    if not found:
        narrate("It rests on no words: it was set by hand.")
    return 0


def _came_from(source: "Source") -> str:
    if source.imported_from:
        return f"imported from {one_line(source.imported_from)}"
    return "a turn that is no longer there" if source.turn else "typed in by hand"


def print_profile(profile: "Profile") -> None:
    """Print the facts of a profile for people."""
    from pocket_agent.profile.waiting import waiting

    _print([*profile.active(), *waiting(profile)])


def _print(held: "list[Fact]", none: str = "") -> None:
    for line in _sheet(held):
        put_line(line)
    if not held:
        narrate(none or "Nothing is known yet.")


def history(arguments: argparse.Namespace) -> int:
    """Print the log, oldest first."""
    from pocket_agent.profile.rules import effective

    with open_store(arguments) as store:
        events = store.events()
    facts = {event.id: event for event in events}
    counting = {event.seq for event in effective(events)}
    if arguments.fact:
        events = _about(events, arguments.fact)
    if arguments.json:
        put_json([_event_record(event, event.seq in counting) for event in events])
        return 0
    for event in events:
        put_line(_event_line(event, facts, event.seq in counting))
    return 0


def set_fact(arguments: argparse.Namespace) -> int:
    """Write a fact by hand."""
    from pocket_agent.assistant.phrases import label
    from pocket_agent.cli.marks import find_fact
    from pocket_agent.profile.edits import edit_of
    from pocket_agent.profile.facts import Actor, Op, OpKind, Polarity, Source

    value = typed(arguments.value)
    sign = Polarity.AVOIDS if arguments.avoid else Polarity.LIKES
    op = Op(OpKind.ADD, arguments.slot, value, polarity=sign)
    by_hand = Source("", 0, len(value), value)
    with open_store(arguments, make=True) as store:
        if arguments.instead_of:
            old = find_fact(store.profile(), *_named(arguments.instead_of, arguments.slot))
            op = edit_of(old, arguments.slot, value, sign)
        applied = store.record(op, actor=Actor.USER, source=by_hand)
    if applied.fact is not None:
        narrate(f"{applied.outcome}: {label(applied.fact)}")
    return 0


def _named(text: str, slot: str) -> tuple[str, str]:
    """Slot and value of the fact that is meant: `slot: value`, or a value of the same slot."""
    from pocket_agent.profile.slots import BY_NAME

    name, colon, value = text.partition(":")
    if colon and value.strip() and name.strip().lower() in BY_NAME:
        return name.strip().lower(), value.strip()
    return slot, text


def undo(arguments: argparse.Namespace) -> int:
    """Take back a change."""
    from pocket_agent.assistant.phrases import label

    if arguments.last_import and arguments.seq is not None:
        raise UsageError("Say a number or --import, not both")
    with open_store(arguments, writes=True) as store:
        brought = store.last_import()
        applied = store.undo_import() if arguments.last_import else store.undo(arguments.seq)
        is_there = store.last_import() == brought
        together = _together(store.events(), store.last_event())
    if brought is not None and not is_there:
        narrate(f"undone: the import of {brought.at[:16]}; importing the file again brings it back")
        return 0
    if not applied.changed:
        raise ProfileError("That change counts no longer", "`profile history` shows which do.")
    if together > 1:
        narrate(f"undone: {together} changes that were made in one go")
    else:
        narrate(f"undone: {label(applied.fact)}" if applied.fact else "undone")
    return 0


def _together(events: "list[Event]", last: "Event | None") -> int:
    """How many events the last one, an undo, took back."""
    undone = last.op.undoes if last is not None else 0
    batch = next((event.batch for event in events if event.seq == undone), "")
    return sum(event.batch == batch for event in events) if batch else 1


def _about(events: "list[Event]", words: list[str]) -> "list[Event]":
    """The events of one fact: those that stated, replaced, marked or removed it, and their undos.

    Raises:
        UsageError: only one word was given. ProfileError: there never was such a fact.
    """
    from pocket_agent.assistant.history import of_fact

    if len(words) < 2:
        raise UsageError("A fact is named by its slot and its value", "Such as: --fact home Porto")
    found = of_fact(events, words[0], typed(words[1:]))
    if not found:
        raise ProfileError(f"There never was a fact {words[0]}: {typed(words[1:])}")
    return found


def _sheet(facts: "list[Fact]") -> list[str]:
    """The facts under the headings of their groups."""
    from pocket_agent.profile.slots import BY_NAME, Group

    lines = []
    for group in Group:
        here = [
            fact
            for fact in facts
            if (BY_NAME[fact.slot].group if fact.slot in BY_NAME else Group.OTHER) is group
        ]
        if here:
            lines += [str(group).upper(), *(line for fact in here for line in _entry(fact))]
    return lines


def _entry(fact: "Fact") -> list[str]:
    from pocket_agent.profile.facts import FactState, Polarity

    avoids = "avoids " if fact.polarity is Polarity.AVOIDS else ""
    marks = [
        name
        for name, is_so in (
            ("maybe", fact.state is FactState.CANDIDATE),
            ("no longer?", fact.state is FactState.DOUBT),
            ("locked", fact.locked),
            ("pinned", fact.pinned),
        )
        if is_so
    ]
    mark = f"  ({', '.join(marks)})" if marks else ""
    last = fact.sources[-1] if fact.sources else None
    said = f"“{one_line(last.quote)}”" if last and last.turn else "set by hand"
    if last and last.imported_from:
        said += f"  imported from {one_line(last.imported_from)}"
    line = f"  {one_line(fact.slot)}: {avoids}{one_line(fact.value)}{mark}"
    return [line, f"      {fact.learnt[:10]}  {said}"]


def _event_line(event: "Event", events: "dict[str, Event]", counts: bool) -> str:
    from pocket_agent.assistant.history import tell

    told = tell(event, events, counts=counts)
    gone = "  (undone)" if told.undone else ""
    quote = f"  “{one_line(told.quote)}”" if told.quote else ""
    when = one_line(f"{event.at[:16]}  {event.actor:<6}")
    return f"{event.seq:>4}  {when}  {one_line(told.what)}{gone}{quote}"


def _event_record(event: "Event", counts: bool) -> dict[str, Any]:
    op = event.op
    record = {"seq": event.seq, "id": event.id, "at": event.at, "actor": event.actor}
    record |= {"op": op.kind, "slot": op.slot, "value": op.value, "old": op.old}
    record |= {"polarity": op.polarity, "fact": op.fact, "undoes": op.undoes}
    record |= {"quote": event.source.quote if event.source else ""}
    record |= {"turn": event.source.turn if event.source else ""}
    return {**record, "policy": event.policy, "counts": counts}
