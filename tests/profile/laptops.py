"""Computers whose logs meet: recorded as a store does it, with clocks that go their own way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from pocket_agent.errors import ProfileError
from pocket_agent.profile.edits import edit_of
from pocket_agent.profile.facts import (
    BATCH,
    Actor,
    Event,
    Op,
    OpKind,
    Polarity,
    Profile,
    Source,
)
from pocket_agent.profile.merging import merge, next_clock
from pocket_agent.profile.rules import apply_new, knowing, replay, undo_target
from pocket_agent.profile.slots import POLAR
from pocket_agent.profile.waiting import waiting

VALUES = ["ramen", "the Ramens", "Leeds", "Porto", "green tea"]


@dataclass
class Laptop:
    """A log as a store keeps it, on a computer whose clock goes its own way."""

    name: str
    time: int = 1_000
    log: list[Event] = field(default_factory=list)

    @property
    def profile(self) -> Profile:
        return replay(self.log)

    def record(
        self, op: Op, actor: Actor = Actor.USER, confidence: float = 1.0, batch: str = ""
    ) -> Event | None:
        """As `EventLog.record` does it."""
        self.time += 1
        seq = max((event.seq for event in self.log), default=0) + 1
        quote = f"well, {op.value} it is" if op.value else ""
        source = Source(f"{self.name}{seq}", 0, len(quote), quote) if quote else None
        clock = next_clock(max((event.clock for event in self.log), default=0), self.time)
        at = f"{clock:015d}"
        done = (seq, f"{self.name}-{seq}", at, actor, op, source, confidence, batch)
        event = Event(*done, clock=clock)
        if op.kind is OpKind.UNDO:
            self.log.append(event)
            return event
        try:
            event = knowing(self.profile, event)
            event, applied = apply_new(self.profile, event)
        except ProfileError:
            return None
        if not applied.changed:
            return None
        self.log.append(event)
        assert applied.profile == self.profile  # a step is what the replay gives
        return event

    def undo(self) -> None:
        try:
            target = undo_target(self.log)
        except ProfileError:
            return
        self.record(Op(OpKind.UNDO, undoes=target.seq))

    def take_in(self, other: "Laptop") -> None:
        self.log = merge(self.log, other.log)

    def values(self, slot: str) -> list[str]:
        return [fact.value for fact in self.profile.active(slot)]


edits = st.tuples(
    st.sampled_from(
        ["add", "update", "refile", "remove", "lock", "unlock", "pin", "confirm", "reject", "undo"]
    ),
    st.sampled_from(["home", "food", "pet"]),
    st.sampled_from(VALUES),
    st.sampled_from(VALUES),
    st.booleans(),
    st.sampled_from([Actor.USER, Actor.POLICY, Actor.IMPORT]),
    st.sampled_from([0.2, 1.0]),
    st.integers(0, 5),
    st.booleans(),
)
lives = st.lists(edits, max_size=7)
clocks = st.integers(0, 12)


def live(laptop: Laptop, life: Sequence[tuple[Any, ...]]) -> Laptop:
    batch = ""
    for what, slot, value, old, avoids, actor, confidence, pick, together in life:
        if not (together and batch):  # a batch is recorded in one go, with nothing between
            batch = f"{BATCH}{laptop.name}{len(laptop.log)}"
        if what == "undo":
            laptop.undo()
            batch = ""
            continue
        kind = OpKind.UPDATE if what == "refile" else OpKind(what)
        if what != "refile" and kind in (OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE):
            sign = Polarity.AVOIDS if avoids and slot in POLAR else Polarity.LIKES
            op = Op(kind, slot, value, old, sign)
            laptop.record(op, actor, confidence, batch if together else "")
            continue
        profile = laptop.profile
        shown = [*profile.active(), *waiting(profile)]  # what a person can point at
        if shown and what == "refile":
            sign = Polarity.AVOIDS if avoids and slot in POLAR else Polarity.LIKES
            fact = shown[pick % len(shown)]
            laptop.record(edit_of(fact, slot, fact.value if together else value, sign))
        elif shown:
            laptop.record(Op(kind, fact=shown[pick % len(shown)].id))
    return laptop


@st.composite
def laptops(draw: st.DrawFn) -> list[Laptop]:
    """Three that may have had a common past, and then went apart, with clocks that differ."""
    common = live(Laptop("o"), draw(lives))
    made = []
    for name in "abc":
        log = list(common.log) if draw(st.booleans()) else []
        made.append(live(Laptop(name, 1_000 + draw(clocks), log), draw(lives)))
    return made


def merged(*given: Sequence[Event]) -> list[Event]:
    log: list[Event] = []
    for one in given:
        log = merge(log, one)
    return log


slow = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
