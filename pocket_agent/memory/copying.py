"""A copy of a store's live rows, under a key of its own: made, changed if need be, checked."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import apsw

from pocket_agent.errors import StoreError
from pocket_agent.memory import cipher
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.connecting import connect
from pocket_agent.memory.database import Database
from pocket_agent.memory.faults import disk_full, explained, lacked_room

T = TypeVar("T")


def write_copy(connection: apsw.Connection, made: Path, key: Key | None) -> None:
    """Make a copy, and see that it is whole and on the disk.

    Args:
        connection: of the store. made: where; there is no such file.

    Raises:
        DiskFullError: there is no room for it. StoreError: anything else.
    """
    _copy(connection, made, key)
    _finish(made, key)


def change_in_a_copy(database: Database, change: Callable[[Database], T]) -> T:
    """Change a store by a changed copy, written anew, in its place: all of it or nothing.

    Neither a kill nor a full disk can leave half of it, nor a byte in the new file of what the
    change deletes.

    Args:
        change: is given the copy to work on.

    Returns:
        What `change` returned.

    Raises:
        DiskFullError: there is no room for two copies. The store is as it was, and still open.
        StoreError: anything else; the same holds.
    """
    results: list[T] = []

    def write(connection: apsw.Connection, made: Path) -> None:
        _copy(connection, made, database.key)
        results.append(_changed(made, database.key, change))
        _finish(made, database.key)

    database.replace(write, stay_open=True)
    return results[0]


def _copy(connection: apsw.Connection, made: Path, key: Key | None) -> None:
    """Let SQLite write every live row; a raw key goes by URI alone."""
    os.close(os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    under = f"cipher={cipher.CIPHER}&key={quote(key.text)}" if key else "key="
    try:
        connection.execute("VACUUM INTO ?", (f"{made.as_uri()}?{under}",))
    except apsw.FullError:
        raise disk_full(made.with_suffix("")) from None
    except apsw.Error as error:  # never its own words: they may hold the URI, and with it the key
        if lacked_room(error, connection, made.parent):
            raise disk_full(made.with_suffix("")) from None
        name = type(error).__name__
        raise StoreError(f"{made} can't be written ({name})", "Check the folder.") from None


def _changed(made: Path, key: Key | None, change: Callable[[Database], T]) -> T:
    """Work on a copy. It is thrown away if anything fails, so it needs no log and no waiting."""
    connection = connect(made, key)
    try:
        with explained(made.with_suffix(""), connection):
            connection.pragma("journal_mode", "off")
            connection.pragma("synchronous", "off")
        copy = Database(made, connection, None, key)
        result = change(copy)
        with copy.reading():
            # Every page anew, out of live rows alone; the copy on the way stays in memory.
            connection.pragma("temp_store", "MEMORY")
            connection.execute("VACUUM")
        return result
    finally:
        connection.close()


def _finish(made: Path, key: Key | None) -> None:
    _check(made, key)
    with made.open("rb+") as file:
        os.fsync(file.fileno())


def _check(made: Path, key: Key | None) -> None:
    copy = connect(made, key)
    try:
        told = [str(line) for (line,) in copy.execute("PRAGMA integrity_check(1)")]
    finally:
        copy.close()
    if told != ["ok"]:
        raise StoreError("The copy is not sound", "The profile is as it was.")
    if cipher.is_encrypted(made) is not (key is not None):
        raise StoreError("The copy is not encrypted as it should be", "The profile is as it was.")
