"""`kill -9` at random moments of everything that changes a profile, and what is left then.

    python -m benchmarks.kills [--count 500] [--chats 100] [--seed N] [--json]

`--count` kills fall on import (merged, in place of all, forgetting too, of another program's file),
export, migrate, encrypt, rekey, decrypt, forget, undo and a chat of
the store alone; `--chats` more on a chat with the real model. After each one the file must open and
pass SQLite's check, its log must replay to the same profile, everything that was acknowledged must
be there, and whatever was under way is done or not begun. A kill that comes when all is done does
not count. Exit code 1 if anything is wrong.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import chats
from benchmarks.deeds import DEEDS, Deed, Picture, picture
from pocket_agent.llm.lifeline import die_with_parent

_TRIES = 6
"""So many for each kill that is to count, at most."""


@dataclass(slots=True)
class Child:
    """A process that was forked to be killed."""

    pid: int
    pipe: int

    @classmethod
    def fork(cls, work: Callable[[], None]) -> "Child":
        """Start `work` in a process of its own, the first of its group, and wait until it runs.

        Whatever it writes to its standard output comes through the pipe; when `work` ends, it
        writes `done` and waits for its end.
        """
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.setsid()
                die_with_parent()  # or it chats on when the command itself is ended
                os.dup2(writing, 1)
                os.write(1, b"begun\n")
                work()
                os.write(1, b"done\n")
                signal.pause()
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(1)
        os.close(writing)
        begun = cls(child, reading)
        if os.read(reading, 6) != b"begun\n":
            raise AssertionError("the child did not begin")
        return begun

    def kill(self) -> bytes:
        """`kill -9` it and all of its group. What it had written since it began."""
        os.killpg(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        told = b""
        while piece := os.read(self.pipe, 65536):
            told += piece
        os.close(self.pipe)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "it ended by itself"
        return told


@dataclass(slots=True)
class Nest:
    """One deed, the folder it begins with, and how long it takes today."""

    deed: Deed
    base: Path
    before: Picture
    after: Picture
    seconds: float
    kills: int = 0
    changed: int = 0

    @classmethod
    def of(cls, deed: Deed, place: Path) -> "Nest":
        """Prepare it, and do it once."""
        base, undone, done = (place / f"{deed.name}-{name}" for name in ("base", "undone", "done"))
        base.mkdir()
        deed.prepare(base)
        shutil.copytree(base, undone)
        shutil.copytree(base, done)
        begun = time.monotonic()
        deed.do(done)
        seconds = time.monotonic() - begun
        return cls(deed, base, picture(undone), picture(done), seconds)

    def kill_once(self, dice: random.Random) -> None:
        """Do it in another process, kill that, and look at what is left.

        Raises:
            AssertionError, PocketAgentError: something was lost, damaged or half done.
        """
        folder = self.base.with_name(f"{self.deed.name}-killed")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.base, folder)
        child = Child.fork(lambda: self.deed.do(folder))
        time.sleep(dice.uniform(0.0, 1.1) * self.seconds)
        finished = b"done\n" in child.kill()
        found = picture(folder)
        assert found == self.after or (not finished and found == self.before), "half done"
        self.kills += not finished
        self.changed += found == self.after and not finished
        # As many kills too early as too late, however slow the machine is today.
        self.seconds *= 1 / 1.05 if finished else 1.05


@dataclass(slots=True)
class Report:
    """What came of it.

    Args:
        kills: by deed, those that fell on the work. done_already: after which it was all there.
        wrong: a line each. shown: by chat, how many messages were acknowledged.
    """

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    done_already: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    shown: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        counts = {"kills": dict(self.kills), "done_already": dict(self.done_already)}
        total = {"total": self.kills.total(), "seconds": round(self.seconds, 1)}
        return {"seed": self.seed, **total, **counts, "shown": self.shown, "wrong": self.wrong}


def run(count: int, real: int, seed: int) -> Report:
    """All the kills, in turn over the deeds."""
    report, begun, dice = Report(seed), time.monotonic(), random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        if count:
            _kill_deeds(report, Path(place), count, dice)
        if real:
            _kill_chats(report, "real chat", chats.RealChat(Path(place) / "real"), real, dice)
    report.seconds = time.monotonic() - begun
    return report


def _kill_deeds(report: Report, place: Path, count: int, dice: random.Random) -> None:
    nests = [Nest.of(deed, place) for deed in DEEDS.values()]
    share = -(-count // (len(nests) + 1))
    _kill_chats(report, "chat", chats.StoreChat(place / "chat"), share, dice)
    tries = 0
    while report.kills.total() < count and tries < _TRIES * count:
        nest = nests[tries % len(nests)]
        tries += 1
        known = nest.kills, nest.changed
        try:
            nest.kill_once(dice)
        except Exception as error:
            report.wrong.append(f"{nest.deed.name}: {type(error).__name__}: {error}")
        report.kills[nest.deed.name] += nest.kills - known[0]
        report.done_already[nest.deed.name] += nest.changed - known[1]
    if report.kills.total() < count:
        report.wrong.append("too few kills fell on the work")


def _kill_chats(
    report: Report, name: str, chat: chats.Chat, count: int, dice: random.Random
) -> None:
    for number in range(count):
        try:
            child = Child.fork(chat.talk)
            waited = chat.wait_ready(child.pipe)
            time.sleep(dice.uniform(0.0, chat.longest))
            chat.note(waited + child.kill())
            report.kills[name] += 1
            report.shown[name] = len(chat.shown["user"])
            if number % 10 == 9 or number == count - 1:
                chat.check()
        except Exception as error:
            report.wrong.append(f"{name}: {type(error).__name__}: {error}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kills",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--chats", type=int, default=0, help="kills of a chat with the real model")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    report = run(options.count, options.chats, options.seed)
    if options.json:
        print(json.dumps(report.record()))
    else:
        for name, kills in report.kills.items():
            print(f"{name:12}{kills:6} kills, {report.done_already[name]} after all was done")
        print("\n".join(report.wrong) or "nothing lost, nothing half done")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
