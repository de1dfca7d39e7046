"""What the profile screen asks of a store beside the facts that hold now. Called in a thread."""

from pocket_agent.assistant.history import of_fact, tell
from pocket_agent.assistant.learning import describe
from pocket_agent.errors import StoreError, UsageError
from pocket_agent.memory.records import Turn
from pocket_agent.memory.store import Store
from pocket_agent.moments import end_of
from pocket_agent.profile.edits import edit_of, refiles
from pocket_agent.profile.facts import Actor, Fact, Op, OpKind, Polarity, Source
from pocket_agent.profile.rules import as_of, effective
from pocket_agent.profile.slots import BY_NAME, POLAR
from pocket_agent.profile.waiting import waiting
from pocket_agent.tui.backend import Change, SourceRow
from pocket_agent.tui.dates import moment

_AVOID = "avoid "
_WAYS = {
    "avoid": Polarity.AVOIDS,
    "avoids": Polarity.AVOIDS,
    "like": Polarity.LIKES,
    "likes": Polarity.LIKES,
}


class Remembered:
    """The part of `Parts` that looks into the past of facts, and takes new ones by hand."""

    __slots__ = ()
    store: Store

    def said_at(self, fact: Fact, back: int = 0) -> SourceRow | None:
        """A turn that a fact rests on, so many back from the last of those that are there."""
        named = dict.fromkeys(source.turn for source in reversed(fact.sources))
        turns = [turn for name in named if (turn := self._turn(name)) is not None]
        if not turns:
            return None
        at = back % len(turns)
        turn, place = turns[at], f" · {at + 1} of {len(turns)} places" if len(turns) > 1 else ""
        return SourceRow(turn.text, f"{moment(turn.at)}{place}", "", turn.session, turn.id)

    def history(self, fact: Fact) -> list[Change]:
        """The changes of a fact, oldest first."""
        events = self.store.events()
        by_id = {event.id: event for event in events}
        counting = {event.seq for event in effective(events)}
        made = []
        for event in of_fact(events, fact.slot, fact.value):
            told = tell(event, by_id, counts=event.seq in counting)
            made.append(Change(event.at, event.actor, told.what, told.quote, told.undone))
        return made

    def facts_at(self, day: str) -> list[Fact]:
        """What held, and what waited, at the end of a day or at a time."""
        until = end_of(day).isoformat(timespec="milliseconds")
        profile = as_of(self.store.events(), until)
        return [*profile.active(), *waiting(profile)]

    def add_fact(self, text: str) -> str:
        """Write a fact by hand, as `slot: value`."""
        name, colon, value = text.partition(":")
        avoids = name.strip().lower().startswith(_AVOID)
        slot, value = name.strip().lower().removeprefix(_AVOID).strip(), value.strip()
        if not colon or not value:
            raise UsageError("That is no fact", "Write it so: food: ramen, or avoid food: olives.")
        sign = Polarity.AVOIDS if avoids else Polarity.LIKES
        op, typed = Op(OpKind.ADD, slot, value, polarity=sign), Source("", 0, len(value), value)
        applied = self.store.record(op, actor=Actor.USER, source=typed)
        event = self.store.last_event()
        if not applied.changed or event is None:
            return "that is remembered already"
        return describe(event, applied)

    def edit_fact(self, fact: Fact, text: str) -> str:
        """Change a fact by hand: its value, or where and which way round it is filed.

        Args:
            text: the new value; `slot: value`, `avoid …` or `like …` where those were wrong.
        """
        slot, value, sign = read_edit(fact, text)
        op = edit_of(fact, slot, value, sign)
        typed = Source("", 0, len(value), value) if refiles(op) else None
        applied = self.store.record(op, actor=Actor.USER, source=typed)
        event = self.store.last_event()
        if not applied.changed or event is None:
            return "nothing changes"
        return describe(event, applied)

    def _turn(self, name: str) -> Turn | None:
        try:
            return self.store.turn(name)
        except StoreError:
            return None


def read_edit(fact: Fact, text: str) -> tuple[str, str, Polarity]:
    """Slot, value and polarity that a line typed over a fact's value means.

    A word that the value began with before is part of it, and so is "avoid" in a slot that is
    simply true.
    """
    rest, sign = _way(text.strip(), fact)
    slot, (name, colon, value) = fact.slot, rest.partition(":")
    if colon and value.strip() and name.strip().lower() in BY_NAME:
        slot, rest = name.strip().lower(), value.strip()
        if sign is None and slot in POLAR:
            rest, sign = _way(rest, fact)
    if slot not in POLAR:
        if sign is not None and slot == fact.slot:
            rest = text.strip()
        return slot, rest, Polarity.LIKES
    return slot, rest, fact.polarity if sign is None else sign


def _way(text: str, fact: Fact) -> tuple[str, Polarity | None]:
    """The text without "avoid" or "like" before it, and which of the two it was."""
    first, _, rest = text.partition(" ")
    sign = _WAYS.get(first.lower().rstrip(":"))
    if sign is None or not rest.strip() or fact.value.lower().startswith(f"{first.lower()} "):
        return text, None
    return rest.strip(), sign
