"""Sessions, turns, queues and settings, through `Store`."""

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pocket_agent.errors import StoreError
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Turn, TurnRole, TurnStatus
from pocket_agent.memory.store import Store


def test_a_user_turn_is_there_after_reopening(path: Path) -> None:
    with Store.open(path) as store:
        session = store.new_session("Move")
        said = store.add_user_turn(session.id, "I've moved to Porto")
    with Store.open(path) as store:
        assert store.turn(said.id) == said
        assert said.speaker == "You"
        assert store.session(session.id).turns == 1


def test_files_are_private(path: Path) -> None:
    with Store.open(path) as store:
        store.new_session()
        names = {file.name for file in path.parent.iterdir()}
        assert {"anna.db", "anna.db-wal", "anna.db-shm", "anna.db.lock"} <= names
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_reply_is_checkpointed_and_closed(store: Store) -> None:
    session = store.new_session()
    reply = store.open_reply(session.id)
    assert reply.status is TurnStatus.OPEN
    store.checkpoint_reply(reply.id, "Por")
    assert store.turn(reply.id).text == "Por"
    done = store.close_reply(reply.id, "Porto!", TurnStatus.STOPPED)
    assert (done.text, done.status) == ("Porto!", TurnStatus.STOPPED)
    assert store.turn(reply.id) == done


@pytest.mark.parametrize(
    "status",
    [TurnStatus.COMPLETE, TurnStatus.STOPPED, TurnStatus.CUT, TurnStatus.INTERRUPTED],
)
def test_how_a_reply_ended_is_kept(path: Path, status: TurnStatus) -> None:
    with Store.open(path) as store:
        session = store.new_session()
        reply = store.open_reply(session.id)
        store.close_reply(reply.id, "Por", status)
        copy = replace(reply, id="foreign", text="to", status=status)
        assert store.add_turns([copy]) == 1
    with Store.open(path) as store:
        assert [turn.status for turn in store.turns(session.id)] == [status, status]
        assert store.problems() == []


def test_an_open_reply_is_interrupted_at_the_next_opening(path: Path) -> None:
    with Store.open(path) as store:
        session = store.new_session()
        store.add_user_turn(session.id, "Tell me about harbours")
        reply = store.open_reply(session.id)
        store.checkpoint_reply(reply.id, "A harbour is a quiet")
    with Store.open(path) as store:
        found = store.turn(reply.id)
        assert found.status is TurnStatus.INTERRUPTED
        assert found.text == "A harbour is a quiet"


def test_a_finished_turn_never_changes(store: Store) -> None:
    session = store.new_session()
    said = store.add_user_turn(session.id, "one")
    reply = store.open_reply(session.id)
    store.close_reply(reply.id, "two")
    with pytest.raises(StoreError, match="finished"):
        store.checkpoint_reply(reply.id, "other")
    with pytest.raises(StoreError, match="finished"):
        store.close_reply(reply.id, "other")
    for change in (
        "UPDATE turns SET text = 'x'",
        "UPDATE turns SET status = 'open'",
        "UPDATE turns SET speaker = 'Eve'",
        "DELETE FROM turns",
    ):
        with pytest.raises(StoreError), store.database.writing() as connection:
            connection.execute(change)
    assert store.turn(said.id).text == "one"
    assert store.turn(reply.id).text == "two"


def test_erasing_needs_the_erasure_row(store: Store) -> None:
    session = store.new_session()
    said = store.add_user_turn(session.id, "one")
    with store.database.writing() as connection:
        connection.execute("INSERT INTO erasure VALUES (1)")
        connection.execute("DELETE FROM turns WHERE id = ?", (said.id,))
        connection.execute("DELETE FROM erasure")
    with pytest.raises(StoreError, match="no turn"):
        store.turn(said.id)


def test_turns_come_in_pages_oldest_first(store: Store) -> None:
    session = store.new_session()
    said = [store.add_user_turn(session.id, f"turn {n}") for n in range(7)]
    other = store.new_session()
    store.add_user_turn(other.id, "elsewhere")
    last = store.turns(session.id, limit=3)
    assert last == said[4:]
    assert store.turns(session.id, before=last[0].id, limit=3) == said[1:4]
    assert store.turns(session.id, before=said[0].id) == []


def test_sessions_newest_first(store: Store) -> None:
    first, second = store.new_session("first"), store.new_session("second")
    assert [s.title for s in store.sessions()] == ["second", "first"]
    store.add_turns([Turn("t1", first.id, TurnRole.USER, "hello", "2999-01-01T00:00:00.000+00:00")])
    assert [s.id for s in store.sessions()] == [first.id, second.id]
    assert [s.id for s in store.sessions(limit=1, offset=1)] == [second.id]
    assert store.rename_session(first.id, "Plans").title == "Plans"


def test_unknown_sessions_and_turns_are_told(store: Store) -> None:
    for call in (
        lambda: store.session("none"),
        lambda: store.rename_session("none", "x"),
        lambda: store.turn("none"),
        lambda: store.add_user_turn("none", "hello"),
        lambda: store.open_reply("none"),
    ):
        with pytest.raises(StoreError, match="There is no"):
            call()


def test_imported_turns_bring_their_sessions(store: Store) -> None:
    turns = [
        Turn("a", "s1", TurnRole.USER, "Hi", "2025-05-12T10:00:00+00:00", speaker="Anna"),
        Turn("b", "s1", TurnRole.ASSISTANT, "Hello Anna", "2025-05-12T10:00:05+00:00"),
        Turn("c", "s2", TurnRole.USER, "Back", "2025-06-01T10:00:00+00:00", speaker="Anna"),
    ]
    assert store.add_turns(turns) == 3
    assert store.turn("a") == turns[0]
    assert store.turn("b").speaker == "Assistant"
    assert [s.id for s in store.sessions()] == ["s2", "s1"]
    assert store.session("s1").started == "2025-05-12T10:00:00+00:00"
    assert store.unread_turns() == []


def test_a_bulk_add_is_all_or_nothing(store: Store) -> None:
    good = Turn("a", "s1", TurnRole.USER, "Hi", "2025-05-12T10:00:00+00:00")
    with pytest.raises(StoreError, match="already stored"):
        store.add_turns([good, good])
    with pytest.raises(StoreError, match="open"):
        store.add_turns([good, Turn("b", "s1", TurnRole.ASSISTANT, "", good.at, TurnStatus.OPEN)])
    assert store.sessions() == []


def test_the_policy_queue(store: Store) -> None:
    session = store.new_session()
    first = store.add_user_turn(session.id, "one")
    store.close_reply(store.open_reply(session.id).id, "reply")
    second = store.add_user_turn(session.id, "two")
    assert store.unread_turns() == [first, second]
    store.mark_read(first.id, "v1")
    assert store.unread_turns() == [second]


def test_settings_are_kept(path: Path) -> None:
    with Store.open(path) as store:
        assert store.get_meta("tone") is None
        store.set_meta("tone", "dry")
        store.set_meta("tone", "warm")
    with Store.open(path) as store:
        assert store.get_meta("tone") == "warm"


def test_any_text_is_stored_as_it_is(store: Store) -> None:
    session = store.new_session()
    for text in ("", "naïve 日本語 🦊", "a\x00b", "'; DROP TABLE turns; --", "x" * 200_000):
        assert store.turn(store.add_user_turn(session.id, text).id).text == text


def test_neighbours_are_indexed(store: Store) -> None:
    session = store.new_session()
    store.add_user_turn(session.id, "alpha")
    reply = store.open_reply(session.id)
    store.checkpoint_reply(reply.id, "unfinished")
    store.close_reply(reply.id, "beta")
    store.add_user_turn(session.id, "gamma")
    with store.database.reading() as connection:
        rows = connection.execute("SELECT text, prev, next FROM turn_words ORDER BY rowid")
        assert list(rows) == [
            ("alpha", "", "beta"),
            ("beta", "alpha", "gamma"),
            ("gamma", "beta", ""),
        ]
        found = "SELECT count(*) FROM turn_words('unfinished')"
        assert connection.execute(found).get == 0
        connection.execute("INSERT INTO turn_words(turn_words) VALUES ('integrity-check')")
    assert store.problems() == []


def test_many_threads_lose_no_turn(store: Store) -> None:
    sessions = [store.new_session() for _ in range(4)]
    said: dict[str, list[Turn]] = {}

    def talk(session: str) -> None:
        turns = []
        for n in range(25):
            turns.append(store.add_user_turn(session, f"apple {n}"))
            reply = store.open_reply(session)
            store.checkpoint_reply(reply.id, "half")
            turns.append(store.close_reply(reply.id, f"pear {n}"))
            assert Recaller(store).recall("apple", k=1)
        said[session] = turns

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(talk, [session.id for session in sessions]))
    for session in sessions:
        assert store.turns(session.id, limit=100) == said[session.id]
    assert store.problems() == []


def test_a_closed_store_says_so(path: Path) -> None:
    store = Store.open(path)
    session = store.new_session()
    store.close()
    store.close()
    with pytest.raises(StoreError):
        store.add_user_turn(session.id, "too late")


def test_the_newest_messages_are_those_said_last_and_in_sight(store: Store) -> None:
    first, second, away = (store.new_session() for _ in range(3))
    store.add_user_turn(first.id, "one")
    reply = store.open_reply(first.id)
    store.close_reply(reply.id, "Fine.")
    store.add_user_turn(away.id, "out of sight")
    store.archive_session(away.id)
    store.add_user_turn(second.id, "two")
    old = Turn("old", first.id, TurnRole.USER, "long ago", "2020-01-01T00:00:00.000+00:00")
    store.add_turns([old])
    assert store.messages() == ["long ago", "one", "two"]
    assert store.messages(1) == ["two"]
