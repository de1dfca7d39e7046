"""After an erasure: the exports of ours that hold what is forgotten go too.

A note in the store says that this is still to do, so that a crash in between is made good at the
next opening. A note of an earlier version also asks for the file to be written anew: there the
erasing was done in place, where now it is done in a copy (`copying`).
"""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocket_agent.errors import StoreError
from pocket_agent.memory.database import Database

_FILES, _ANEW = "forget.files", "forget.pending"


def leave_to_do(connection: Any, files: Sequence[Path]) -> None:
    """Note, within the transaction that erases, that `finish` is due.

    Args:
        files: what to delete then.
    """
    if files:
        paths = json.dumps([str(path) for path in files])
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_FILES, paths))


def finish(database: Database) -> None:
    """Do what an erasure has left to do, if one has. Safe to be killed at any moment.

    Raises:
        DiskFullError: there is no room. Nothing is lost by that, and nothing that was forgotten
            can be read in the program; it is tried again at the next opening.
        StoreError: a file can't be deleted.
    """
    with database.reading() as connection:
        notes = dict(
            connection.execute("SELECT key, value FROM meta WHERE key IN (?, ?)", (_FILES, _ANEW))
        )
        for note in notes.values():
            for path in json.loads(str(note)):
                _delete(Path(path))
        if _ANEW in notes:
            # Every page anew, out of live rows alone; the copy on the way stays in memory.
            connection.pragma("temp_store", "MEMORY")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if notes:
        with database.writing() as connection:
            connection.execute("DELETE FROM meta WHERE key IN (?, ?)", (_FILES, _ANEW))


def _delete(path: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    except OSError as error:
        raise StoreError(
            f"{path} holds what is forgotten and can't be deleted ({error.strerror or error})",
            "Delete it by hand.",
        ) from error
