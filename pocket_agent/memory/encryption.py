"""Encrypting a profile's file, decrypting it, changing its passphrase: whole or not at all.

All three are one: SQLite writes a copy under the other key, the copy is checked, then moved into
the place of the old file. Nothing is ever written in plain that was not there in plain before.
"""

from pathlib import Path

from pocket_agent.memory import cipher
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.copying import write_copy
from pocket_agent.memory.database import Database


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
        database.replace(lambda connection, made: write_copy(connection, made, target))
    finally:
        database.close()
