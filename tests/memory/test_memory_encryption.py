"""Encrypting, decrypting, another passphrase: all is still there, and nobody else reads it."""

import os
import stat
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocket_agent.errors import PassphraseError, StoreBusyError, StoreError
from pocket_agent.memory import cipher
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.encryption import rewrite
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector
from pocket_agent.profile.facts import Actor, Op, OpKind, Source

SECRET = "the harbour at dawn"
PLANTED = ("harbour", "Biscuit", "Lisbon", "Moorings", "Tuesdays")
REAL_N = cipher._COST["n"]
STEMS = ("harbour", "biscuit", "lisbon", "tuesday")


@pytest.fixture(autouse=True)
def _cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key takes a quarter second on purpose, which is not what is tested here."""
    monkeypatch.setitem(cipher._COST, "n", 16)


def key_of(seed: str) -> Key:
    """A key without the quarter second that a passphrase takes."""
    return Key(seed.encode().ljust(32, b"\0")[:32], cipher.new_salt())


def talk(store: Store, rounds: int = 3) -> str:
    """What a chat writes: turns, replies as they grow, facts, vectors, a title, what waits."""
    session = store.new_session("Moorings")
    for number in range(rounds):
        text = f"{number}: My dog Biscuit and I left Lisbon for {SECRET}."
        turn = store.add_user_turn(session.id, text)
        reply = store.open_reply(session.id)
        for shown in ("On Tuesdays", f"On Tuesdays {SECRET} is quiet."):
            store.checkpoint_reply(reply.id, shown)
        store.close_reply(reply.id, shown)
        at = text.index("Lisbon")
        source = Source(turn.id, at, at + 6, text)
        store.record(Op(OpKind.ADD, "home", "Lisbon"), actor=Actor.POLICY, source=source)
        store.mark_read(turn.id, "v1")
    store.put_vectors("m", [PartVector(p.number, 0, bytes(1536)) for p in store.unembedded("m")])
    store.set_meta("waiting", f'["{SECRET}"]')
    return session.id


def told(store: Store) -> list[object]:
    """All that a store holds, to compare."""
    with store.database.reading() as connection:
        tables = ("sessions", "turns", "events", "facts", "fact_sources", "vectors", "meta")
        rows = [list(connection.execute(f"SELECT * FROM {table}")) for table in tables]
        words = connection.execute("SELECT rowid, * FROM turn_words")
        codes = connection.execute("SELECT id, model, code FROM vector_bits ORDER BY id")
        return [*rows, list(words), list(codes), store.profile()]


def found_in(folder: Path, words: tuple[str, ...] = PLANTED + STEMS) -> list[str]:
    """Which of the words stand in which file, in the bytes that a plain database would hold."""
    return [
        f"{word} in {file.name}"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for word in words
        if any(word.encode(code) in file.read_bytes() for code in ("utf-8", "utf-16-le"))
    ]


def test_there_and_back_keeps_everything(path: Path) -> None:
    with Store.open(path) as store:
        talk(store)
        before = told(store)
    first, second = key_of("first"), key_of("second")
    for old, new in ((None, first), (first, second), (second, None)):
        rewrite(path, old, new)
        assert cipher.is_encrypted(path) is (new is not None)
        assert cipher.is_plain(path) is (new is None)
        assert sorted(p.name for p in path.parent.iterdir()) == ["anna.db", "anna.db.lock"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with Store.open(path, key=new) as store:
            assert store.problems() == []
            assert told(store) == before
            with store.database.reading() as connection:
                connection.execute("INSERT INTO turn_words(turn_words) VALUES ('integrity-check')")
                assert connection.execute("SELECT count(*) FROM turn_words('harbour')").get >= 6
            store.add_user_turn(store.sessions()[0].id, "and on it goes")
            before = told(store)


def test_passphrases_open_what_they_closed(path: Path) -> None:
    Store.open(path).close()
    rewrite(path, None, "correct horse")
    salt = cipher.head_of(path)
    rewrite(path, "correct horse", "battery staple")
    assert cipher.head_of(path) != salt  # a salt is never used twice
    for wrong in ("correct horse", None):
        with pytest.raises(PassphraseError):
            rewrite(path, wrong, None)
    Store.open(path, key="battery staple").close()


def test_a_passphrase_is_the_same_however_it_was_composed(path: Path) -> None:
    Store.open(path, key="caf\u00e9 \ufb01").close()
    Store.open(path, key="cafe\u0301 \ufb01").close()
    with pytest.raises(PassphraseError):
        Store.open(path, key="cafe fi")


def test_a_passphrase_in_the_ciphers_own_notation_is_a_passphrase(path: Path) -> None:
    notation = "raw:" + "1f" * 32
    Store.open(path, key=notation).close()
    stranger = apsw.Connection(str(path))
    cipher.unlock(stranger, Key(b"\x1f" * 32, cipher.head_of(path)))
    with pytest.raises(apsw.NotADBError):
        stranger.pragma("user_version")
    stranger.close()
    Store.open(path, key=notation).close()


def test_what_is_refused_leaves_the_file_as_it_was(path: Path) -> None:
    key = key_of("k")
    with Store.open(path) as store:
        talk(store)
        with pytest.raises(StoreBusyError):
            rewrite(path, None, key)
    plain = path.read_bytes()
    with pytest.raises(StoreError, match="passphrase is empty"):
        rewrite(path, None, "")
    with pytest.raises(StoreError, match="is not encrypted"):
        rewrite(path, key, None)
    assert path.read_bytes() == plain
    rewrite(path, None, key)
    closed = path.read_bytes()
    with pytest.raises(PassphraseError, match="passphrase is wrong"):
        rewrite(path, Key(b"x" * 32, key.salt), None)
    with pytest.raises(PassphraseError, match="'anna' is encrypted"):
        rewrite(path, None, key_of("l"))
    assert path.read_bytes() == closed
    with pytest.raises(StoreError, match="no profile file"):
        rewrite(path.with_name("ben.db"), None, key)


def test_no_word_of_it_is_in_any_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is open, with everything SQLite may put beside it, and after; and in no message."""
    scratch = path.parent / "tmp"
    scratch.mkdir(parents=True)
    for variable in ("SQLITE_TMPDIR", "TMPDIR"):
        monkeypatch.setenv(variable, str(scratch))
    key = key_of("k")
    with Store.open(path, key=key) as store:
        session = talk(store, 60)
        with store.database.writing() as connection:
            connection.execute("CREATE TEMP TABLE spilt AS SELECT text FROM turns")
            cursor = connection.execute("SELECT text, random() AS r FROM turns ORDER BY 1, r")
            next(cursor)
            assert found_in(path.parent) == []
            assert held_open(scratch) == []
            cursor.close()
        store.rename_session(session, "Moorings again")
        assert found_in(path.parent) == []
    assert found_in(path.parent) == []
    rewrite(path, key, key_of("l"))
    assert found_in(path.parent) == []


def held_open(folder: Path) -> list[str]:
    """Files of a folder that this process holds open, with a name or without."""
    links = Path("/proc/self/fd")
    if not links.is_dir():
        return []
    names = []
    for link in links.iterdir():
        try:
            names.append(str(link.readlink()))
        except OSError:
            continue
    return [name for name in names if name.startswith(str(folder))]


def test_the_scan_would_find_them(path: Path) -> None:
    with Store.open(path) as store:
        talk(store)
        assert {word for word in PLANTED if found_in(path.parent, (word,))} == set(PLANTED)


@pytest.mark.skipif(os.name != "posix", reason="a file without a name is of Unix")
def test_the_old_file_is_written_over(path: Path) -> None:
    """What still reaches the old bytes after encryption finds zeros; a copy of one's own stays."""
    with Store.open(path) as store:
        talk(store)
    with path.open("rb") as old:
        rewrite(path, None, key_of("k"))
        content = old.read()
    assert len(content) > 4096
    assert not any(content)
    rewrite(path, Key(b"k".ljust(32, b"\0"), cipher.head_of(path)), None)
    copy = path.with_name("mine.db")
    copy.hardlink_to(path)
    rewrite(path, None, key_of("k"))
    with Store.open(copy) as store:
        assert store.sessions()[0].title == "Moorings"


def test_a_leftover_is_taken_away_at_the_next_start(path: Path) -> None:
    Store.open(path).close()
    for ending in ("", "-journal", "-wal", "-shm"):
        path.with_name(f"anna.db.new{ending}").write_bytes(b"half a copy")
    Store.open(path).close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["anna.db", "anna.db.lock"]


def test_a_guess_is_dear() -> None:
    """The cost goes with the file's mark: to change it alone would lock people out."""
    assert {**cipher._COST, "n": REAL_N} == {
        "n": 32768,
        "r": 8,
        "p": 3,
        "maxmem": 2**26,
        "dklen": 32,
    }
    assert cipher.new_salt()[:4] == b"PKA\x01"


def test_an_old_journal_is_not_played_back_into_the_new_file(path: Path) -> None:
    with Store.open(path) as store:
        talk(store)
    key = key_of("k")
    path.with_name("anna.db-journal").write_bytes(bytes(512) + SECRET.encode() * 300)
    rewrite(path, None, key)
    assert sorted(p.name for p in path.parent.iterdir()) == ["anna.db", "anna.db.lock"]
    with Store.open(path, key=key) as store:
        assert store.problems() == []


@given(st.text(min_size=1, max_size=40))
@settings(max_examples=15, deadline=None)
def test_any_passphrase_makes_one_key(passphrase: str) -> None:
    salt = cipher.new_salt()
    assert cipher.derive(passphrase, salt) == cipher.derive(passphrase, salt)
    assert cipher.derive(passphrase + "x", salt) != cipher.derive(passphrase, salt)
