"""Chosen parts of a profile: the facts of some slots, and nothing else that could tell of the rest.

A conversation, a quote, a title or the log may hold what was to be left out, and nobody can tell
which. So a part is made anew: an event for each fact that holds or waits, its value for a quote.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from pocket_agent.errors import UsageError
from pocket_agent.portable.lines import Contents
from pocket_agent.profile.facts import Actor, Event, Fact, FactState, Op, OpKind, Profile, Source
from pocket_agent.profile.merging import LAST_CLOCK, order
from pocket_agent.profile.rules import CONFIDENT
from pocket_agent.profile.slots import BY_NAME, SLOTS, Group
from pocket_agent.profile.values import find_span


@dataclass(frozen=True, slots=True)
class Choice:
    """What to carry.

    Args:
        turns: whether the conversations go too. only, without: names of slots; both empty for all.
    """

    turns: bool = True
    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether it is everything."""
        return self.turns and not self.only and not self.without

    def takes(self, slot: str) -> bool:
        """Whether facts of that slot go."""
        return (not self.only or slot in self.only) and slot not in self.without


WHOLE = Choice()


def slots_of(words: Sequence[str]) -> frozenset[str]:
    """The slots that are meant by names of slots and groups, commas between them or not.

    Raises:
        UsageError: there is no such slot or group.
    """
    found: set[str] = set()
    for word in ",".join(words).split(",") if words else ():
        name = word.strip().lower()
        of_group = {slot.name for slot in SLOTS if slot.group == name}
        if not of_group and name not in BY_NAME:
            groups = ", ".join(Group)
            raise UsageError(
                f"There is no slot or group {word!r}",
                f"Groups: {groups}. Slots: {', '.join(BY_NAME)}.",
            )
        found |= of_group | ({name} & BY_NAME.keys())
    return frozenset(found)


def chosen_facts(profile: Profile, events: Sequence[Event], choice: Choice) -> list[Fact]:
    """The facts of a choice that hold or wait, in the order they were learnt.

    A fact that names the value of a slot that is left out is left out with it.
    """
    live = [*profile.active(), *profile.candidates()]
    taken = [fact for fact in live if choice.takes(fact.slot)]
    if not choice.without:
        return taken
    hidden = {
        text
        for event in events
        if event.op.slot in choice.without
        for text in (event.op.value, event.op.old)
        if text
    }
    return [fact for fact in taken if not any(find_span(fact.value, text) for text in hidden)]


def part_of(profile: Profile, events: Sequence[Event], choice: Choice) -> Contents:
    """An export's contents with the facts of a choice alone.

    Args:
        events: the log of the profile.
    """
    clocks = {event.id: event.clock for event in events}
    made = [
        event
        for fact in chosen_facts(profile, events, choice)
        for event in _restated(fact, clocks.get(fact.id, 0))
    ]
    made.sort(key=order)
    log = tuple(replace(event, seq=seq) for seq, event in enumerate(made, 1))
    return Contents(events=log, whole=False)


def _restated(fact: Fact, clock: int) -> Iterator[Event]:
    """The events that make a fact and mark it. The same fact always gives the same ones.

    Their clocks are just behind the fact's own: where both meet, the fact was there first.
    """
    holds = fact.state is FactState.ACTIVE
    by_hand = holds and fact.actor is Actor.USER
    sure = max(fact.confidence, CONFIDENT) if holds else min(fact.confidence, CONFIDENT / 2)
    made = Event(
        seq=0,
        id="",
        at=fact.learnt,
        actor=Actor.USER if by_hand else Actor.IMPORT,
        op=Op(OpKind.ADD, fact.slot, fact.value, polarity=fact.polarity),
        source=Source("", 0, len(fact.value), fact.value),
        confidence=sure,
        since=fact.since,
        clock=min(clock + 1, LAST_CLOCK - 1),
    )
    made = replace(made, id=_name(fact.id, made))
    yield made
    for kind, is_so in ((OpKind.LOCK, fact.locked), (OpKind.PIN, fact.pinned)):
        if is_so:
            op, later = Op(kind, fact=made.id), made.clock + 1
            mark = Event(0, "", fact.learnt, Actor.USER, op, clock=later)
            yield replace(mark, id=_name(fact.id, mark))


def _name(fact: str, event: Event) -> str:
    """An id that follows from the fact and what is said of it, and from which neither is read."""
    told = json.dumps([fact, asdict(event)], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]
