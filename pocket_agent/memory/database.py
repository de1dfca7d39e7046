"""One SQLite file, open: its connection, its lock, its transactions.

SQLite3 Multiple Ciphers rather than the standard library: it encrypts, and it can load sqlite-vec
where Python was built without extensions.
"""

import importlib.util
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from pocket_agent.errors import PassphraseError, StoreError
from pocket_agent.memory import cipher, no_trace
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.dates import day_words
from pocket_agent.memory.faults import explained
from pocket_agent.memory.lock import StoreLock
from pocket_agent.memory.migrations import migrate
from pocket_agent.memory.replacing import remove_files, remove_unfinished, take_place, unfinished

_SMALLEST = 512  # bytes of a database; SQLite would take a shorter file for an empty one
_CACHE_KB = 32_768  # every vector of 10,000 turns: an encrypted file is deciphered only once
_FLAGS = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI  # a copy's key goes by URI


class Database:
    """An open store file, for this process alone.

    One connection behind one lock: calls from any thread, one at a time.
    """

    def __init__(
        self,
        path: Path,
        connection: apsw.Connection,
        lock: StoreLock | None = None,
        key: Key | None = None,
        *,
        writable: bool = True,
    ) -> None:
        self.path = path
        self.key = key
        self.writable = writable
        self._connection = connection
        self._lock = lock
        self._mutex = threading.RLock()
        self._durable = True

    @classmethod
    def open(cls, path: Path, key: str | Key | None, create: bool) -> "Database":
        """Open or make the file and bring it to the present schema.

        Args:
            key: a passphrase, or the key that one made for this very file.

        Raises:
            StoreBusyError: another instance has it open.
            DiskFullError: no room.
            PassphraseError: encrypted, and the key is missing or wrong. The file is as it was.
            StoreError: missing, not a database, or a newer version. The file is as it was.
        """
        path = path.absolute()
        if key == "":
            raise StoreError("The passphrase is empty", "Give one, or none at all.")
        if not create and not path.is_file():
            raise StoreError(f"There is no profile file {path}", "`profile list` shows what is.")
        with explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = StoreLock(path)
            made, empty = not path.exists(), not cipher.head_of(path)
            try:
                remove_unfinished(path)
                raw = _key_of(path, key)
                _make_private(path)
                connection = connect(path, raw)
                if empty:
                    _check_encrypted(path, raw)
                return cls(path, connection, lock, raw)
            except BaseException:
                if made:
                    remove_files(path)
                lock.release()
                raise

    @classmethod
    def open_untouched(cls, path: Path, key: str | Key | None) -> "Database":
        """Open a file that is there to read it alone; nothing of it or its folder changes.

        Raises:
            StoreBusyError: another instance has it open, and may write.
            PassphraseError: encrypted, and the key is missing or wrong.
            StoreError: it can't be read without being changed, or is no profile of this version.
        """
        path = path.absolute()
        with explained(path):
            lock = StoreLock(path, shared=True)
            try:
                raw = _key_of(path, key)
                connection = connect(path, raw, untouched=True)
                return cls(path, connection, lock, raw, writable=False)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def empty(cls) -> "Database":
        """A store with nothing in it and no file, to which nothing is written."""
        nowhere = Path(":memory:")
        return cls(nowhere, connect(nowhere, None), writable=False)

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

        Raises:
            StoreError: this store is only read.
        """
        if not self.writable:
            raise StoreError(
                "Incognito writes nothing", "Do it in a chat without --incognito or --blank."
            )
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
                if self._lock is not None:
                    self._lock.release()

    def replace(self, write: Callable[[apsw.Connection, Path], None]) -> None:
        """Put another file in the place of this one, and close it.

        Whatever happens, and whenever this process ends, one of the two is there, whole.

        Args:
            write: makes the other file at the path it is given, whole and on the disk.
        """
        made = unfinished(self.path)
        with self._mutex, explained(self.path, self._connection):
            try:
                with take_place(made, self.path):
                    # All of the old file must be in it: the log does not go with the new one.
                    if self._connection.pragma("journal_mode", "delete") != "delete":
                        raise StoreError(f"{self.path.name} is in use by another program")
                    write(self._connection, made)
                    self._connection.close()
            finally:
                remove_unfinished(self.path)
                self.close()

    def _set_durable(self, durable: bool) -> None:
        if durable is not self._durable:
            self._connection.pragma("synchronous", "FULL" if durable else "NORMAL")
            self._durable = durable


def _key_of(path: Path, key: str | Key | None) -> Key | None:
    """The raw key for a file, which must be encrypted just if there is a key."""
    if key is None:
        if cipher.is_encrypted(path):
            raise PassphraseError(f"The profile {path.stem!r} is encrypted", "Give its passphrase.")
        return None
    if cipher.is_plain(path):
        raise StoreError(f"{path.name} is not encrypted", "Open it without a passphrase.")
    if isinstance(key, Key):
        return key
    head = cipher.head_of(path)
    return cipher.derive(key, head) if cipher.is_encrypted(path) else cipher.new_key(key)


def _check_encrypted(path: Path, key: Key | None) -> None:
    """A key that came to nothing would silently have made a plain file."""
    if key is not None and cipher.head_of(path) != key.salt:
        raise StoreError(f"{path.name} could not be encrypted")


def _make_private(path: Path) -> None:
    """Make the file before SQLite does: its -wal and -shm files take over the permissions."""
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a profile", "Choose another file.")
    if path.is_file() and 0 < path.stat().st_size < _SMALLEST:
        raise StoreError(f"{path.name} can't be read as a profile", "Choose another file.")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def connect(path: Path, key: Key | None, *, untouched: bool = False) -> apsw.Connection:
    """A connection to a file that is there, brought to the present schema.

    Args:
        untouched: change nothing of the file; then it must have that schema already.

    Raises:
        PassphraseError: it is encrypted with another key.
        StoreError: it can't be used. The file is as it was.
    """
    name = no_trace.address(path) if untouched else str(path)
    connection = apsw.Connection(name, flags=_FLAGS)
    try:
        with explained(path, connection):
            if untouched:
                no_trace.hold(connection)
            _read_first(connection, path, key)
            _prepare(connection)
            no_trace.check_readable(connection) if untouched else _bring_up_to_date(connection)
    except BaseException:
        # The log of a file we refuse stays with it, for the program that wrote it.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close()
        raise
    return connection


def _read_first(connection: apsw.Connection, path: Path, key: Key | None) -> None:
    """The first read, which a wrong key or a stranger fails."""
    if key is not None:
        cipher.unlock(connection, key)
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
    connection.pragma("foreign_keys", True)
    connection.pragma("cache_size", -_CACHE_KB)


def _bring_up_to_date(connection: apsw.Connection) -> None:
    connection.pragma("secure_delete", True)
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
