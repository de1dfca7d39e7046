"""A profile on a wholly full disk can be read: by commands, by an export elsewhere, in the chat."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_disks import small_disk_at

from pocket_agent.cli.main import main
from pocket_agent.errors import DiskFullError
from pocket_agent.memory.cipher import Key, new_salt
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.portable.archive import export_profile, import_profile
from pocket_agent.profile.facts import Actor, Op, OpKind

if TYPE_CHECKING:
    from textual.app import App
    from textual.pilot import Pilot

SAID = "the harbour at dawn"
# A chat that is cut off: what it said is in the log alone, and its last reply is open.
CUT_OFF = """
import os, sys
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.store import Store
key = Key(*map(bytes.fromhex, sys.argv[2:])) if sys.argv[2:] else None
store = Store.open(sys.argv[1], key=key)
session = store.sessions()[0]
store.add_user_turn(session.id, "said last")
store.open_reply(session.id)
os._exit(0)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MB."""
    with small_disk_at(tmp_path / "disk", "size=4m,nr_inodes=40") as folder:
        yield folder


def made(home: Path, key: Key | None = None) -> Path:
    """A profile with a turn and a fact."""
    places = Locations(home, home / "cache")
    places.prepare()
    path = places.profile("default")
    with Store.open(path, key=key) as store:
        session = store.new_session("Boats")
        store.add_user_turn(session.id, SAID)
        store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER)
    return path


def fill_up(disk: Path) -> None:
    """Not a byte and not a name more goes on it."""
    with (disk / "photos").open("wb", buffering=0) as photos:
        _until_refused(lambda _: photos.write(bytes(4096)))
    _until_refused(lambda number: (disk / f"empty{number}").touch())


def _until_refused(write: Callable[[int], object]) -> None:
    with contextlib.suppress(OSError):
        for number in count():
            write(number)


def make_room(disk: Path) -> None:
    for file in (disk / "photos", *disk.glob("empty*")):
        file.unlink()


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("key", [None, Key(b"k" * 32, new_salt())])
@pytest.mark.parametrize("cut_off", [False, True])
def test_it_opens_to_be_read_and_nothing_changes(
    disk: Path, tmp_path: Path, key: Key | None, cut_off: bool
) -> None:
    path = made(disk, key)
    if cut_off:
        how = [key.raw.hex(), key.salt.hex()] if key else []
        command = [sys.executable, "-c", CUT_OFF, str(path), *how]
        subprocess.run(command, check=True, timeout=120)
        path.with_name(path.name + "-shm").unlink()
    fill_up(disk)
    before = bytes_of(path.parent)
    with Store.open(path, key=key) as store:
        assert store.read_only
        (session,) = store.sessions()
        texts = [turn.text for turn in store.turns(session.id)]
        assert texts == ([SAID, "said last", ""] if cut_off else [SAID])
        assert [fact.value for fact in store.profile().active()] == ["Porto"]
        assert Recaller(store).recall("dawn harbour")[0].turn.text == SAID
        assert store.problems() == []
        for change in (
            lambda: store.add_user_turn(session.id, "more"),
            lambda: store.undo(),
            lambda: store.set_meta("a", "b"),
        ):
            with pytest.raises(DiskFullError, match="open to be read, and nothing can be saved"):
                change()
        export_profile(store, tmp_path / "out.jsonl")
    assert bytes_of(path.parent) == before
    with Store.open(tmp_path / "new.db") as other:
        import_profile(other, tmp_path / "out.jsonl")
        assert [fact.value for fact in other.profile().active()] == ["Porto"]
    make_room(disk)
    with Store.open(path, key=key) as store:
        assert not store.read_only
        store.add_user_turn(session.id, "room again")


def test_commands_read_and_say_why_they_can_not_write(
    disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(disk)
    fill_up(disk)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(("--home", str(disk), *words))
        told = capsys.readouterr()
        return code, told.out, told.err

    code, out, err = run("profile", "show")
    assert code == 0
    assert "home: Porto" in out
    assert err.count("\n") == 1
    assert "disk is full: default.db is open to be read" in err
    assert run("profile", "export", str(tmp_path / "elsewhere.jsonl"))[0] == 0
    code, out, err = run("profile", "set", "home", "Faro")
    assert (code, out) == (1, "")
    assert "The disk is full" in err
    assert run("profile", "forget", "--everything", "--yes")[0] == 1
    assert "home: Porto" in run("profile", "show")[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_search_finds_on_a_full_disk(disk: Path) -> None:
    made(disk)
    fill_up(disk)
    done = subprocess.run(
        [sys.executable, "-m", "pocket_agent", "--home", str(disk), "memory", "search", "dawn"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert SAID in done.stdout
    assert "disk is full" in done.stderr


def test_an_earlier_version_needs_room_and_says_so(disk: Path) -> None:
    path = made(disk)
    with Store.open(path) as store, store.database.writing() as connection:
        connection.pragma("user_version", 4)
    fill_up(disk)
    before = bytes_of(path.parent)
    with pytest.raises(DiskFullError):
        Store.open(path)
    assert bytes_of(path.parent) == before


async def test_the_app_opens_to_be_read_with_one_line(disk: Path) -> None:
    from pocket_agent.tui.app import PocketApp
    from pocket_agent.tui.live import LiveBackend
    from pocket_agent.tui.options import TuiOptions

    made(disk)
    fill_up(disk)
    options = TuiOptions(model="/nowhere/none.gguf")  # what is said is on the disk before any reply
    app = PocketApp(LiveBackend(Locations(disk, disk / "cache"), "default", options), options)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "open to be read" in painted(app))
        app.chat.dialogue.submit("I moved to Faro")
        await until(pilot, lambda: painted(app).count("nothing can be saved") == 2)
        assert app.chat.dialogue.backend.full_disk
        await pilot.press("f2")
        await until(pilot, lambda: "Porto" in painted(app))


async def until(pilot: "Pilot[str]", done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline, painted(pilot.app)
        await pilot.pause()
        await asyncio.sleep(0.05)


def painted(app: "App[str]") -> str:
    """Every line on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
