"""The log and the profile: recording, undoing, reopening, and the two always agreeing."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocket_agent.errors import ProfileError, StoreError
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, FactState, Op, OpKind, Polarity, Source
from pocket_agent.profile.rules import Outcome, replay


def add(slot: str, value: str, polarity: Polarity = Polarity.LIKES) -> Op:
    return Op(OpKind.ADD, slot, value, polarity=polarity)


def test_a_recorded_fact_is_there_after_reopening(path: Path) -> None:
    source = Source("t1", 0, 14, "I live in Porto", "Where do you live?")
    with Store.open(path) as store:
        applied = store.record(
            add("home", "Porto"),
            actor=Actor.POLICY,
            source=source,
            confidence=0.9,
            policy="v1",
            since="2025-05",
        )
        assert applied.outcome is Outcome.ADDED
        profile, events = store.profile(), store.events()
        assert store.last_event() == events[-1]
    with Store.open(path) as store:
        assert store.profile() == profile
        assert store.events() == events
        (fact,) = store.profile().active("home")
        assert fact.sources == (source,)
        assert (fact.confidence, fact.since) == (0.9, "2025-05")
        assert (events[0].seq, events[0].policy) == (1, "v1")


def test_an_update_supersedes_and_undo_brings_back(store: Store) -> None:
    store.record(add("home", "Leeds"), actor=Actor.USER)
    store.record(Op(OpKind.UPDATE, "home", "Porto", old="Leeds"), actor=Actor.USER)
    assert [f.value for f in store.profile().active("home")] == ["Porto"]
    undone = store.undo()
    assert undone.outcome is Outcome.UNDONE
    assert [f.value for f in store.profile().active("home")] == ["Leeds"]
    last = store.last_event()
    assert last is not None
    store.undo(last.seq)  # undoing the undo
    assert [f.value for f in store.profile().active("home")] == ["Porto"]
    assert [e.op.kind for e in store.events(after=2)] == [OpKind.UNDO, OpKind.UNDO]


def test_undo_walks_back_through_the_log(store: Store) -> None:
    for value in ("ramen", "olives", "figs"):
        store.record(add("food", value), actor=Actor.USER)
    store.undo()
    store.undo()
    assert [f.value for f in store.profile().active()] == ["ramen"]
    store.undo()
    with pytest.raises(ProfileError, match="nothing to undo"):
        store.undo()
    with pytest.raises(ProfileError, match="no event 99"):
        store.undo(99)


def test_undoing_twice_adds_nothing(store: Store) -> None:
    store.record(add("food", "ramen"), actor=Actor.USER)
    store.undo(1)
    assert store.undo(1).outcome is Outcome.UNCHANGED
    assert len(store.events()) == 2


def test_what_changes_nothing_leaves_no_event(store: Store) -> None:
    store.record(add("food", "ramen"), actor=Actor.USER)
    again = store.record(add("food", "Ramen"), actor=Actor.USER)
    assert again.outcome is Outcome.UNCHANGED
    assert store.record(Op(OpKind.NONE), actor=Actor.POLICY).outcome is Outcome.UNCHANGED
    assert len(store.events()) == 1


def test_a_refused_op_changes_nothing(store: Store) -> None:
    with pytest.raises(ProfileError, match="no slot"):
        store.record(add("shoe_size_of_cat", "1"), actor=Actor.USER)
    assert store.events() == []
    assert store.last_event() is None


def test_the_log_refuses_edits(store: Store) -> None:
    store.record(add("food", "ramen"), actor=Actor.USER)
    for change in ("UPDATE events SET value = 'x'", "DELETE FROM events"):
        with pytest.raises(StoreError), store.database.writing() as connection:
            connection.execute(change)
    assert store.events()[0].op.value == "ramen"


def test_imported_events_get_new_numbers(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as old:
        old.record(add("food", "ramen"), actor=Actor.USER)
        old.record(add("food", "figs"), actor=Actor.USER)
        old.undo()
        events = old.events()
    with Store.open(tmp_path / "b.db") as new:
        new.record(add("home", "Porto"), actor=Actor.USER)
        profile = new.add_events(events)
        assert profile == new.profile() == replay(new.events())
        assert [f.value for f in profile.active()] == ["ramen", "Porto"]  # by their clocks
        assert [e.seq for e in new.events()] == [2, 3, 4, 1]
        assert [e.op.undoes for e in new.events()] == [0, 0, 3, 0]
        with pytest.raises(StoreError, match="already stored"):
            new.add_events(events)
        assert len(new.events()) == 4


VALUES = st.sampled_from(["ramen", "figs", "Porto", "Leeds", "jazz"])
SLOTS = st.sampled_from(["home", "food", "music", "allergy"])
EDITS = st.one_of(
    st.builds(add, SLOTS, VALUES),
    st.builds(add, SLOTS, VALUES, st.just(Polarity.AVOIDS)),
    st.builds(lambda s, v, o: Op(OpKind.UPDATE, s, v, old=o), SLOTS, VALUES, VALUES),
    st.builds(lambda s, v: Op(OpKind.REMOVE, s, v), SLOTS, VALUES),
    st.builds(lambda n: Op(OpKind.UNDO, undoes=n), st.integers(1, 12)),
    st.sampled_from([OpKind.LOCK, OpKind.UNLOCK, OpKind.PIN, OpKind.CONFIRM]),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=st.lists(st.tuples(EDITS, st.booleans(), st.sampled_from([0.3, 0.9])), max_size=12))
def test_the_log_always_replays_to_the_profile(
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[Op | OpKind, bool, float]],
) -> None:
    path = tmp_path_factory.mktemp("log") / "p.db"
    with Store.open(path) as store:
        for op, by_hand, confidence in edits:
            _try(store, op, by_hand, confidence)
            assert replay(store.events()) == store.profile()
        profile = store.profile()
    with Store.open(path) as store:
        assert store.profile() == profile
        assert list(store.profile().facts) == list(profile.facts)
        assert all(f.state in FactState for f in store.profile().facts.values())


def _try(store: Store, op: Op | OpKind, by_hand: bool, confidence: float) -> None:
    if isinstance(op, OpKind):
        facts = list(store.profile().facts)
        op = Op(op, fact=facts[-1] if facts else "none")
        by_hand = True
    source = None if by_hand else Source("t", 0, len(op.value), op.value)
    with contextlib.suppress(ProfileError):  # not every edit is allowed, and none may half-happen
        store.record(
            op,
            actor=Actor.USER if by_hand else Actor.POLICY,
            source=source,
            confidence=confidence,
        )
