"""`kill -9` and a full disk while a file gets another key: the old one or the new one, whole."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_disks import small_disk_at

from pocket_agent.errors import DiskFullError, PassphraseError
from pocket_agent.memory import cipher
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.encryption import rewrite
from pocket_agent.memory.store import Store

KILLS = 50
"""That fall on the work itself; those that come too late are not counted."""
SECRET = "the harbour at dawn"

# Forked from one process that has everything imported, so that the kills fall on the rewriting.
NURSERY = """
import os, signal, sys
from pathlib import Path
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.encryption import rewrite

def key(text):
    return None if text == "-" else Key(bytes.fromhex(text[:64]), bytes.fromhex(text[64:]))

for line in sys.stdin:
    child = os.fork()
    if not child:
        path, old, new = line.split()
        os.write(1, b"begun\\n")
        try:
            rewrite(Path(path), key(old), key(new))
            os.write(1, b"done\\n")
            signal.pause()
        finally:
            os._exit(1)
    os.write(1, b"%d\\n" % child)
    _, status = os.waitpid(child, 0)
    os.write(1, b"%d\\n" % status)
"""


def fill(path: Path, turns: int) -> list[str]:
    with Store.open(path) as store:
        session = store.new_session()
        said = [store.add_user_turn(session.id, f"{n}: {SECRET} " * 30) for n in range(turns)]
        return [turn.text for turn in said]


def a_key() -> Key:
    return Key(os.urandom(32), cipher.new_salt())


def spelt(key: Key | None) -> str:
    return key.raw.hex() + key.salt.hex() if key else "-"


def opens(path: Path, key: Key | None, said: list[str]) -> bool:
    """Whether that key opens the file; if so, all of it is there."""
    if (key is None) is not cipher.is_plain(path) or (key and cipher.head_of(path) != key.salt):
        return False
    try:
        store = Store.open(path, key=key, create=False)
    except PassphraseError:
        return False
    with store:
        assert store.problems() == []
        (session,) = store.sessions()
        assert [turn.text for turn in store.turns(session.id, limit=1000)] == said
    return True


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is of Unix")
def test_killed_at_any_moment_it_has_one_key_or_the_other(path: Path) -> None:
    said = fill(path, 40)
    dice = random.Random(20_261)
    key: Key | None = None
    killed = changed = tries = 0
    longest = _seconds(path)
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as nursery:
        while killed < KILLS or not changed:
            tries += 1
            assert tries < 5 * KILLS, "too few kills fall on the work"
            old, new = ((None, a_key()), (a_key(), a_key()), (a_key(), None))[tries % 3]
            if (key is None) is not (old is None):
                rewrite(path, key, old)
                key = old
            finished = _rewrite_and_kill(nursery, path, key, new, dice.uniform(0, 1.1) * longest)
            if key is not None and new is not None:
                assert _holds_no_words(path.parent)
            moved = opens(path, new, said)
            assert moved or (not finished and opens(path, key, said))
            left = {file.name for file in path.parent.iterdir()}
            assert not any(".new" in name for name in left)
            if moved:
                assert left == {"anna.db", "anna.db.lock"}
                key, changed = new, changed + 1
            killed += not finished
            # As many kills too early as too late, however slow the machine is today.
            longest *= 1 / 1.05 if finished else 1.05
        nursery.communicate()


def _seconds(path: Path) -> float:
    """How long a rewrite takes here."""
    key = a_key()
    begun = time.monotonic()
    rewrite(path, None, key)
    rewrite(path, key, None)
    return (time.monotonic() - begun) / 2


def _rewrite_and_kill(
    nursery: "subprocess.Popen[bytes]",
    path: Path,
    key: Key | None,
    new: Key | None,
    seconds: float,
) -> bool:
    """Returns whether the rewrite was done before the kill."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{path} {spelt(key)} {spelt(new)}\n".encode())
    nursery.stdin.flush()
    lines = [nursery.stdout.readline(), nursery.stdout.readline()]
    child = int(next(line for line in lines if line != b"begun\n"))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    told = nursery.stdout.readline()
    finished = told == b"done\n"
    if finished:
        told = nursery.stdout.readline()
    assert int(told) == signal.SIGKILL, "the rewrite failed by itself"
    return finished


def _holds_no_words(folder: Path) -> bool:
    return not any(b"harbour" in file.read_bytes() for file in folder.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 8 MB."""
    with small_disk_at(tmp_path / "small", "size=8m") as folder:
        yield folder


def test_a_full_disk_leaves_it_as_it_was(small_disk: Path) -> None:
    path = small_disk / "anna.db"
    said = fill(path, 60)
    size, key = path.stat().st_size, a_key()
    rest = small_disk / "photos"
    for room in (0, 4096, 60_000, size // 2, size - 20_000):
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        rest.write_bytes(b"x" * (free - room))
        with pytest.raises(DiskFullError, match=r"disk is full.*anna\.db") as caught:
            rewrite(path, None, key)
        assert key.raw.hex() not in str(caught.value)
        rest.unlink()
        assert not any(".new" in file.name for file in small_disk.iterdir())
        assert opens(path, None, said)
    rewrite(path, None, key)
    assert opens(path, key, said)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the limit is of Unix")
def test_refused_at_any_size_it_stays_as_it_was(path: Path) -> None:
    """Every write of the copy beyond a size fails, at sizes all the way up to the whole."""
    said = fill(path, 20)
    key, new = a_key(), a_key()
    rewrite(path, None, key)
    closed = path.read_bytes()
    for limit in range(4096, len(closed), max(4096, len(closed) // 12 // 4096 * 4096)):
        child = os.fork()
        if not child:
            os._exit(_try_with(limit, path, key, new))
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 3, limit
        assert opens(path, key, said)
    assert opens(path, key, said)


def _try_with(limit: int, path: Path, key: Key, new: Key) -> int:
    """Exit code 3 for a full disk that was told as one."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        rewrite(path, key, new)
    except DiskFullError:
        return 3
    except BaseException:
        return 4
    return 0
