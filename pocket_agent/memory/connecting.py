"""Connections to a store's file: to work with it, or on a disk without room to read it alone.

SQLite3 Multiple Ciphers rather than the standard library: it encrypts, and it can load sqlite-vec
where Python was built without extensions.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from pocket_agent.errors import PassphraseError, StoreError
from pocket_agent.memory import cipher
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.dates import day_words
from pocket_agent.memory.faults import explained
from pocket_agent.memory.migrations import check_version, migrate

_CACHE_KB = 32_768  # every vector of 10,000 turns: an encrypted file is deciphered only once
_WORKING = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI  # a copy's key goes by URI
_READING = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI


def connect(path: Path, key: Key | None) -> apsw.Connection:
    """A connection to a file that is there, brought to the present schema.

    Raises:
        PassphraseError: it is encrypted with another key.
        StoreError: it can't be used. The file is as it was.
    """
    connection = apsw.Connection(str(path), flags=_WORKING)
    try:
        with explained(path, connection):
            _read_first(connection, path, key)
            _prepare(connection)
            migrate(connection)
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "FULL")
    except BaseException:
        _leave(connection)
        raise
    return connection


def connect_to_read(
    path: Path, key: Key | None, otherwise: Callable[[Path], StoreError]
) -> apsw.Connection:
    """A connection that needs no room on the disk, and changes no byte of the file or its folder.

    SQLite may write even where it only reads: it makes a log and an index of the log beside the
    file, and empties the log at the end. So a file without a log is opened as immutable. One whose
    log still holds something, because a crash left it, is held exclusively, so that the index of
    the log stays in memory; and the log is left as it is. Nobody else may have the file open.

    Args:
        otherwise: the error where it can't be read before something is written: it is of an
            earlier version, or a crash left it in the middle of a change.

    Raises:
        PassphraseError: it is encrypted with another key.
        StoreError: it can't be used.
    """
    if _has_content(path, "-journal"):
        raise otherwise(path)
    if logged := _has_content(path, "-wal"):
        connection = apsw.Connection(str(path), flags=_WORKING)
    else:
        connection = apsw.Connection(f"{path.as_uri()}?immutable=1", flags=_READING)
    try:
        with explained(path, connection):
            if logged:
                # The index of the log stays in memory then, where a file of 32 kB would be made.
                _unlock(connection, key)
                connection.pragma("locking_mode", "exclusive")
            _read_first(connection, path, key)
            if not check_version(connection):
                raise otherwise(path)
            _prepare(connection)
            connection.pragma("query_only", True)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    except BaseException:
        _leave(connection)
        raise
    return connection


def _has_content(path: Path, ending: str) -> bool:
    beside = path.with_name(path.name + ending)
    return beside.is_file() and beside.stat().st_size > 0


def _leave(connection: apsw.Connection) -> None:
    """Close it. The log of a file we refuse stays with it, for the program that wrote it."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.close()


def _unlock(connection: apsw.Connection, key: Key | None) -> None:
    if key is not None:
        cipher.unlock(connection, key)


def _read_first(connection: apsw.Connection, path: Path, key: Key | None) -> None:
    """The first read, which a wrong key or a stranger fails."""
    _unlock(connection, key)
    # The library does so by itself; were it built otherwise, it would spill words in plain.
    connection.pragma("temp_store", "memory")
    try:
        connection.pragma("user_version")
    except apsw.NotADBError as error:
        if key is None or not cipher.is_encrypted(path):
            raise
        raise PassphraseError(
            "The passphrase is wrong", f"If it is right, {path.name} is damaged."
        ) from error


def _prepare(connection: apsw.Connection) -> None:
    _load_vectors(connection)
    connection.create_scalar_function("day_words", _day_words, 1, deterministic=True)
    connection.pragma("secure_delete", True)
    connection.pragma("foreign_keys", True)
    connection.pragma("cache_size", -_CACHE_KB)


def _day_words(*arguments: Any) -> str:
    return day_words(str(arguments[0]))


def _load_vectors(connection: apsw.Connection) -> None:
    """Load sqlite-vec by its path: importing its package would bring in NumPy, a quarter second."""
    spec = importlib.util.find_spec("sqlite_vec")
    if spec is None or not spec.submodule_search_locations:
        raise StoreError("sqlite-vec is not installed", "Install Pocket Agent again.")
    connection.enable_load_extension(True)
    connection.load_extension(str(Path(spec.submodule_search_locations[0]) / "vec0"))
    connection.enable_load_extension(False)
