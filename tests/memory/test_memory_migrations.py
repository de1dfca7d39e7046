"""Every earlier version of the schema opens, with what was in it."""

from pathlib import Path

import apsw
import pytest
import sqlite_vec

from pocket_agent.errors import StoreError
from pocket_agent.memory import cipher, migrations
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.dates import day_words
from pocket_agent.memory.migrations import APPLICATION_ID, STEPS, VERSION
from pocket_agent.memory.records import TurnStatus
from pocket_agent.memory.store import Store

FILLED = """
INSERT INTO sessions (id, title, started, touched)
    VALUES ('s', 'Old', '2025-05-12T10:00:00+00:00', '2025-05-12T10:00:00+00:00');
INSERT INTO turns (id, session, role, speaker, text, at, status) VALUES
    ('a', 's', 'user', 'You', 'I keep bees', '2025-05-12T10:00:00', 'complete'),
    ('b', 's', 'assistant', 'Assistant', 'How many hives?', '2025-05-12T10:00:01', 'complete'),
    ('c', 's', 'assistant', 'Assistant', 'And', '2025-05-12T10:00:02', 'open');
INSERT INTO events VALUES (1, 'e', '2025-05-12T10:00:00', 'user', 'add', 'pet', 'bees', '', '+',
    '', 0, NULL, 1.0, '', '');
INSERT INTO facts VALUES ('e', 'pet', 'bees', '+', 1.0, 'active', 'user', '2025-05-12T10:00:00',
    '', 0, 0, '', '');
"""


def make(path: Path, version: int, key: Key | None = None) -> None:
    """A store as the program of that version would have left it."""
    connection = apsw.Connection(str(path))
    if key is not None:
        cipher.unlock(connection, key)
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.create_scalar_function("day_words", lambda *a: day_words(str(a[0])), 1)
    for number, step in enumerate(STEPS[:version]):
        connection.execute(step)
        if number == 0:
            connection.execute(FILLED)
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", version)
    connection.pragma("journal_mode", "wal")
    connection.close()


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_every_earlier_version_opens(tmp_path: Path, version: int) -> None:
    path = tmp_path / "old.db"
    make(path, version)
    with Store.open(path) as store:
        assert [t.text for t in store.turns("s")] == ["I keep bees", "How many hives?", "And"]
        assert [f.value for f in store.profile().active("pet")] == ["bees"]
        assert len(store.events()) == 1
        assert len(store.unembedded("any")) == 3
        store.add_user_turn("s", "Four, and a swarm")
        with store.database.reading() as connection:
            assert connection.pragma("user_version") == VERSION
            if version == 1:
                found = connection.execute("SELECT rowid FROM turn_words('hive monday')")
                assert [n for (n,) in found] == [1, 2, 3]
        assert store.problems() == []


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_reply_may_end_at_its_limit_in_a_file_of_any_version(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "old.db"
    make(path, version)
    with Store.open(path) as store:
        store.close_reply(store.open_reply("s").id, "Four and", TurnStatus.CUT)
        with pytest.raises(StoreError), store.database.writing() as connection:
            connection.execute(
                "INSERT INTO turns (id, session, role, speaker, text, at, status) "
                "VALUES ('odd', 's', 'user', 'You', '', '', 'no such end')"
            )
    with Store.open(path) as store:
        assert store.turns("s")[-1].status is TurnStatus.CUT
        assert [turn.status for turn in store.turns("s")[:2]] == [TurnStatus.COMPLETE] * 2
        assert store.problems() == []


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_an_encrypted_one_opens_and_leaves_nothing_in_plain(tmp_path: Path, version: int) -> None:
    path, key = tmp_path / "old.db", Key(b"k" * 32, cipher.new_salt())
    make(path, version, key)
    with Store.open(path, key=key) as store:
        assert len(store.turns("s")) == 3
        assert store.problems() == []
        files = list(tmp_path.iterdir())
        assert not [file for file in files if b"bees" in file.read_bytes()]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["old.db", "old.db.lock"]
    assert b"bees" not in path.read_bytes()


def test_a_failed_step_leaves_the_old_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    make(path, 1)
    broken = (*STEPS[:2], "CREATE TABLE half (a); CREATE TABLE half (a);")
    monkeypatch.setattr(migrations, "STEPS", broken)
    with pytest.raises(StoreError):
        Store.open(path)
    monkeypatch.undo()
    connection = apsw.Connection(str(path))
    assert connection.pragma("user_version") == 1
    assert not connection.table_exists(None, "half")
    assert not connection.table_exists(None, "turn_words")
    connection.close()
    with Store.open(path) as store:
        assert len(store.turns("s")) == 3
