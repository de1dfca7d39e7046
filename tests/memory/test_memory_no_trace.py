"""A profile that is only read stays as it is, to the byte and to the moment; so does its folder."""

import shutil
from pathlib import Path

import pytest

from pocket_agent.errors import PassphraseError, StoreBusyError, StoreError
from pocket_agent.memory import cipher
from pocket_agent.memory.migrations import VERSION
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Drawn, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind

KEYS = pytest.mark.parametrize("key", [None, "seven brass lamps"], ids=["plain", "encrypted"])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cipher._COST, "n", 16)


def fill(store: Store) -> str:
    session = store.new_session("Bees")
    store.add_user_turn(session.id, "I keep bees in Leeds")
    store.record(Op(OpKind.ADD, "home", "Leeds"), actor=Actor.USER)
    return session.id


def picture(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Name, size, time and bytes of everything in a folder."""
    found = sorted(folder.rglob("*"))
    return {
        str(path.relative_to(folder)): (
            path.stat().st_size,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *found)
    }


def read_all(store: Store, session: str) -> None:
    assert store.turns(session)[0].text == "I keep bees in Leeds"
    assert [fact.value for fact in store.profile().active("home")] == ["Leeds"]
    assert Recaller(store).recall("who keeps bees?")[0].turn.session == session
    assert store.problems() == []


@KEYS
def test_reading_leaves_no_trace(path: Path, key: str | None) -> None:
    with Store.open(path, key=key) as store:
        session = fill(store)
    before = picture(path.parent)
    with Store.open_untouched(path, key=key) as store:
        read_all(store, session)
        assert (store.key is None) is (key is None)
        assert picture(path.parent) == before
    assert picture(path.parent) == before


@KEYS
def test_the_log_that_a_crash_left_is_read_and_left(path: Path, key: str | None) -> None:
    with Store.open(path, key=key) as store:
        session = fill(store)
        store.open_reply(session)
        crashed = path.parent.with_name("crashed")
        shutil.copytree(path.parent, crashed)
    (crashed / f"{path.name}-shm").unlink()
    assert (crashed / f"{path.name}-wal").stat().st_size
    before = picture(crashed)
    with Store.open_untouched(crashed / path.name, key=key) as store:
        read_all(store, session)
        assert store.turns(session)[-1].status is TurnStatus.INTERRUPTED
    assert picture(crashed) == before


def test_nothing_is_made_where_there_is_nothing(tmp_path: Path) -> None:
    for store in (Store.open_untouched(tmp_path / "none" / "anna.db"), Store.empty()):
        with store:
            assert store.sessions() == []
            assert store.profile().active() == []
            assert Recaller(store).recall("anything") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("empty", [True, False])
def test_whatever_would_write_says_so(path: Path, empty: bool) -> None:
    with Store.open(path) as store:
        session = fill(store)
    before = picture(path.parent)
    with Store.empty() if empty else Store.open_untouched(path) as store:
        for write in (
            lambda: store.new_session("x"),
            lambda: store.add_user_turn(session, "x"),
            lambda: store.record(Op(OpKind.ADD, "pet", "a cat"), actor=Actor.USER),
            lambda: store.undo(),
            lambda: store.set_meta("waiting", "[]"),
            lambda: store.rename_session(session, "x"),
        ):
            with pytest.raises(StoreError, match="Incognito writes nothing"):
                write()
    assert picture(path.parent) == before


@KEYS
def test_a_wrong_or_missing_passphrase_leaves_no_trace_either(path: Path, key: str | None) -> None:
    with Store.open(path, key="right and long enough") as store:
        fill(store)
    before = picture(path.parent)
    with pytest.raises(PassphraseError):
        Store.open_untouched(path, key=key)
    assert picture(path.parent) == before


def test_readers_share_and_keep_writers_out(path: Path) -> None:
    with Store.open(path) as store:
        fill(store)
        with pytest.raises(StoreBusyError):
            Store.open_untouched(path)
    with (
        Store.open_untouched(path),
        Store.open_untouched(path),
        pytest.raises(StoreBusyError),
    ):
        Store.open(path)
    Store.open(path).close()


def test_what_only_writing_could_mend_is_told(path: Path) -> None:
    with Store.open(path) as store:
        fill(store)
        with store.database.reading() as connection:
            connection.pragma("user_version", VERSION - 1)
    with pytest.raises(StoreError, match="earlier version"):
        Store.open_untouched(path)
    path.with_name(f"{path.name}-journal").write_bytes(b"half a change")
    with pytest.raises(StoreError, match="cut short"):
        Store.open_untouched(path)


def test_what_a_reply_was_made_from_is_kept_by_id_and_goes_with_its_turns(store: Store) -> None:
    from pocket_agent.memory.erasure import Wish

    session = store.new_session()
    first = store.add_user_turn(session.id, "I keep bees")
    second = store.add_user_turn(session.id, "What do I keep?")
    reply = store.open_reply(session.id, Drawn(("f1", "f2"), (first.id, "gone")))
    bare = store.open_reply(session.id)
    assert store.drawn([reply.id, bare.id]) == {
        reply.id: Drawn(("f1", "f2"), tuple(sorted((first.id, "gone"))))
    }
    for turn in (reply, bare):
        store.close_reply(turn.id, "Bees.")
    store.forget(Wish(turn=first.id, keep_replies=True))
    assert store.drawn([reply.id])[reply.id].turns == ("gone",)
    store.forget(Wish(turn=second.id))  # its reply goes with it
    with store.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM contexts").get == 0
