"""After an erasure: what SQLite keeps of it beside the live rows, and files of ours, go too.

`secure_delete` zeroes rows as they are deleted, but the write-ahead log holds the pages as they
were, and pages that were split may hold an old copy in their gaps. A note in the store says that
this is still to do, so that a crash in between is made good at the next opening.
"""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocket_agent.errors import StoreError
from pocket_agent.memory.database import Database

_TO_DO = "forget.pending"


def leave_to_do(connection: Any, files: Sequence[Path]) -> None:
    """Note, within the transaction that erases, that `finish` is due.

    Args:
        files: what to delete then.
    """
    paths = [str(path) for path in files]
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_TO_DO, json.dumps(paths)))


def finish(database: Database) -> None:
    """Do what an erasure has left to do, if one has. Safe to be killed at any moment.

    Raises:
        DiskFullError: there is no room to write the file anew. Nothing is lost by that, and
            nothing that was forgotten can be read in the program; it is tried again later.
        StoreError: a file can't be deleted.
    """
    with database.reading() as connection:
        noted = connection.execute("SELECT value FROM meta WHERE key = ?", (_TO_DO,)).get
        if noted is None:
            return
        for path in json.loads(noted):
            _delete(Path(path))
        # Every page anew, out of live rows alone; the copy on the way stays in memory.
        connection.pragma("temp_store", "MEMORY")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with database.writing() as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (_TO_DO,))


def _delete(path: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    except OSError as error:
        raise StoreError(
            f"{path} holds what is forgotten and can't be deleted ({error.strerror or error})",
            "Delete it by hand.",
        ) from error
