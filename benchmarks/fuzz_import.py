"""Imports of damaged and hostile files: each is refused in one line, or taken in and undone.

    python -m benchmarks.fuzz_import --count 20000 [--seed 1] [--keep DIR]

The files are made of exports of ours, whole, in part and of one session, and of other programs'
files, and go the way that the product finds for them. A file counts as a failure if it raises
anything but an error for people, takes more than two seconds of the processor, writes anything
before all of it was checked, or is taken in and can't be taken back.
"""

import argparse
import contextlib
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks import foreign_files
from benchmarks.hostile_files import WEIGHTS, Hostile
from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.imports import Import
from pocket_agent.memory.records import Drawn
from pocket_agent.memory.store import Store
from pocket_agent.portable.age import Keys, Seal
from pocket_agent.portable.archive import export_profile, import_profile, read_contents
from pocket_agent.portable.importers.registry import detect
from pocket_agent.portable.importers.taking import take_in
from pocket_agent.portable.parts import Choice
from pocket_agent.portable.sessions import import_session, write_session
from pocket_agent.profile.facts import Actor, Op, OpKind, Source

MOST_SECONDS = 2.0
MOST_MEMORY = 300  # MB
_PASSPHRASE = "known to all"


@dataclass
class Report:
    """What came of all the files.

    Args:
        outcomes: how many were refused and taken in. bases: the same by what they were made of.
        failures: what went wrong, and with which.
        slowest: seconds of the processor. memory: the most that was held, in MB.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    bases: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    memory: int = 0

    def as_record(self) -> dict[str, Any]:
        """As a line of JSON shows it."""
        return {
            **self.outcomes,
            "bases": {
                base: {what: count for (of, what), count in self.bases.items() if of == base}
                for base, _ in sorted(self.bases)
            },
            "failures": self.failures[:20],
            "failed": len(self.failures),
            "slowest_cpu_s": round(self.slowest, 3),
            "memory_mb": self.memory,
        }


def fuzz(folder: Path, count: int, seed: int, keep: Path | None = None) -> Report:
    """Import `count` files made from `seed`, in an empty folder of their own."""
    report = Report()
    bases, keys = make_bases(folder)
    hostile = Hostile(random.Random(seed), bases)
    file = folder / "hostile"
    with Store.open(folder / "here" / "target.db") as store:
        store.record(Op(OpKind.ADD, "sport", "rowing"), actor=Actor.USER)
        around = sorted(folder.rglob("*"))
        for number in range(count):
            name = hostile.place(file)
            failure = _try(store, file, keys, report, name.partition(",")[0])
            if sorted(path for path in folder.rglob("*") if path != file) != around:
                failure = failure or "it made or removed a file"
            if failure:
                report.failures.append(f"{number} ({name}): {failure}")
                if keep is not None and file.is_file():
                    (keep / f"{seed}-{number}").write_bytes(file.read_bytes())
            _remove(file)
    return report


def make_bases(folder: Path) -> tuple[dict[str, bytes], Keys]:
    """Exports of every kind, of one small life, and what opens those that are encrypted."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    place = folder / "key.txt"
    place.write_text(str(identity))
    made = folder / "bases"
    made.mkdir()
    with Store.open(made / "life.db") as store:
        _live(store)
        export_profile(store, made / "whole")
        export_profile(store, made / "part", choice=Choice(turns=False))
        seal = Seal(recipients=(str(identity.to_public()),))
        export_profile(store, made / "sealed.age", seal=seal)
        export_profile(store, made / "me.md")
        write_session(store, store.sessions()[0].id, made / "session")
    ours = ("whole", "part", "sealed.age", "me.md", "session")
    bases = {name: (made / name).read_bytes() for name in ours} | foreign_files.bases()
    bases["worded.age"] = bytes(pyrage.passphrase.encrypt(bases["part"], _PASSPHRASE))
    return bases, Keys(lambda: _PASSPHRASE, place)


def _live(store: Store) -> None:
    session = store.new_session("Moving")
    text = "I live in Porto. My tea is Earl Grey ☕ — always, and no olives."
    said = store.add_user_turn(session.id, text)
    reply = store.open_reply(session.id, Drawn(("f1", "f2"), (said.id,)))
    store.close_reply(reply.id, "Do you like ramen?")
    answer = store.add_user_turn(session.id, "Yes! But forget Rex, my dog.")
    for slot, value, quote in (
        ("home", "Porto", Source(said.id, 0, 16, text[:16])),
        ("drink", "Earl Grey", Source(said.id, 17, len(text), text[17:])),
        ("food", "ramen", Source(answer.id, 0, 4, "Yes!", "Do you like ramen?")),
        ("pet", "Rex", Source(answer.id, 5, 28, answer.text[5:28])),
    ):
        store.record(Op(OpKind.ADD, slot, value), actor=Actor.POLICY, source=quote)
    home = store.profile().active("home")[0]
    store.record(Op(OpKind.LOCK, fact=home.id), actor=Actor.USER)
    store.record(Op(OpKind.UPDATE, "home", "Lagos", "Porto"), actor=Actor.USER)
    store.undo()
    store.forget(Wish(slot="pet", value="Rex"))


def _import(store: Store, file: Path, keys: Keys, base: str) -> None:
    """Take a file in as the product does: by what it finds the file to be.

    What was made of an exported session is named as one: `sessions import`.
    """
    if base == "session":
        import_session(store, file)
        return
    reader = detect(file)
    if reader is None:
        import_profile(store, file, keys=keys)
    else:
        take_in(file, reader, store)


def _take_back(store: Store, imported: Import | None, events: int) -> bool:
    """Undo what was taken in: an import, or statements, which are a step of the log and stay in it.

    Returns:
        Whether the log is as it was.
    """
    if store.last_import() != imported:
        store.undo_import()
    elif len(store.events()) != events:
        store.undo()
        return False
    return True


def _try(store: Store, file: Path, keys: Keys, report: Report, base: str) -> str:
    """Import one file; what was wrong with that, or nothing."""
    _forget_peak()
    keys_tried = _keys_for(file, keys)
    before, imported, events = _state(store), store.last_import(), len(store.events())
    changes, began = _changes(store), time.process_time()
    try:
        _import(store, file, keys_tried, base)
        outcome = "taken in"
    except PocketAgentError as error:
        outcome = "refused"
        if _changes(store) != changes:
            return f"something was written, and then: {error}"
        if "\n" in str(error) or len(str(error)) > 2000:
            return "the message is not one line"
    except MemoryError:
        return "MemoryError"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {error}"[:300]
    seconds = time.process_time() - began
    report.outcomes[outcome] += 1
    report.bases[base if base in WEIGHTS else "no export", outcome] += 1
    report.slowest = max(report.slowest, seconds)
    memory = _peak()
    report.memory = max(report.memory, memory)
    log = _take_back(store, imported, events) if outcome == "taken in" else True
    if _state(store, log=log) != (before if log else _without_log(before)):
        return "the state before did not come back"
    if memory > MOST_MEMORY:
        return f"{memory} MB of memory were held"
    return f"{seconds:.1f} s of the processor" if seconds > MOST_SECONDS else ""


def _keys_for(file: Path, keys: Keys) -> Keys:
    """A passphrase or a key: a person knows which of the two a file takes."""
    worded = False
    with contextlib.suppress(OSError):
        if file.is_file():
            with file.open("rb") as opened:
                worded = b"-> scrypt" in opened.read(1000)
    return Keys(passphrase=keys.passphrase) if worded else Keys(identity=keys.identity)


def _state(store: Store, *, log: bool = True) -> tuple[Any, ...]:
    state = read_contents(store), store.profile()
    return state if log else _without_log(state)


def _without_log(state: tuple[Any, ...]) -> tuple[Any, ...]:
    contents, *rest = state
    return (replace(contents, events=type(contents.events)()), *rest)


def _changes(store: Store) -> int:
    with store.database.reading() as connection:
        return int(connection.total_changes())


def _forget_peak() -> None:
    with contextlib.suppress(OSError):  # Linux alone can
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def _peak() -> int:
    """The most memory that was held since `_forget_peak`, or ever where that can't be told; MB."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _remove(file: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        file.rmdir()
    else:
        file.unlink(missing_ok=True)


def _steps(count: int, seed: int) -> Iterator[tuple[int, int]]:
    """In lots, each in a folder of its own, so that progress can be told."""
    size = 1000
    for lot in range((count + size - 1) // size):
        yield min(size, count - lot * size), seed * 1000 + lot


def main() -> int:
    """Run from the command line; 1 if there was a failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    arguments = parser.parse_args()
    whole = Report()
    for size, seed in _steps(arguments.count, arguments.seed):
        with tempfile.TemporaryDirectory() as folder:
            lot = fuzz(Path(folder), size, seed, arguments.keep)
        whole.outcomes += lot.outcomes
        whole.bases += lot.bases
        whole.failures += lot.failures
        whole.slowest = max(whole.slowest, lot.slowest)
        whole.memory = max(whole.memory, lot.memory)
        print(f"{whole.outcomes.total()} files, {len(whole.failures)} failures", file=sys.stderr)
        for words in lot.failures:
            print(words, file=sys.stderr)
    print(json.dumps(whole.as_record()))
    return bool(whole.failures)


if __name__ == "__main__":
    sys.exit(main())
