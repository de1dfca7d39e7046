"""Taking in: conversations that recall finds, statements that wait; all or nothing, and once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_samples import chatgpt, claude, mem0, remembering, written

from pocket_agent.errors import DiskFullError, PortableError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.portable.archive import export_profile, import_profile
from pocket_agent.portable.importers import taking
from pocket_agent.portable.importers.registry import IMPORTERS
from pocket_agent.portable.importers.taking import Taken, survey, take_in
from pocket_agent.profile.facts import Actor, FactState, Op, OpKind, Source
from pocket_agent.profile.rules import Outcome
from pocket_agent.profile.waiting import answers, waiting


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home" / "anna.db") as opened:
        yield opened


def take(store: Store, path: Path, name: str = "chatgpt") -> Taken:
    return take_in(path, IMPORTERS[name], store)


def rows(store: Store) -> list[object]:
    """All that an import may change."""
    turns = [store.turns(session.id) for session in store.sessions()]
    return [store.sessions(), turns, store.events(), store.profile()]


def test_conversations_become_sessions_that_recall_finds(store: Store, tmp_path: Path) -> None:
    done = take(store, written(tmp_path, [chatgpt(), chatgpt("c-2", "Empty", mapping={})]))
    assert (done.sessions, done.turns) == (1, 3)
    (session,) = store.sessions()
    assert (session.title, session.started[:10], session.turns) == ("A trip", "2024-05-01", 3)
    turns = store.turns(session.id)
    assert [turn.role for turn in turns] == [TurnRole.USER, TurnRole.ASSISTANT, TurnRole.USER]
    assert [turn.speaker for turn in turns] == ["You", "ChatGPT", "You"]
    assert turns[2].at == turns[1].at, "no date of its own: that of the turn before"
    found = Recaller(store, None).recall("the bookshop Livraria Lello")
    assert found[0].turn.id == turns[0].id
    assert store.unread_turns() == [], "the policy never reads what is imported"
    assert store.profile().facts == {}


def test_twice_changes_nothing_and_a_later_export_adds_what_is_new(
    store: Store, tmp_path: Path
) -> None:
    take(store, written(tmp_path, [chatgpt()]))
    before = rows(store)
    again = take(store, written(tmp_path, [chatgpt(), chatgpt()]))
    assert (again.sessions, again.turns, again.known) == (0, 0, 6)
    assert rows(store) == before
    longer = chatgpt(title="Renamed since")
    longer["mapping"]["z"] = {**longer["mapping"]["g"], "id": "z", "parent": "g", "children": []}
    longer["mapping"]["z"]["message"] = {**longer["mapping"]["g"]["message"], "id": "m-z"}
    longer["current_node"] = "z"
    done = take(store, written(tmp_path, [longer]))
    assert (done.sessions, done.turns, done.known) == (1, 1, 3)
    assert take(store, written(tmp_path, [claude()]), "claude").turns == 2
    assert [s.title for s in store.sessions()] == ["Bread", "A trip"], "a title stays as it was"


def test_statements_wait_and_are_one_step_of_undo(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, mem0("Loves hiking", "Has a cat", "  …", "x" * 400, "loves hikings"))
    store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER)
    done = take(store, path, "mem0")
    assert (done.statements, done.known, done.skipped) == (2, 1, 2)
    assert [fact.value for fact in store.profile().active()] == ["Porto"]
    asked = waiting(store.profile())
    assert [(f.value, f.actor, f.sources[0].imported_from) for f in asked] == [
        ("Loves hiking", Actor.IMPORT, "mem0"),
        ("Has a cat", Actor.IMPORT, "mem0"),
    ]
    assert take(store, path, "mem0").statements == 0
    store.undo()
    assert waiting(store.profile()) == []
    assert [fact.value for fact in store.profile().active()] == ["Porto"]
    assert take(store, path, "mem0").statements == 2, "undone is not rejected"


def test_what_was_rejected_is_not_proposed_again_and_a_yes_makes_it_yours(
    store: Store, tmp_path: Path
) -> None:
    path = written(tmp_path, mem0("Loves hiking", "Has a cat"))
    take(store, path, "mem0")
    hiking, cat = waiting(store.profile())
    for fact, yes in ((hiking, True), (cat, False)):
        (op,) = answers([fact], store.events(), yes=yes)
        store.record(op, actor=Actor.USER)
    (held,) = store.profile().active()
    assert (held.value, held.actor, held.state) == ("Loves hiking", Actor.USER, FactState.ACTIVE)
    done = take(store, path, "mem0")
    assert (done.statements, done.known) == (0, 2)
    (tmp_path / "me.md").write_text("- Has a cat\n", "utf-8")
    assert take(store, tmp_path / "me.md", "markdown").statements == 1, "another source may ask"


def test_what_was_forgotten_stays_so(store: Store, tmp_path: Path) -> None:
    trip, memories = written(tmp_path, [chatgpt()], "a"), written(tmp_path, mem0("Has a cat"), "b")
    take(store, trip)
    take(store, memories, "mem0")
    (session,) = store.sessions()
    first = store.turns(session.id)[0]
    store.forget(Wish(turn=first.id))
    store.forget(Wish(slot="other", value="Has a cat"))
    assert (take(store, trip).turns, take(store, trip).forgotten) == (0, 2)
    assert (take(store, memories, "mem0").statements, waiting(store.profile())) == (0, [])
    store.forget(Wish(session=session.id))
    assert take(store, trip).turns == 0
    assert store.sessions() == []


def test_a_survey_says_what_would_come_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, [chatgpt()])
    before = rows(store)
    told = survey(path, IMPORTERS["chatgpt"], store)
    assert told.titles == ["2024-05-01  A trip (3 turns)"]
    assert survey(path, IMPORTERS["chatgpt"], None) == told
    assert rows(store) == before


def test_a_fault_at_the_end_of_the_file_leaves_nothing(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, [chatgpt(), claude()])
    before = rows(store)
    with pytest.raises(PortableError, match="Entry 2"):
        take(store, path)
    assert rows(store) == before


def test_a_disk_that_fills_up_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, [chatgpt(f"c-{n}") for n in range(300)])
    before = rows(store)
    with store.database.reading() as connection:
        pages = connection.pragma("page_count")
        connection.pragma("max_page_count", pages + 40)
    with pytest.raises(DiskFullError):
        take(store, path)
    assert rows(store) == before


def test_there_is_an_end_to_statements(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "MAX_STATEMENTS", 3)
    with pytest.raises(PortableError, match="more than 3 statements"):
        take(store, written(tmp_path, mem0("a one", "two", "three", "four")), "mem0")
    assert store.events() == []


def test_what_waits_goes_along_in_an_export(store: Store, tmp_path: Path) -> None:
    take(store, written(tmp_path, [chatgpt()]))
    take(store, written(tmp_path, mem0("Loves hiking", "Has a cat")), "mem0")
    (op,) = answers(waiting(store.profile())[:1], store.events(), yes=False)
    store.record(op, actor=Actor.USER)
    store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER)
    turn = store.add_user_turn(store.sessions()[0].id, "Porto is not my home any more")
    said = Source(turn.id, 0, 5, "Porto")
    gone = store.record(Op(OpKind.REMOVE, "home", "Porto"), actor=Actor.POLICY, source=said)
    assert gone.outcome is Outcome.PROPOSED
    export_profile(store, tmp_path / "out.jsonl")
    with Store.open(tmp_path / "there.db") as other:
        import_profile(other, tmp_path / "out.jsonl")
        assert other.profile() == store.profile()
        assert len(waiting(other.profile())) == 2
        other.undo()
    lines = (tmp_path / "out.jsonl").read_text("utf-8")
    assert json.loads(lines.splitlines()[0])["kind"] == "header"


MEMORIES = st.lists(st.sampled_from(["Loves hiking", "Has a cat", "has cats", "", "Né à Porto"]))


@given(st.lists(MEMORIES, max_size=4))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_one_undo_for_each_import(tmp_path: Path, files: list[list[str]]) -> None:
    with Store.open(tmp_path / "law.db") as store:
        states = [store.profile()]
        for number, memories in enumerate(files):
            done = take(store, written(tmp_path, mem0(*memories), f"{number}"), "mem0")
            assert take(store, tmp_path / f"{number}", "mem0").statements == 0
            if done.statements:
                states.append(store.profile())
        for state in states[-2::-1]:
            store.undo()
            assert store.profile() == state
    (tmp_path / "law.db").unlink()


def test_what_is_noted_beside_conversations_waits_and_never_keeps_them_back(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "MAX_STATEMENTS", 4)
    path = written(tmp_path, [remembering()])
    done = take(store, path)
    assert (done.turns, done.statements, done.skipped, done.unknown) == (2, 4, 2, 1)
    assert store.profile().active() == []
    assert {fact.sources[0].imported_from for fact in waiting(store.profile())} == {"chatgpt"}
    again = take(store, path)
    assert (again.turns, again.statements, again.known) == (0, 2, 6), "those that were left out"
    store.undo()
    assert len(waiting(store.profile())) == 4


def test_with_consent_what_was_said_is_queued_behind_what_is_said_here(
    store: Store, tmp_path: Path
) -> None:
    take_in(written(tmp_path, [chatgpt()]), IMPORTERS["chatgpt"], store, learn=True)
    (session,) = store.sessions()
    turn = store.add_user_turn(session.id, "And Lisbon?")
    assert store.unread_turns() == [turn]
    texts = [later.text for later in store.turns_read_later()]
    assert texts == ["Where is the Livraria Lello bookshop?", "Thanks, I love old bookshops!"]
    for later in store.turns_read_later():
        store.mark_read(later.id, "policy")
    assert store.turns_read_later() == []


def test_conversations_and_what_is_noted_beside_them_are_one_step_of_undo(
    store: Store, tmp_path: Path
) -> None:
    store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER)
    take(store, written(tmp_path, [chatgpt()], "a"))
    before = rows(store)
    longer = written(tmp_path, [chatgpt(), remembering()], "b")
    done = take(store, longer)
    assert (done.turns, done.statements) == (2, 6)
    store.undo()
    assert rows(store) == before
    assert take(store, longer).turns == 2, "undone is not forgotten"
    (yes,) = answers(waiting(store.profile())[:1], store.events(), yes=True)
    store.record(yes, actor=Actor.USER)
    store.undo()
    assert len(waiting(store.profile())) == 6, "the newest change first"
    store.undo()
    store.undo()
    assert store.sessions() == []
    assert [fact.value for fact in store.profile().active()] == ["Porto"]
