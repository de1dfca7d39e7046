"""Branches in a real store: kept, switched between, learnt from, and erased."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocket_agent.errors import StoreError
from pocket_agent.memory.branches import Tree, points_of
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Session, Turn, TurnStatus
from pocket_agent.memory.store import Store


def reply(store: Store, session: Session, text: str, after: str | None = None) -> Turn:
    opened = store.open_reply(session.id, after=after)
    return store.close_reply(opened.id, text)


def texts(store: Store, session: Session, **more: Any) -> list[str]:
    return [turn.text for turn in store.turns(session.id, **more)]


def forked(store: Store) -> tuple[Session, dict[str, Turn]]:
    """Two questions; the second said anew, its new version with two replies."""
    session = store.new_session("Trees")
    made = {"u1": store.add_user_turn(session.id, "oaks?")}
    made["r1"] = reply(store, session, "Oaks grow.")
    made["u2"] = store.add_user_turn(session.id, "and zebrawood?")
    made["r2"] = reply(store, session, "Zebrawood is dense.")
    made["u3"] = store.add_user_turn(session.id, "and elms?", after=made["r1"].id)
    made["r3"] = reply(store, session, "Elms are tall.")
    made["r4"] = reply(store, session, "Elms die.", after=made["u3"].id)
    return session, made


def test_the_present_branch_is_the_newest_and_the_others_are_kept(store: Store) -> None:
    session, made = forked(store)
    assert texts(store, session) == ["oaks?", "Oaks grow.", "and elms?", "Elms die."]
    assert texts(store, session, before=made["r2"].id) == ["oaks?", "Oaks grow.", "and zebrawood?"]
    assert texts(store, session, limit=2) == ["and elms?", "Elms die."]
    assert len(store.all_turns(session.id)) == 7
    assert store.versions(session.id) == {
        made["u3"].id: [made["u2"].id, made["u3"].id],
        made["r4"].id: [made["r3"].id, made["r4"].id],
    }
    aside = {made[name].id for name in ("u2", "r2", "r3")}
    assert store.aside(made["r4"].id) == aside
    assert store.problems() == []


def test_one_goes_on_with_the_branch_one_chooses_also_after_a_restart(store: Store) -> None:
    session, made = forked(store)
    store.choose(made["u2"].id)
    assert texts(store, session)[2:] == ["and zebrawood?", "Zebrawood is dense."]
    store.close()
    with Store.open(store.path) as again:
        assert texts(again, session)[2:] == ["and zebrawood?", "Zebrawood is dense."]
        again.add_user_turn(session.id, "Why?")
        reply(again, session, "So.")
        assert texts(again, session)[2:] == [
            "and zebrawood?",
            "Zebrawood is dense.",
            "Why?",
            "So.",
        ]
        again.choose(made["r3"].id)
        assert texts(again, session)[2:] == ["and elms?", "Elms are tall."]
        again.add_user_turn(session.id, "From the start", after="")
        assert texts(again, session) == ["From the start"]


def test_a_branch_is_as_immutable_as_its_turns(store: Store) -> None:
    session, made = forked(store)
    for change in (
        "UPDATE branches SET parent = ''",
        "DELETE FROM branches",
        "DELETE FROM turns",
    ):
        with pytest.raises(StoreError), store.database.writing() as connection:
            connection.execute(change)
    other = store.new_session("Other")
    with pytest.raises(StoreError, match="another conversation"):
        store.add_user_turn(other.id, "x", after=made["r1"].id)
    with pytest.raises(StoreError, match="no turn"):
        store.add_user_turn(session.id, "x", after="nowhere")
    assert len(store.all_turns(session.id)) == 7
    assert store.all_turns(other.id) == []


def test_only_what_stands_now_is_read_by_the_policy(store: Store) -> None:
    _, made = forked(store)
    assert [turn.text for turn in store.unread_turns()] == ["oaks?", "and elms?"]
    store.choose(made["u2"].id)
    assert [turn.text for turn in store.unread_turns()] == ["oaks?", "and zebrawood?"]


def test_a_message_is_forgotten_with_all_its_replies_and_the_rest_stays_in_place(
    store: Store,
) -> None:
    session, made = forked(store)
    receipt = store.forget(Wish(turn=made["u3"].id))
    assert receipt.turns == 3
    assert texts(store, session)[2:] == ["and zebrawood?", "Zebrawood is dense."]
    assert store.branches() == []
    assert b"Elms" not in store.path.read_bytes()
    store.forget(Wish(turn=made["u1"].id))
    assert texts(store, session) == ["and zebrawood?", "Zebrawood is dense."]
    assert store.problems() == []


def test_what_two_branches_share_may_be_forgotten(store: Store) -> None:
    session, made = forked(store)
    store.forget(Wish(turn=made["u1"].id))
    assert texts(store, session) == ["and elms?", "Elms die."]
    assert store.versions(session.id)[made["u3"].id] == [made["u2"].id, made["u3"].id]
    store.choose(made["u2"].id)
    assert texts(store, session) == ["and zebrawood?", "Zebrawood is dense."]


def test_the_rest_of_a_reply_is_forgotten_with_its_message(store: Store) -> None:
    session = store.new_session()
    said = store.add_user_turn(session.id, "Tell me of figs")
    begun = store.open_reply(session.id)
    store.close_reply(begun.id, "Figs are", TurnStatus.CUT)
    reply(store, session, " sweet.")
    store.add_user_turn(session.id, "And plums?")
    assert store.forget(Wish(turn=said.id)).turns == 3
    assert texts(store, session) == ["And plums?"]


def test_everything_forgotten_leaves_no_branch(store: Store) -> None:
    forked(store)
    store.forget(Wish(everything=True))
    with store.database.reading() as connection:
        for table in ("branches", "heads"):
            assert connection.execute(f"SELECT count(*) FROM {table}").get == 0


def test_a_search_of_everything_still_finds_the_other_branch(store: Store) -> None:
    _, made = forked(store)
    assert Recaller(store).recall("zebrawood", 1)[0].turn.id in (made["u2"].id, made["r2"].id)


def test_a_span_of_time_reaches_every_branch(store: Store) -> None:
    session, _ = forked(store)
    store.forget(Wish(since=datetime(2020, 1, 1, tzinfo=UTC)))
    assert store.all_turns(session.id) == []


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    count = draw(st.integers(1, 12))
    names = [str(number) for number in range(count)]
    points = {
        name: draw(st.sampled_from(["", *names[:at]]))
        for at, name in enumerate(names)
        if draw(st.booleans())
    }
    return Tree(names, points)


@given(trees(), st.data())
@settings(deadline=None)
def test_the_laws_of_trees(tree: Tree, data: st.DataObject) -> None:
    for turn in tree.turns:
        path = tree.path(turn)
        assert path[-1] == turn
        assert tree.parent(path[0]) == ""
        assert turn in tree.path(tree.end(turn))
        assert turn in tree.versions(turn)
    # Whatever goes, what stays keeps its order in every branch.
    kept = [turn for turn in tree.turns if data.draw(st.booleans())]
    mended = Tree(kept, points_of(tree, kept, set(kept)))
    for turn in kept:
        assert mended.path(turn) == [name for name in tree.path(turn) if name in kept]
