"""Imports between real stores: merged or put in place, shown before, taken back as one step."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portable_samples import fill

from pocket_agent.errors import PortableError, ProfileError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Drawn
from pocket_agent.memory.store import Store
from pocket_agent.portable.archive import export_profile, import_profile, read_contents
from pocket_agent.profile.facts import Actor, Op, OpKind, Polarity, Source
from pocket_agent.profile.rules import replay
from pocket_agent.profile.slots import POLAR


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """A profile with another life: another home, the same drink, a pet."""
    with Store.open(tmp_path / "other" / "b.db") as store:
        session = store.new_session("Elsewhere")
        said = store.add_user_turn(session.id, "I moved to Lagos. My cat is Miso.")
        store.record(add("home", "Lagos"), actor=Actor.POLICY, source=quote(said.id, said.text, 17))
        store.record(add("drink", "Earl Grey"), actor=Actor.USER)
        store.record(add("pet", "cat Miso"), actor=Actor.USER)
        yield store


def add(slot: str, value: str) -> Op:
    return Op(OpKind.ADD, slot, value)


def quote(turn: str, text: str, end: int) -> Source:
    return Source(turn, 0, end, text[:end])


def everything(store: Store) -> tuple[object, ...]:
    """All that an undo must bring back, to the letter: rows, facts, words that are found."""
    with store.database.reading() as connection:
        words = connection.execute("SELECT rowid, * FROM turn_words ORDER BY rowid").fetchall()
        numbers = connection.execute("SELECT n, id FROM turns ORDER BY n").fetchall()
        marks = connection.execute("SELECT mark, at FROM tombstones ORDER BY mark").fetchall()
        keys = connection.execute("SELECT key FROM tombstone_keys ORDER BY key").fetchall()
    assert store.problems() == []
    assert store.profile() == replay(store.events())
    return read_contents(store), store.profile(), words, numbers, marks, keys


def take(source: Store, target: Store, file: Path, **how: Any) -> Any:
    export_profile(source, file)
    return import_profile(target, file, **how)


def held(store: Store) -> dict[str, list[str]]:
    facts = store.profile().active()
    return {slot: [f.value for f in facts if f.slot == slot] for slot in {f.slot for f in facts}}


def test_a_dry_run_tells_and_changes_nothing(lived: Store, other: Store, file: Path) -> None:
    before = everything(lived)
    told = take(other, lived, file, dry_run=True)
    assert everything(lived) == before
    assert lived.last_import() is None
    done = take(other, lived, file)
    assert asdict(told) == asdict(done)
    changes = done.changes
    assert [fact.value for fact in changes.added] == ["Earl Grey", "cat Miso"]
    assert [(old.value, new.value) for old, new in changes.updated] == [("Leeds", "Lagos")]
    assert changes.removed == changes.marked == ()


def test_an_import_is_one_step_that_undo_takes_back(lived: Store, other: Store, file: Path) -> None:
    before = everything(lived)
    take(other, lived, file)
    assert held(lived)["pet"] == ["cat Miso"]
    assert any(found.turn.text.startswith("I moved to Lagos") for found in recalled(lived, "Lagos"))
    undone = lived.undo()
    assert undone.changed
    assert everything(lived) == before
    assert recalled(lived, "Lagos") == []
    assert lived.last_import() is None
    take(other, lived, file)  # and once more
    assert held(lived)["pet"] == ["cat Miso"]


def recalled(store: Store, words: str) -> list[object]:
    return list(Recaller(store).recall(words))


def test_what_came_later_is_undone_first(lived: Store, other: Store, file: Path) -> None:
    before = lived.profile()
    take(other, lived, file)
    lived.record(add("sport", "rowing"), actor=Actor.USER)
    lived.undo()
    assert "sport" not in held(lived)
    assert "pet" in held(lived)
    lived.undo()
    assert lived.profile() == before
    lived.undo()  # and on, into the time before
    assert lived.profile() != before


def test_the_import_alone_can_be_taken_back(lived: Store, other: Store, file: Path) -> None:
    take(other, lived, file)
    lived.record(add("sport", "rowing"), actor=Actor.USER)
    lived.undo_import()
    assert held(lived) == {"home": ["Leeds"], "sport": ["rowing"]}
    with pytest.raises(ProfileError, match="no import"):
        lived.undo_import()


def test_two_imports_are_two_steps(lived: Store, other: Store, empty: Store, file: Path) -> None:
    start = everything(empty)
    take(other, empty, file)
    between = everything(empty)
    take(lived, empty, file)
    empty.undo()
    assert everything(empty) == between
    empty.undo()
    assert everything(empty) == start


def test_a_conversation_that_was_gone_on_with_stays(
    other: Store, empty: Store, file: Path, tmp_path: Path
) -> None:
    take(other, empty, file)
    session = empty.sessions()[0]
    reply = empty.open_reply(session.id)
    empty.close_reply(reply.id, "Do you miss Leeds?")
    said = empty.add_user_turn(session.id, "Yes!")
    source = Source(said.id, 0, 4, "Yes!", "Do you miss Leeds?")
    empty.record(add("past", "Leeds"), actor=Actor.POLICY, source=source)
    empty.undo_import()
    assert [turn.text for turn in empty.turns(session.id)][-1] == "Yes!"
    assert held(empty) == {"past": ["Leeds"]}
    with Store.open(tmp_path / "third.db") as third:
        take(empty, third, file)
        assert third.profile() == empty.profile()


def test_a_replacement_takes_the_place_of_all_and_is_undone(
    lived: Store, other: Store, file: Path
) -> None:
    before = everything(lived)
    take(other, lived, file, replace=True)
    assert read_contents(lived).turns == read_contents(other).turns
    assert read_contents(lived).sessions == read_contents(other).sessions
    assert [e.id for e in lived.events()] == [e.id for e in other.events()]
    assert lived.profile() == other.profile()
    assert recalled(lived, "Porto") == []
    lived.undo()
    assert everything(lived) == before
    assert recalled(lived, "Porto")


def test_what_a_reply_was_made_from_comes_back_with_it(
    lived: Store, other: Store, file: Path
) -> None:
    session = other.new_session()
    asked = other.add_user_turn(session.id, "Where did I say I live?")
    reply = other.open_reply(session.id, Drawn(turns=(asked.id,)))
    other.close_reply(reply.id, "In Leeds.")
    drawn = other.drawn([reply.id])
    take(lived, other, file, replace=True)
    assert other.drawn([reply.id]) == {}
    other.undo()
    assert other.drawn([reply.id]) == drawn
    assert drawn


def test_a_replacement_is_undone_beneath_what_was_said_since(
    lived: Store, other: Store, file: Path
) -> None:
    turns = len(read_contents(lived).turns)
    take(other, lived, file, replace=True)
    session = lived.new_session("New")
    lived.add_user_turn(session.id, "Something new.")
    lived.undo()
    found = read_contents(lived)
    assert len(found.turns) == turns + 1
    assert lived.problems() == []
    assert recalled(lived, "something new")


def test_forgetting_reaches_what_a_replacement_set_aside(
    lived: Store, other: Store, file: Path
) -> None:
    take(other, lived, file, replace=True)
    receipt = lived.forget(Wish(matching="Porto"))  # only in what was set aside
    assert receipt.replaced == 1
    assert lived.last_import() is None
    assert b"Porto" not in lived.path.read_bytes()
    assert lived.profile() == other.profile()


def test_tombstones_travel(lived: Store, empty: Store, file: Path, tmp_path: Path) -> None:
    """What was forgotten does not come to a new place by an export from before."""
    old = tmp_path / "old.jsonl"
    export_profile(lived, old)
    lived.forget(Wish(matching="Porto"))
    take(lived, empty, file)
    assert empty.graves() == lived.graves()
    import_profile(empty, old)
    assert "Porto" not in str(read_contents(empty))
    assert empty.profile() == lived.profile()


def test_what_was_forgotten_elsewhere_stays_here_and_is_told(
    lived: Store, empty: Store, file: Path
) -> None:
    take(lived, empty, file)
    lived.forget(Wish(matching="Porto"))
    before = empty.profile()
    done = take(lived, empty, file)
    assert done.forgotten_there > 0
    assert empty.profile() == before
    take(empty, lived, file)  # and it does not come back from there
    assert "Porto" not in str(read_contents(lived))


def test_locks_pins_and_titles_travel(lived: Store, empty: Store, file: Path) -> None:
    for kind in (OpKind.LOCK, OpKind.PIN):
        home = lived.profile().active("home")[0]
        lived.record(Op(kind, fact=home.id), actor=Actor.USER)
    take(lived, empty, file)
    home = empty.profile().active("home")[0]
    assert (home.locked, home.pinned) == (True, True)
    titles = {session.title for session in empty.sessions()}
    assert titles == {"Moving", "An empty one"}


def test_a_locked_fact_stays_and_the_newer_one_waits(
    lived: Store, other: Store, file: Path
) -> None:
    home = lived.profile().active("home")[0]
    lived.record(Op(OpKind.LOCK, fact=home.id), actor=Actor.USER)
    other.record(add("home", "Faro"), actor=Actor.USER)
    changes = take(other, lived, file).changes
    assert held(lived)["home"] == ["Leeds"]
    assert "Faro" in [fact.value for fact in changes.waiting]
    take(lived, other, file)
    assert held(other)["home"] == ["Leeds"]
    assert other.profile() == lived.profile()


def test_an_old_version_is_read(other: Store, empty: Store) -> None:
    done = import_profile(empty, Path(__file__).parent / "version_1.jsonl")
    assert (done.sessions, done.turns, done.events) == (1, 2, 4)
    (home,) = empty.profile().active("home")
    assert (home.value, home.locked, home.pinned) == ("Porto", True, True)
    import_profile(other, Path(__file__).parent / "version_1.jsonl")
    assert held(other)["home"] == ["Porto"]  # it is locked


edits = st.lists(
    st.tuples(
        st.sampled_from(["add", "update", "remove", "lock", "pin", "undo", "say"]),
        st.sampled_from(["home", "food", "pet"]),
        st.sampled_from(["Leeds", "Porto", "ramen"]),
        st.booleans(),
    ),
    max_size=6,
)


def live(store: Store, life: list[tuple[str, str, str, bool]]) -> None:
    for what, slot, value, flag in life:
        sign = Polarity.AVOIDS if flag and slot in POLAR else Polarity.LIKES
        try:
            if what == "undo":
                store.undo()
            elif what == "say":
                store.add_user_turn(store.new_session(value).id, f"I say {value}")
            elif what in ("lock", "pin"):
                facts = store.profile().active()
                store.record(Op(OpKind(what), fact=facts[0].id), actor=Actor.USER)
            else:
                store.record(Op(OpKind(what), slot, value, "Leeds", sign), actor=Actor.USER)
        except (ProfileError, IndexError):
            continue


@pytest.mark.slow
@given(common=edits, one=edits, two=edits, replace=st.booleans())
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_two_laptops_end_alike_and_every_import_can_be_undone(
    common: list[tuple[str, str, str, bool]],
    one: list[tuple[str, str, str, bool]],
    two: list[tuple[str, str, str, bool]],
    replace: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("laws")
    start, at_a, at_b = (folder / f"{name}.jsonl" for name in ("start", "a", "b"))
    with Store.open(folder / "a.db") as a, Store.open(folder / "b.db") as b:
        live(a, common)
        export_profile(a, start)
        import_profile(b, start)
        live(a, one)
        live(b, two)
        export_profile(a, at_a)
        export_profile(b, at_b)
        before = everything(b)
        step = b.last_import()
        import_profile(b, at_a, replace=replace)
        if b.last_import() != step:
            b.undo()
            assert everything(b) == before
        import_profile(a, at_b)
        import_profile(b, at_a)
        assert a.profile() == b.profile()
        after = everything(b)
        import_profile(b, at_a)
        assert everything(b) == after


def test_a_contradiction_leaves_all_as_it_was(
    lived: Store, empty: Store, file: Path, tmp_path: Path
) -> None:
    export_profile(lived, file)
    import_profile(empty, file)
    before = everything(empty)
    text = file.read_text("utf-8").replace("An empty one", "An empty too")
    file.write_text(text, "utf-8")
    with pytest.raises(PortableError, match="changed or damaged"):
        import_profile(empty, file)
    assert everything(empty) == before


def test_a_store_may_fill_an_archive_of_its_own(empty: Store) -> None:
    with pytest.raises(ProfileError):
        empty.undo()
    fill(empty)
    assert empty.last_import() is None
