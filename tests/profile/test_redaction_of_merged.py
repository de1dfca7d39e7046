"""Forgetting in a log that has met another: locks of one, hands of the other, and what waited."""

from hypothesis import given
from hypothesis import strategies as st
from laptops import (
    VALUES,
    Laptop,
    laptops,
    merged,
    slow,
)
from test_redaction import after, live, same_but_for

from pocket_agent.profile.facts import Actor, Event, FactState, Op, OpKind
from pocket_agent.profile.redaction import Scope, redact, value_of
from pocket_agent.profile.rules import replay


def add(slot: str, value: str) -> Op:
    return Op(OpKind.ADD, slot, value)


def without(log: list[Event], slot: str, value: str) -> list[Event]:
    return after(redact(log, Scope(values=frozenset({value_of(slot, value)}))))


def locked_here_changed_there() -> tuple[Laptop, Laptop]:
    """One locked where it lives; the other wrote another place by hand, not knowing of the lock."""
    a, b = Laptop("a", 1_000), Laptop("b", 2_000)
    leeds = a.record(add("home", "Leeds"))
    a.record(Op(OpKind.LOCK, fact=leeds.id))
    b.record(add("home", "Porto"))
    return a, b


def test_what_a_hand_wrote_waits_on_when_the_lock_before_it_is_forgotten() -> None:
    a, b = locked_here_changed_there()
    a.take_in(b)
    assert [fact.value for fact in a.profile.candidates()] == ["Porto"]
    log = without(a.log, "home", "Leeds")
    profile = replay(log)
    assert profile.active() == []
    (porto,) = profile.candidates()
    yes = Op(OpKind.CONFIRM, fact=porto.id)
    event = Event(99, "yes", "9", Actor.USER, yes, clock=9_999)
    assert [fact.value for fact in replay([*log, event]).active("home")] == ["Porto"]
    assert replay(without(log, "food", "figs")) == profile, "forgetting more leaves it waiting"


def test_a_yes_that_a_lock_refused_stays_refused_when_the_lock_is_forgotten() -> None:
    origin, a, b = Laptop("o"), Laptop("a", 2_000), Laptop("b", 3_000)
    leeds = origin.record(add("home", "Leeds"))
    maybe = origin.record(add("home", "Porto"), Actor.IMPORT, 0.2)
    for one in (a, b):
        one.take_in(origin)
    a.record(Op(OpKind.LOCK, fact=leeds.id))
    b.record(Op(OpKind.CONFIRM, fact=maybe.id))
    assert b.values("home") == ["Porto"]
    a.take_in(b)
    assert a.values("home") == ["Leeds"]
    profile = replay(without(a.log, "home", "Leeds"))
    assert profile.active() == []
    assert [fact.value for fact in profile.candidates()] == ["Porto"]


@given(laptops(), st.sampled_from(["home", "food", "pet"]), st.sampled_from(VALUES))
@slow
def test_nothing_that_waits_becomes_active_by_forgetting(
    three: list[Laptop], slot: str, value: str
) -> None:
    log = merged(*(laptop.log for laptop in three))
    was = replay(log)
    redacted = redact(log, Scope(values=frozenset({value_of(slot, value)})))
    now = replay(after(redacted))
    for name, fact in now.facts.items():
        if fact.state is FactState.ACTIVE:
            assert was.facts[name].state is FactState.ACTIVE
    assert same_but_for(was, now, redacted), (live(was), live(now))
    assert all(value_of(f.slot, f.value) != value_of(slot, value) for f in now.facts.values())
