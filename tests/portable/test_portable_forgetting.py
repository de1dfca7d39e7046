"""Two that exchange exports and forget: alike in the end, and without what either has forgotten."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pocket_agent.errors import ProfileError, StoreError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.store import Store
from pocket_agent.portable.archive import export_profile, import_profile, read_contents
from pocket_agent.portable.contents import Summary
from pocket_agent.profile.facts import Actor, Event, Op, OpKind, Source
from pocket_agent.profile.redaction import Value, value_of
from pocket_agent.profile.rules import replay
from pocket_agent.profile.sources import ground

SLOTS = ("home", "food", "pet")
VALUES = ("Leeds", "Porto", "ramen")
Life = list[tuple[str, str, str, str, int]]


@dataclass
class Laptop:
    """A store, and what its person has forgotten: values, and ids of turns."""

    store: Store
    file: Path
    values: list[tuple[Value, str]] = field(default_factory=list)
    turns: set[str] = field(default_factory=set)

    def live(self, life: Life) -> "Laptop":
        for deed in life:
            try:
                self._do(*deed)
            except (ProfileError, StoreError, ZeroDivisionError):
                continue
        return self

    def _do(self, what: str, slot: str, value: str, old: str, pick: int) -> None:
        store = self.store
        if what == "undo":
            store.undo()
        elif what == "learn":
            said = store.add_user_turn(self._session(), f"So it is {value} then")
            op = Op(OpKind.ADD, slot, value)
            store.record(op, actor=Actor.POLICY, source=ground(said.id, said.text, value))
        elif what == "asked":
            reply = store.open_reply(self._session())
            asked = store.close_reply(reply.id, f"Is it {value}?").text
            said = store.add_user_turn(reply.session, "Yes")
            source = ground(said.id, said.text, value, asked)
            store.record(Op(OpKind.ADD, slot, value), actor=Actor.POLICY, source=source)
        elif what in ("lock", "pin"):
            facts = store.profile().active()
            store.record(Op(OpKind(what), fact=facts[pick % len(facts)].id), actor=Actor.USER)
        elif what == "forget":
            store.forget(Wish(slot=slot, value=value))
            self.values.append((value_of(slot, value), self._forgot_at()))
        elif what == "erase":
            turns = [turn.id for turn in read_contents(store).turns]
            store.forget(Wish(turn=turns[pick % len(turns)]))
            self.turns |= {*turns} - {turn.id for turn in read_contents(store).turns}
        else:
            typed = Source("", 0, len(value), value)
            op = Op(OpKind(what), slot, value, old)
            store.record(op, actor=Actor.USER, source=typed)

    def _session(self) -> str:
        found = self.store.sessions(1)
        return found[0].id if found else self.store.new_session().id

    def _forgot_at(self) -> str:
        return max((at for _, at in self.store.graves().marks), default="")

    def take(self, other: "Laptop", **how: bool) -> Summary:
        export_profile(other.store, other.file)
        return import_profile(self.store, other.file, **how)


def exchange(a: Laptop, b: Laptop) -> None:
    """Both ways, the exports written before either is read."""
    export_profile(a.store, a.file)
    b.take(a, forget_too=True)
    export_profile(b.store, b.file)
    import_profile(a.store, b.file, forget_too=True)
    b.take(a, forget_too=True)


def log(store: Store) -> list[tuple[Event, str]]:
    """The log without numbers, which are each store's own."""
    events = store.events()
    names = {event.seq: event.id for event in events}
    return [
        (replace(e, seq=0, op=replace(e.op, undoes=0)), names.get(e.op.undoes, "")) for e in events
    ]


def check(a: Laptop, b: Laptop) -> None:
    """The law."""
    one, other = a.store, b.store
    assert one.profile() == other.profile()
    assert log(one) == log(other)
    assert {t.id: t for t in read_contents(one).turns} == {
        t.id: t for t in read_contents(other).turns
    }
    assert one.graves().keys == other.graves().keys or not (a.values or b.values)
    for store in (one, other):
        assert store.problems() == []
        assert store.profile() == replay(store.events())
        times = {turn.id: turn.at for turn in read_contents(store).turns}
        assert not (a.turns | b.turns) & times.keys()
        for event in store.events():
            source = event.source
            assert source is None or source.turn not in a.turns | b.turns
            said = times.get(source.turn, event.at) if source else event.at
            for text in (event.op.value, event.op.old):
                for value, at in (*a.values, *b.values):
                    assert value_of(event.op.slot, text) != value or said > at


deeds = st.tuples(
    st.sampled_from(
        ["add", "update", "remove", "lock", "pin", "undo", "learn", "asked", "forget", "erase"]
    ),
    st.sampled_from(SLOTS),
    st.sampled_from(VALUES),
    st.sampled_from(VALUES),
    st.integers(0, 3),
)
lives = st.lists(deeds, max_size=5)


@pytest.mark.slow
@given(common=lives, one=lives, two=lives, later=lives)
@example(
    common=[("add", "home", "Leeds", "", 0)],
    one=[("lock", "", "", "", 0), ("forget", "home", "Leeds", "", 0)],
    two=[("update", "home", "Porto", "Leeds", 0), ("learn", "pet", "Leeds", "", 0)],
    later=[("add", "home", "Leeds", "", 0)],
)
@example(  # the word of a question is forgotten as another fact
    common=[],
    one=[],
    two=[("asked", "home", "Leeds", "", 0)],
    later=[
        ("add", "home", "Leeds", "Leeds", 0),
        ("add", "food", "Leeds", "Leeds", 0),
        ("forget", "food", "Leeds", "Leeds", 0),
    ],
)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_two_that_forget_end_alike_and_without_it(
    common: Life, one: Life, two: Life, later: Life, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("laws")
    with Store.open(folder / "a.db") as at_a, Store.open(folder / "b.db") as at_b:
        a, b = Laptop(at_a, folder / "a"), Laptop(at_b, folder / "b")
        a.live(common)
        b.take(a)
        a.live(one)
        b.live(two)
        exchange(a, b)
        check(a, b)
        a.live(later)
        exchange(a, b)
        check(a, b)
        before = read_contents(at_b)
        b.take(a, forget_too=True)
        assert read_contents(at_b) == before
