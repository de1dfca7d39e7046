"""One SQLite file, open: its connection, its lock, its transactions."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from pocket_agent.errors import DiskFullError, PassphraseError, StoreError
from pocket_agent.memory import cipher
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.connecting import connect, connect_to_read
from pocket_agent.memory.faults import disk_full, explained, to_read_alone
from pocket_agent.memory.lock import StoreLock
from pocket_agent.memory.replacing import (
    remove_files,
    remove_spent_journal,
    remove_unfinished,
    take_place,
    unfinished,
)

_SMALLEST = 512  # bytes of a database; SQLite would take a shorter file for an empty one


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
        read_only: bool = False,
    ) -> None:
        self.path = path
        self.key = key
        self.writable = writable
        """Whether it was opened to be changed at all."""
        self.read_only = read_only
        """Whether it was opened on a full disk, and so to be read alone."""
        self._connection = connection
        self._lock = lock
        self._mutex = threading.RLock()
        self._durable = True

    @classmethod
    def open(cls, path: Path, key: str | Key | None, create: bool) -> "Database":
        """Open or make the file and bring it to the present schema.

        On a disk without room for what opening writes, a file that is there is opened to be read.

        Args:
            key: a passphrase, or the key that one made for this very file.

        Raises:
            StoreBusyError: another instance has it open.
            DiskFullError: no room, and nothing to be read.
            PassphraseError: encrypted, and the key is missing or wrong. The file is as it was.
            StoreError: missing, not a database, or a newer version. The file is as it was.
        """
        path = path.absolute()
        if key == "":
            raise StoreError("The passphrase is empty", "Give one, or none at all.")
        if not create and not path.is_file():
            raise StoreError(f"There is no profile file {path}", "`profile list` shows what is.")
        try:
            return cls._open_to_work(path, key)
        except DiskFullError:
            if not cipher.head_of(path):
                raise
            return cls._open_to_read(path, key)

    @classmethod
    def _open_to_work(cls, path: Path, key: str | Key | None) -> "Database":
        with explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = StoreLock(path)
            made, empty = not path.exists(), not cipher.head_of(path)
            try:
                remove_unfinished(path)
                raw = _key_of(path, key)
                _make_private(path)
                connection = connect(path, raw)
                remove_spent_journal(path)
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
                connection = connect_to_read(path, raw, _unreadable)
                return cls(path, connection, lock, raw, writable=False)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def empty(cls) -> "Database":
        """A store with nothing in it and no file, to which nothing is written."""
        nowhere = Path(":memory:")
        return cls(nowhere, connect(nowhere, None), writable=False)

    @classmethod
    def _open_to_read(cls, path: Path, key: str | Key | None) -> "Database":
        with explained(path), contextlib.ExitStack() as undo:
            lock = None
            with contextlib.suppress(FileNotFoundError):  # and none can be made
                lock = StoreLock(path, make=False)
                undo.callback(lock.release)
            raw = _key_of(path, key)
            connection = connect_to_read(path, raw, disk_full)
            opened = cls(path, connection, lock, raw, read_only=True)
            undo.pop_all()
            return opened

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
            DiskFullError: there is no room, or was none when it was opened.
            StoreError: this store is only read, or anything else that the file or SQLite has.
        """
        if not self.writable:
            raise StoreError(
                "Incognito writes nothing", "Do it in a chat without --incognito or --blank."
            )
        with self._mutex, explained(self.path, self._connection):
            if self.read_only:
                raise to_read_alone(self.path)
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

    def replace(
        self, write: Callable[[apsw.Connection, Path], None], *, stay_open: bool = False
    ) -> None:
        """Put another file in the place of this one.

        Whatever happens, and whenever this process ends, one of the two is there, whole.

        Args:
            write: makes the other file at the path it is given, whole and on the disk.
            stay_open: the other file has the same key, and this object goes on with it (or, after
                an error, with the old one). Otherwise it is closed.

        Raises:
            DiskFullError: there is no room. The old file is there.
            StoreError: anything else. The old file is there.
        """
        made = unfinished(self.path)
        with self._mutex, explained(self.path, self._connection):
            if self.read_only:
                raise to_read_alone(self.path)
            try:
                write(self._connection, made)
                with take_place(made, self.path):
                    # All of the old file must be in it: the log does not go with the new one.
                    if self._connection.pragma("journal_mode", "delete") != "delete":
                        raise StoreError(f"{self.path.name} is in use by another program")
                    self._connection.close()
            finally:
                remove_unfinished(self.path)
                if stay_open:
                    self._go_on()
                else:
                    self.close()

    def _go_on(self) -> None:
        """Work again with whichever file is there now; if there is no room for that, read it."""
        try:
            self._connection.pragma("journal_mode", "wal")  # it was not closed
        except apsw.ConnectionClosedError:
            try:
                self._connection = connect(self.path, self.key)
            except DiskFullError:
                self._connection = connect_to_read(self.path, self.key, disk_full)
                self.read_only = True
            self._durable = True
        except apsw.Error:
            pass  # no room: it works without the log too, and has it at the next opening

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


def _unreadable(path: Path) -> StoreError:
    return StoreError(
        f"{path.name} is of an earlier version, or a change of it was cut short",
        "Open it once without --incognito.",
    )
