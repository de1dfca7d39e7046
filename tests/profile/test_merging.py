"""The laws of merging: who has the same events has the same profile, however they came."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from laptops import (
    Laptop,
    edits,
    laptops,
    live,
    lives,
    merged,
    slow,
)

from pocket_agent.profile.facts import BATCH, Actor, Event, FactState, Op, OpKind, Polarity, Profile
from pocket_agent.profile.merging import LAST_CLOCK, fresh, merge, next_clock
from pocket_agent.profile.rules import effective, replay
from pocket_agent.profile.slots import BY_NAME, SINGLE
from pocket_agent.profile.values import key
from pocket_agent.profile.waiting import waiting


@given(laptops())
@slow
def test_merging_is_commutative(three: list[Laptop]) -> None:
    a, b, _ = (laptop.log for laptop in three)
    assert replay(merge(a, b)) == replay(merge(b, a))


@given(laptops())
@slow
def test_merging_is_associative(three: list[Laptop]) -> None:
    a, b, c = (laptop.log for laptop in three)
    assert replay(merge(merge(a, b), c)) == replay(merge(a, merge(b, c)))
    assert replay(merged(c, a, b)) == replay(merged(b, c, a)) == replay(merged(a, b, c))


@given(laptops())
@slow
def test_merging_is_idempotent(three: list[Laptop]) -> None:
    a, b, _ = (laptop.log for laptop in three)
    both = merge(a, b)
    assert merge(both, both) == merge(both, b) == merge(both, a) == both
    assert replay(merge(a, a)) == replay(a)


@given(laptops(), st.data())
@slow
def test_two_that_exchange_as_they_go_end_alike(three: list[Laptop], data: st.DataObject) -> None:
    a, b, _ = three
    for _ in range(data.draw(st.integers(0, 3))):
        one, other = (a, b) if data.draw(st.booleans()) else (b, a)
        one.take_in(other)
        live(one, data.draw(lives))
    a.take_in(b)
    b.take_in(a)
    assert a.profile == b.profile
    assert [event.id for event in a.log] == [event.id for event in b.log]


@given(laptops())
@slow
def test_what_is_merged_is_a_lawful_profile(three: list[Laptop]) -> None:
    profile = replay(merged(*(laptop.log for laptop in three)))
    for slot in BY_NAME:
        here = profile.active(slot)
        assert len({key(fact.value) for fact in here}) == len(here)
        assert slot not in SINGLE or len(here) <= 1


@given(laptops(), edits)
@slow
def test_undo_after_a_merge_returns_exactly_the_state_before(
    three: list[Laptop], edit: tuple[object, ...]
) -> None:
    a, b, _ = three
    a.take_in(b)
    before, count = a.profile, len(a.log)
    live(a, [edit])
    if len(a.log) > count and a.log[-1].op.kind is not OpKind.UNDO:
        a.record(Op(OpKind.UNDO, undoes=a.log[-1].seq))
        assert a.profile == before


@given(laptops())
@slow
def test_an_undo_has_a_larger_number_than_what_it_undoes(three: list[Laptop]) -> None:
    log = merged(*(laptop.log for laptop in three))
    assert len({event.seq for event in log}) == len(log)
    for event in log:
        assert event.op.kind is not OpKind.UNDO or event.op.undoes < event.seq


def add(slot: str, value: str, polarity: Polarity = Polarity.LIKES) -> Op:
    return Op(OpKind.ADD, slot, value, polarity=polarity)


def two(time: int = 2_000) -> tuple[Laptop, Laptop]:
    """Two laptops, the second some time later than the first."""
    return Laptop("a"), Laptop("b", time)


def both_ways(a: Laptop, b: Laptop) -> Profile:
    profile = replay(merge(a.log, b.log))
    assert profile == replay(merge(b.log, a.log))
    return profile


def test_the_newer_statement_wins() -> None:
    a, b = two()
    a.record(add("home", "Leeds"))
    b.record(add("home", "Porto"))
    assert [fact.value for fact in both_ways(a, b).active("home")] == ["Porto"]


def test_a_lock_wins_over_a_newer_statement_and_that_waits() -> None:
    a, b = two()
    leeds = a.record(add("home", "Leeds"))
    a.record(Op(OpKind.LOCK, fact=leeds.id))
    b.record(add("home", "Porto"))
    profile = both_ways(a, b)
    assert [fact.value for fact in profile.active("home")] == ["Leeds"]
    assert [fact.value for fact in profile.candidates()] == ["Porto"]


def test_a_lock_wins_even_if_it_came_after_what_replaced_the_fact() -> None:
    a, b = Laptop("a", 3_000), Laptop("b", 2_000)
    origin = Laptop("o")
    leeds = origin.record(add("home", "Leeds"))
    a.take_in(origin)
    b.take_in(origin)
    b.record(add("home", "Porto"))
    a.record(Op(OpKind.LOCK, fact=leeds.id))
    profile = both_ways(a, b)
    assert [fact.value for fact in profile.active("home")] == ["Leeds"]
    assert [fact.value for fact in profile.candidates()] == ["Porto"]


def test_who_knows_of_the_lock_may_still_change_the_fact() -> None:
    a, b = two()
    leeds = a.record(add("home", "Leeds"))
    a.record(Op(OpKind.LOCK, fact=leeds.id))
    b.take_in(a)
    b.record(add("home", "Porto"))
    assert b.values("home") == ["Porto"]
    assert [fact.value for fact in both_ways(a, b).active("home")] == ["Porto"]


def test_a_removal_elsewhere_does_not_take_a_locked_fact() -> None:
    origin, a, b = Laptop("o"), Laptop("a", 2_000), Laptop("b", 3_000)
    pet = origin.record(add("pet", "cat Miso"))
    for one in (a, b):
        one.take_in(origin)
    a.record(Op(OpKind.LOCK, fact=pet.id))
    b.record(Op(OpKind.REMOVE, "pet", "cat Miso", fact=pet.id))
    assert b.values("pet") == []
    assert [fact.value for fact in both_ways(a, b).active("pet")] == ["cat Miso"]


def test_the_same_fact_twice_is_one_with_the_marks_of_both() -> None:
    a, b = two()
    a.record(add("pet", "cat Miso"))
    mine = b.record(add("pet", "the cat Miso"))
    b.record(Op(OpKind.LOCK, fact=mine.id))
    b.record(Op(OpKind.PIN, fact=mine.id))
    (fact,) = both_ways(a, b).active("pet")
    assert (fact.value, fact.locked, fact.pinned) == ("cat Miso", True, True)
    assert [source.turn for source in fact.sources] == ["a1", "b1"]


def test_an_undo_travels() -> None:
    a, b = two()
    a.record(add("pet", "cat Miso"))
    b.take_in(a)
    b.undo()
    assert both_ways(a, b).facts == {}


def test_a_batch_travels_and_its_undo_takes_all_of_it() -> None:
    a, b = two()
    for value in ("ramen", "green tea"):
        a.record(add("food", value), batch=f"{BATCH}1")
    b.take_in(a)
    b.undo()
    assert both_ways(a, b).facts == {}


def test_the_undo_of_a_batch_holds_where_the_event_that_it_names_is_forgotten() -> None:
    a = Laptop("a")
    for value in ("ramen", "green tea"):
        a.record(add("food", value), batch=f"{BATCH}1")
    named = a.log[-1]
    a.undo()
    assert a.log[-1].op.undoes == named.seq
    assert replay(fresh([], a.log, {named.id})).facts == {}


def test_a_doubt_and_a_no_travel() -> None:
    a, b = two()
    a.record(add("pet", "cat Miso"))
    a.record(add("food", "ramen"), Actor.IMPORT, 0.2)
    b.take_in(a)
    b.record(Op(OpKind.REMOVE, "pet", "cat Miso"), Actor.POLICY)
    (maybe,) = b.profile.candidates()
    b.record(Op(OpKind.REJECT, fact=maybe.id))
    profile = both_ways(a, b)
    assert [fact.state for fact in waiting(profile)] == [FactState.DOUBT]
    assert profile.facts[maybe.id].state is FactState.REJECTED


def test_a_yes_elsewhere_does_not_end_a_locked_fact() -> None:
    origin, a, b = Laptop("o"), Laptop("a", 2_000), Laptop("b", 3_000)
    pet = origin.record(add("pet", "cat Miso"))
    doubt = origin.record(Op(OpKind.REMOVE, "pet", "cat Miso"), Actor.POLICY)
    for one in (a, b):
        one.take_in(origin)
    a.record(Op(OpKind.LOCK, fact=pet.id))
    b.record(Op(OpKind.CONFIRM, fact=doubt.id))
    assert b.values("pet") == []
    assert [fact.value for fact in both_ways(a, b).active("pet")] == ["cat Miso"]


def test_a_hand_that_knows_of_two_locks_changes_both_facts() -> None:
    a, b = two()
    for value in ("ramen", "olives"):
        fact = a.record(add("food", value))
        a.record(Op(OpKind.LOCK, fact=fact.id))
    no_ramen = Op(OpKind.UPDATE, "food", "ramen", "olives", Polarity.AVOIDS)
    maybe = a.record(no_ramen, Actor.POLICY)
    yes = Op(OpKind.CONFIRM, "food", old="olives", fact=maybe.id)
    a.record(yes)
    (fact,) = both_ways(a, b).active("food")
    assert (fact.value, fact.polarity) == ("ramen", Polarity.AVOIDS)


def test_a_lock_is_no_yes() -> None:
    origin, a, b = Laptop("o"), Laptop("a", 3_000), Laptop("b", 2_000)
    maybe = origin.record(add("home", "Leeds"), Actor.IMPORT, 0.2)
    for one in (a, b):
        one.take_in(origin)
    b.record(Op(OpKind.REMOVE, fact=maybe.id))
    a.record(Op(OpKind.LOCK, fact=maybe.id))
    profile = both_ways(a, b)
    assert profile.active() == []
    assert [fact.value for fact in profile.candidates()] == ["Leeds"]


def test_events_without_a_clock_come_first_by_date() -> None:
    old = [
        Event(1, "x", "2026-01-02", Actor.USER, add("home", "Leeds")),
        Event(2, "y", "2026-01-01", Actor.USER, add("home", "Porto")),
    ]
    a = Laptop("a")
    a.record(add("pet", "fish"))
    log = merge(a.log, old)
    assert [event.id for event in log] == ["y", "x", "a-1"]
    assert log == merge(merge([], old), a.log) or replay(log) == replay(merge(old, a.log))


def test_the_clock_stops_where_json_would_lose_it() -> None:
    assert next_clock(5, 3) == 6
    assert next_clock(3, 5) == 5
    assert next_clock(LAST_CLOCK, 5) == LAST_CLOCK


def test_a_lock_of_old_logs_means_what_it_meant() -> None:
    """Before clocks there was one computer alone: its person knew of the lock."""
    log = [
        Event(1, "x", "1", Actor.USER, add("home", "Leeds")),
        Event(2, "l", "2", Actor.USER, Op(OpKind.LOCK, fact="x")),
        Event(3, "y", "3", Actor.USER, add("home", "Porto")),
    ]
    assert [fact.value for fact in replay(log).active("home")] == ["Porto"]
    clocked = [replace(event, clock=event.seq) for event in log]
    assert replay(clocked).facts["y"].state is FactState.CANDIDATE
    assert effective(clocked) == clocked
