"""Encrypting a profile's file, decrypting it, changing its passphrase: whole or not at all.

All three are one: SQLite writes a copy under the other key, the copy is checked, then moved into
the place of the old file. Nothing is ever written in plain that was not there in plain before.
"""

import os
from pathlib import Path
from urllib.parse import quote

import apsw

from pocket_agent.errors import StoreError
from pocket_agent.memory import cipher
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.database import Database, connect
from pocket_agent.memory.faults import disk_full, has_no_room


def rewrite(path: Path, key: str | Key | None, new: str | Key | None) -> None:
    """Put a profile's file under another key.

    Killed at any moment, it leaves the file under the old key or under the new one, whole.

    Args:
        key: what opens it now: passphrase or key, None if it is plain.
        new: what is to open it: a passphrase, a key with a salt of its own, or None for a plain
            file.

    Raises:
        PassphraseError: `key` is missing or wrong.
        StoreBusyError: it is open elsewhere.
        DiskFullError: there is no room for a second copy.
        StoreError: anything else. In every case the file is under the old key, as it was.
    """
    database = Database.open(path, key, create=False)
    try:
        target = cipher.new_key(new) if isinstance(new, str) else new
        database.replace(lambda connection, made: _write(connection, made, target))
    finally:
        database.close()


def _write(connection: apsw.Connection, made: Path, key: Key | None) -> None:
    """Make a copy under the other key, and see that it is whole and on the disk."""
    os.close(os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    _copy(connection, made, key)
    _check(made, key)
    with made.open("rb+") as file:
        os.fsync(file.fileno())


def _copy(connection: apsw.Connection, made: Path, key: Key | None) -> None:
    """Let SQLite write every live row; a raw key goes by URI alone."""
    under = f"cipher={cipher.CIPHER}&key={quote(key.text)}" if key else "key="
    try:
        connection.execute("VACUUM INTO ?", (f"{made.as_uri()}?{under}",))
    except apsw.FullError:
        raise disk_full(made.with_suffix("")) from None
    except apsw.Error as error:  # never its own words: they may hold the URI, and with it the key
        if has_no_room(connection):
            raise disk_full(made.with_suffix("")) from None
        name = type(error).__name__
        raise StoreError(f"{made} can't be written ({name})", "Check the folder.") from None


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
