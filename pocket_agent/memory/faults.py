"""What SQLite and the disk complain of, in words for people."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from pocket_agent.errors import DiskFullError, StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def explained(path: Path, connection: apsw.Connection | None = None) -> Iterator[None]:
    """Turn what goes wrong inside into a StoreError.

    Args:
        path: the store's file, for the message.
        connection: asked for the system's error number, to tell a full disk from a broken one.

    Raises:
        DiskFullError: the disk, the quota or the file's own limit is reached.
        StoreError: anything else SQLite or the system reports.
    """
    try:
        yield
    except apsw.FullError as error:
        raise disk_full(path) from error
    except apsw.NotADBError as error:
        raise StoreError(
            f"{path.name} can't be read as a profile",
            "It is damaged or no profile, or it is encrypted and the passphrase is wrong.",
        ) from error
    except apsw.CorruptError as error:
        raise StoreError(
            f"The profile {path.name} is damaged", "Restore a copy, or import an export of it."
        ) from error
    except apsw.ReadOnlyError as error:
        raise StoreError(f"{path} can't be written", "Check the permissions.") from error
    except apsw.BusyError as error:
        raise StoreError(f"{path.name} is in use by another program", "Close it.") from error
    except apsw.Error as error:
        if lacked_room(error, connection, path.parent):
            raise disk_full(path) from error
        raise StoreError(f"The profile {path.name} can't be used ({error})") from error
    except UnicodeEncodeError as error:
        raise StoreError("The text holds characters that are not Unicode") from error
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(path) from error
        raise StoreError(
            f"{path} can't be used ({error.strerror or error})", "Check the folder."
        ) from error


def _system_error(connection: apsw.Connection) -> int:
    try:
        return int(connection.system_errno)
    except apsw.ConnectionClosedError:
        return 0


def _is_full(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except OSError as error:
        return error.errno in _FULL
    return False


def lacked_room(error: apsw.Error, connection: apsw.Connection | None, folder: Path) -> bool:
    """Whether it was for want of room that SQLite failed."""
    if connection is not None and _system_error(connection) in _FULL:
        return True
    # SQLite goes on for a moment after a failure, and may lose the system's number for it.
    return isinstance(error, (apsw.CantOpenError, apsw.IOError)) and _is_full(folder)


def disk_full(path: Path) -> DiskFullError:
    """The complaint about a full disk."""
    return DiskFullError(
        f"The disk is full, so {path.name} can't grow", "Free some space; nothing saved is lost."
    )


def to_read_alone(path: Path) -> DiskFullError:
    """The complaint about a write to what was opened where there was no room."""
    return DiskFullError(
        f"The disk is full: {path.name} is open to be read, and nothing can be saved",
        "Free some space, then open it again.",
    )
