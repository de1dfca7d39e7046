"""Reading a profile's file without a trace: no byte, name or time of it or its folder changes.

SQLite may write even where it only reads: it makes a log and an index of the log beside the file,
and empties the log when the file is closed. A file without a log is opened as immutable. One whose
log still holds something, because a crash left it, is held exclusively, so that the index of the
log stays in memory; and the log is left as it is at the end.
"""

from pathlib import Path
from typing import Any

import apsw

from pocket_agent.errors import StoreError
from pocket_agent.memory.migrations import VERSION, check_ours

_ONCE = "Open it once without --incognito."


def address(path: Path) -> str:
    """What SQLite is to open, so that nothing of it changes.

    Raises:
        StoreError: a change of the file was cut short, and only writing could mend that.
    """
    if _size(path, "-journal"):
        raise StoreError(f"A change of {path.name} was cut short", _ONCE)
    return f"{path.as_uri()}?{'mode=rw' if _size(path, '-wal') else 'mode=ro&immutable=1'}"


def hold(connection: apsw.Connection) -> None:
    """To be called before the first read."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("locking_mode", "exclusive")
    connection.pragma("query_only", True)


def check_readable(connection: Any) -> None:
    """Whether the file can be read as it is: an earlier version would have to be changed first.

    Raises:
        StoreError: it is of another version, or another program's.
    """
    check_ours(connection)
    if connection.pragma("user_version") < VERSION:
        raise StoreError("This profile is of an earlier version of Pocket Agent", _ONCE)


def _size(path: Path, suffix: str) -> int:
    try:
        return path.with_name(path.name + suffix).stat().st_size
    except FileNotFoundError:
        return 0
