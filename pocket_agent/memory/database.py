"""One SQLite file, open: its connection, its lock, its transactions.

SQLite3 Multiple Ciphers rather than the standard library: it encrypts, and it can load sqlite-vec
where Python was built without extensions.
"""

import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from pocket_agent.errors import StoreError
from pocket_agent.memory.dates import day_words
from pocket_agent.memory.faults import explained
from pocket_agent.memory.lock import StoreLock
from pocket_agent.memory.migrations import migrate

_PLAIN_HEADER = b"SQLite format 3\x00"
_SMALLEST = 512  # bytes of a database; SQLite would take a shorter file for an empty one
_CACHE_KB = 32_768  # every vector of 10,000 turns: an encrypted file is deciphered only once


class Database:
    """An open store file, for this process alone.

    One connection behind one lock: calls from any thread, one at a time.
    """

    def __init__(self, path: Path, connection: apsw.Connection, lock: StoreLock) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._mutex = threading.RLock()
        self._durable = True

    @classmethod
    def open(cls, path: Path, key: str | None, create: bool) -> "Database":
        """Open or make the file and bring it to the present schema.

        Raises:
            StoreBusyError: another instance has it open.
            DiskFullError: no room.
            StoreError: missing, not a database, a newer version, or a wrong key. The file is as
                it was.
        """
        _check_key(path, key)
        if not create and not path.is_file():
            raise StoreError(f"There is no profile file {path}", "`profile list` shows what is.")
        with explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = StoreLock(path)
            made = not path.exists()
            try:
                _make_private(path)
                return cls(path, _connect(path, key), lock)
            except BaseException:
                if made:
                    _remove(path)
                lock.release()
                raise

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """The connection, for queries."""
        with self._mutex, explained(self.path, self._connection):
            yield self._connection

    @contextmanager
    def writing(self, durable: bool = True) -> Iterator[apsw.Connection]:
        """The connection within a transaction: all of the block is kept, or none.

        A block within a block of the same thread joins it: the outermost decides.

        Args:
            durable: wait until the disk has it. Otherwise it survives the end of this process,
                but perhaps not a power cut.
        """
        with self._mutex, explained(self.path, self._connection):
            if self._connection.in_transaction:
                yield self._connection
                return
            self._set_durable(durable)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file and let others in. Safe to call twice."""
        with self._mutex, explained(self.path):
            try:
                self._connection.close()
            finally:
                self._lock.release()

    def _set_durable(self, durable: bool) -> None:
        if durable is not self._durable:
            self._connection.pragma("synchronous", "FULL" if durable else "NORMAL")
            self._durable = durable


def _check_key(path: Path, key: str | None) -> None:
    """An empty key would silently make a plain file; a key can't open a plain one."""
    if key == "":
        raise StoreError("The passphrase is empty", "Give one, or none at all.")
    if key is not None and _is_plain(path):
        raise StoreError(f"{path.name} is not encrypted", "Open it without a passphrase.")


def _is_plain(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_PLAIN_HEADER)) == _PLAIN_HEADER
    except OSError:
        return False


def _make_private(path: Path) -> None:
    """Make the file before SQLite does: its -wal and -shm files take over the permissions."""
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a profile", "Choose another file.")
    if path.is_file() and 0 < path.stat().st_size < _SMALLEST:
        raise StoreError(f"{path.name} can't be read as a profile", "Choose another file.")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _remove(path: Path) -> None:
    """Take away a file that could not be made whole."""
    for ending in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _connect(path: Path, key: str | None) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with explained(path, connection):
            _prepare(connection, key)
        if key is not None and _is_plain(path):
            raise StoreError(f"{path.name} could not be encrypted")
    except BaseException:
        # The log of a file we refuse stays with it, for the program that wrote it.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close()
        raise
    return connection


def _prepare(connection: apsw.Connection, key: str | None) -> None:
    if key is not None:
        connection.pragma("key", key)
    connection.pragma("user_version")  # the first read, which a wrong key or a stranger fails
    _load_vectors(connection)
    connection.create_scalar_function("day_words", _day_words, 1, deterministic=True)
    connection.pragma("secure_delete", True)
    connection.pragma("foreign_keys", True)
    connection.pragma("cache_size", -_CACHE_KB)
    migrate(connection)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")


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
