"""How much memory an import takes: of a large export, and of files that are made to take more."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyrage
import pytest

from pocket_agent.portable import age_words

MOST = 300
"""MB, of the whole process; not by `ru_maxrss`, which begins with that of its parent."""
SIZE = 200 * 1000**2
_CHILD = """
import pathlib, sys
from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.store import Store
from pocket_agent.portable.age import Keys
from pocket_agent.portable.archive import import_profile

file, key = sys.argv[1], sys.argv[2]
keys = Keys(identity=pathlib.Path(key)) if key else Keys(lambda: "the words of a stranger")
with Store.open(file + ".db") as store:
    try:
        done = import_profile(store, pathlib.Path(file), keys=keys, dry_run=True)
        told = f"{done.turns} turns"
    except PocketAgentError as error:
        told = error.what
print(int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024, told)
"""


def lines(size: int, turn: int = 20_000) -> Iterator[bytes]:
    """An export of one long conversation, of about so many bytes."""
    said = ("I said this and that, and then it was evening. " * (turn // 40))[:turn]
    number = size // turn
    kinds = ("events", "facts", "secrets", "tombstones")
    counts = {"sessions": 1, "turns": number, **dict.fromkeys(kinds, 0)}
    at = "2026-01-02T03:04:05.000+00:00"
    head: dict[str, Any] = {"format": "pocket-agent-profile", "version": 2, "created": at}
    session = {
        "kind": "session",
        "id": "s",
        "title": "",
        "started": at,
        "touched": at,
        "turns": number,
    }
    turns = (
        {"kind": "turn", "id": f"t{n}", "session": "s", "role": "user", "text": f"{n} {said}"}
        | {"at": at, "status": "complete", "speaker": "You"}
        for n in range(number)
    )
    digest = hashlib.sha256()
    for record in chain(
        [{"kind": "header", **head, "whole": True, "counts": counts}, session], turns
    ):
        line = json.dumps(record).encode() + b"\n"
        digest.update(line)
        yield line
    end = {"kind": "end", "counts": counts, "sha256": digest.hexdigest()}
    yield json.dumps(end).encode() + b"\n"


def plain(file: Path) -> str:
    with file.open("wb") as made:
        made.writelines(lines(SIZE))
    return ""


def sealed(file: Path) -> str:
    """For a key."""
    whole = file.with_suffix(".plain")
    plain(whole)
    identity = pyrage.x25519.Identity.generate()
    pyrage.encrypt_file(str(whole), str(file), [identity.to_public()])
    key = file.with_suffix(".key")
    key.write_text(str(identity))
    return str(key)


def nothing_sealed(file: Path) -> str:
    """One line without an end, for a key."""
    whole = file.with_suffix(".plain")
    with whole.open("wb") as made:
        made.write(b"{")
        made.truncate(300 * 1000**2)
    identity = pyrage.x25519.Identity.generate()
    pyrage.encrypt_file(str(whole), str(file), [identity.to_public()])
    key = file.with_suffix(".key")
    key.write_text(str(identity))
    return str(key)


def worded(file: Path) -> str:
    """For a passphrase that nobody here has, of the hardest work that is tried, and large."""
    made = age_words.encrypt(b"x" * 3_000_000, "words")
    ours, hardest = (b" %d\n" % work for work in (age_words.WORK, age_words.HARDEST))
    made = made.replace(ours, hardest, 1)
    assert made.startswith(age_words.MAGIC)
    with file.open("wb") as out:
        out.write(made)
        out.truncate(500 * 1000**2)
    return ""


def known(file: Path) -> str:
    """For the passphrase that is given."""
    file.write_bytes(age_words.encrypt(b"".join(lines(SIZE)), "the words of a stranger"))
    return ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (plain, "10000 turns"),
        (sealed, "10000 turns"),
        (nothing_sealed, "it is too long"),
        (known, "10000 turns"),
        (worded, "The passphrase is wrong"),
    ],
)
def test_no_import_takes_more_than_300_mb(
    tmp_path: Path, make: Callable[[Path], str], told: str
) -> None:
    file = tmp_path / "big"
    key = make(file)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(file), key], capture_output=True, text=True, check=True
    )
    memory, _, words = done.stdout.strip().partition(" ")
    assert told in words
    assert int(memory) < MOST, words
