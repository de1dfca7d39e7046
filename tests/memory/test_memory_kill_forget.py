"""`kill -9` at random moments of a forgetting: all of it is gone, or nothing is."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.rules import replay
from pocket_agent.profile.sources import ground

KILLS = 60
WORD = "zqgone"

# A line on the input is a file; a process forked from this one opens it and forgets a word in it.
NURSERY = f"""
import os, sys
from pocket_agent.memory.store import Store
from pocket_agent.memory.erasure import Wish

for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            with Store.open(line.strip()) as store:
                os.write(1, b"open\\n")
                store.forget(Wish(matching="{WORD}", substring=True))
            os._exit(0)
        finally:
            os._exit(1)
    os.write(1, b"%d\\n" % child)
    _, status = os.waitpid(child, 0)
    os.write(1, b"ended %d\\n" % status)
"""


def _fill(path: Path) -> None:
    with Store.open(path) as store:
        session = store.new_session(f"About {WORD}")
        for number in range(6):
            text = f"number {number}: I like {WORD}{number} and figs{number}"
            turn = store.add_user_turn(session.id, text)
            store.close_reply(store.open_reply(session.id).id, f"What is {WORD}?")
            for value in (f"{WORD}{number}", f"figs{number}"):
                source = ground(turn.id, text, value)
                store.record(Op(OpKind.ADD, "food", value), actor=Actor.POLICY, source=source)
        store.add_user_turn(session.id, "something else")
        store.set_meta("waiting", f'["{WORD}"]')


def _everything(path: Path) -> tuple[int, int, int]:
    """How much a store holds, after checking that it is sound and no half of anything."""
    with Store.open(path) as store:
        assert store.problems() == []
        assert replay(store.events()) == store.profile()
        with store.database.reading() as connection:
            connection.execute("INSERT INTO turn_words(turn_words) VALUES ('integrity-check')")
            turns = int(connection.execute("SELECT count(*) FROM turns").get)
            assert connection.execute("SELECT count(*) FROM turn_words").get == turns
            assert connection.execute("SELECT count(*) FROM erasure").get == 0
        return turns, len(store.profile().facts), len(store.events())


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is of Unix")
def test_sixty_kills_leave_all_or_nothing(tmp_path: Path) -> None:
    base, path = tmp_path / "base.db", tmp_path / "p" / "anna.db"
    path.parent.mkdir()
    _fill(base)
    whole = _everything(base)
    assert whole == (13, 12, 12)
    dice, gone, longest = random.Random(2_026), 0, 0.0
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as nursery:
        for kill in range(KILLS):
            for file in path.parent.iterdir():
                file.unlink()
            shutil.copy(base, path)
            # The first is left alone, to know how long a forgetting takes.
            wait = None if kill == 0 else dice.uniform(0.0, longest)
            longest = max(longest, _forget_and_kill(nursery, path, wait))
            left = _everything(path)
            assert left in (whole, (1, 0, 12)), kill
            gone += left != whole
            if left != whole:
                _no_byte(path.parent)
        nursery.communicate()
    assert 0 < gone < KILLS, "the moments are spread over the forgetting"
    with Store.open(path) as store:
        store.forget(Wish(matching=WORD, substring=True))
    _no_byte(path.parent)


def _forget_and_kill(nursery: "subprocess.Popen[bytes]", path: Path, wait: float | None) -> float:
    """Start a forgetting and kill it after so many seconds. How long it took if it wasn't."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{path}\n".encode())
    nursery.stdin.flush()
    lines = [nursery.stdout.readline(), nursery.stdout.readline()]
    child = int(next(line for line in lines if line != b"open\n"))
    assert b"open\n" in lines
    start = time.monotonic()
    if wait is not None:
        time.sleep(wait)
        with contextlib.suppress(ProcessLookupError):  # it was quicker
            os.kill(child, signal.SIGKILL)
    status = int(nursery.stdout.readline().split()[1])
    assert status in (0, signal.SIGKILL), "it ended by itself"
    return time.monotonic() - start if wait is None else 0.0


def _no_byte(folder: Path) -> None:
    for file in folder.iterdir():
        assert WORD.encode() not in file.read_bytes(), file.name
