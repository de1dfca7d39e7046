"""A full disk: one clear error, nothing lost, and work goes on once there is room."""

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_disks import small_disk_at

from pocket_agent.errors import DiskFullError
from pocket_agent.memory import lock
from pocket_agent.memory.records import Turn
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.rules import replay

LONG = "I never throw anything away, not even this sentence. " * 60


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MB."""
    with small_disk_at(tmp_path / "tiny", "size=1m") as folder:
        yield folder


def write_until_full(store: Store, session: str) -> list[Turn]:
    said: list[Turn] = []

    def talk() -> None:
        for _ in range(5_000):
            said.append(store.add_user_turn(session, LONG))
            store.record(Op(OpKind.ADD, "food", f"fig {len(said)}"), actor=Actor.USER)

    with pytest.raises(DiskFullError, match="disk is full") as caught:
        talk()
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    assert said
    return said


def check_intact(store: Store, said: list[Turn]) -> None:
    assert store.problems() == []
    assert [store.turn(turn.id) for turn in said] == said
    assert replay(store.events()) == store.profile()


def test_a_full_disk_loses_nothing(tiny_disk: Path) -> None:
    path = tiny_disk / "anna.db"
    with Store.open(path) as store:
        session = store.new_session()
        said = write_until_full(store, session.id)
        reply_refused = 0
        for _ in range(3):  # and again: the connection is not left in a half-done state
            with pytest.raises(DiskFullError):
                store.add_user_turn(session.id, LONG * 20)
            reply_refused += 1
        assert reply_refused == 3
        check_intact(store, said)
    with Store.open(path) as store:
        check_intact(store, said)


def test_no_room_to_open(tiny_disk: Path) -> None:
    rest = tiny_disk / "photos"
    rest.write_bytes(b"x" * (shutil.disk_usage(tiny_disk).free - 8192))
    with pytest.raises(DiskFullError):
        Store.open(tiny_disk / "new.db")
    assert not (tiny_disk / "new.db").exists()  # nothing half made stays behind
    rest.unlink()
    Store.open(tiny_disk / "new.db").close()


def test_room_again_and_all_goes_on(tiny_disk: Path) -> None:
    rest = tiny_disk / "photos"
    rest.write_bytes(b"x" * 500_000)
    with Store.open(tiny_disk / "anna.db") as store:
        session = store.new_session()
        said = write_until_full(store, session.id)
        rest.unlink()
        said.append(store.add_user_turn(session.id, "room again"))
        check_intact(store, said)


def test_the_page_limit_of_a_quota(path: Path) -> None:
    with Store.open(path) as store:
        session = store.new_session()
        with store.database.reading() as connection:
            pages = connection.pragma("page_count")
            connection.pragma("max_page_count", pages + 40)
        said = write_until_full(store, session.id)
        check_intact(store, said)
        with store.database.reading() as connection:
            connection.pragma("max_page_count", 1_000_000)
        said.append(store.add_user_turn(session.id, "room again"))
        check_intact(store, said)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_quota_that_refuses_the_lock_file(
    path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "no")

    monkeypatch.setattr(lock.os, "open", refuse)
    with pytest.raises(DiskFullError):
        Store.open(path)
