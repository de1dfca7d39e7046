"""Tombstones: that something was forgotten, without what it was.

A tombstone is a keyed hash; the key lies in the same file. Who has the file and guesses a word can
check the guess, but nothing can be read from it. It stops the policy from learning a forgotten
fact again from turns that are older than the forgetting, and an import from bringing back an
erased turn.
"""

import secrets
from collections.abc import Iterable
from typing import Any

from pocket_agent.memory.dates import moment
from pocket_agent.memory.graves import (
    Graves,
    changed_mark,
    not_after,
    row_marks,
    turn_mark,
    value_mark,
)
from pocket_agent.profile.facts import Op, OpKind, Source
from pocket_agent.profile.redaction import Value, value_of

_KEY = "forget.key"
_PUT = """
INSERT INTO tombstones (mark, at) VALUES (?, ?)
ON CONFLICT DO UPDATE SET at = excluded.at, batch = NULL
"""
_BRING = "INSERT OR IGNORE INTO tombstones (mark, at, batch) VALUES (?, ?, ?)"
_RENEW = f"{_BRING.replace(' OR IGNORE', '')} ON CONFLICT DO UPDATE SET at = max(at, excluded.at)"
_KEYS = "SELECT key FROM tombstone_keys ORDER BY key"


def bury(
    connection: Any,
    values: Iterable[Value],
    turns: Iterable[str],
    changed: Iterable[str],
    at: str,
) -> None:
    """Leave a tombstone for each forgotten value, each erased turn and each row that lost words.

    Args:
        connection: within a transaction.
        values: slots and keys of values. turns: ids. changed: ids of turns, events and sessions.
        at: now, ISO 8601 in UTC.
    """
    secret = _secret(connection)
    marks = [value_mark(secret, value) for value in values]
    marks += [turn_mark(secret, name) for name in turns]
    marks += [changed_mark(secret, name) for name in changed]
    connection.executemany(_PUT, ((mark, at) for mark in marks))


def is_buried(connection: Any, name: str) -> bool:
    """Whether the turn, event or session of that id was erased, or has lost words."""
    marks = (mark for secret in _known_secrets(connection) for mark in row_marks(secret, name))
    return any(_found(connection, mark) is not None for mark in marks)


def read_graves(connection: Any) -> Graves:
    """All tombstones, those that came from elsewhere too."""
    marks = connection.execute("SELECT mark, at FROM tombstones ORDER BY mark")
    keys = [secret.hex() for secret in _known_secrets(connection)]
    return Graves(tuple(sorted(keys)), tuple((bytes(mark).hex(), at) for mark, at in marks))


def note(connection: Any, changed: Iterable[str], batch: int | None, at: str) -> None:
    """Leave a tombstone for rows that came, and left words behind.

    Args:
        batch: the import that they came with, which takes the tombstones along if it is undone.
    """
    names = list(changed)
    if names:
        secret = _secret(connection)
        marks = ((changed_mark(secret, name), at, batch) for name in names)
        connection.executemany(_BRING, marks)


def bring(connection: Any, graves: Graves, batch: int | None) -> None:
    """Add the tombstones of another store, within a transaction.

    Args:
        batch: the import that they come with; None if it is never to be undone.
    """
    own = _known_secret(connection)
    keys = [bytes.fromhex(key) for key in graves.keys]
    connection.executemany(
        "INSERT OR IGNORE INTO tombstone_keys VALUES (?, ?)",
        ((key, batch) for key in keys if key != own),
    )
    marks = ((bytes.fromhex(mark), at, batch) for mark, at in graves.marks)
    connection.executemany(_RENEW if batch is None else _BRING, marks)


def forbids(connection: Any, op: Op, source: Source | None) -> bool:
    """Whether the policy may not make this edit: it would learn again what was forgotten.

    What a person said after the forgetting is said anew, and may be learnt.
    """
    known = _known_secrets(connection)
    if not known or source is None or op.kind not in (OpKind.ADD, OpKind.UPDATE):
        return False
    if any(_found(connection, turn_mark(secret, source.turn)) is not None for secret in known):
        return True
    said = connection.execute("SELECT at, text FROM turns WHERE id = ?", (source.turn,)).fetchone()
    if said is not None and source.quote not in said[1]:
        return True  # it was read before words of it were made illegible
    value = value_of(op.slot, op.value)
    found = (_found(connection, value_mark(secret, value)) for secret in known)
    then = moment(said[0] if said is not None else "")
    return any(not_after(then, moment(at)) for at in found if at is not None)


def _found(connection: Any, mark: bytes) -> str | None:
    at = connection.execute("SELECT at FROM tombstones WHERE mark = ?", (mark,)).get
    return None if at is None else str(at)


def _known_secret(connection: Any) -> bytes | None:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).get
    return None if found is None else bytes.fromhex(found)


def _known_secrets(connection: Any) -> list[bytes]:
    """The store's own key, and those that came with tombstones from elsewhere."""
    own = _known_secret(connection)
    brought = [bytes(key) for (key,) in connection.execute(_KEYS)]
    return brought if own is None else [own, *brought]


def _secret(connection: Any) -> bytes:
    known = _known_secret(connection)
    if known is None:
        known = secrets.token_bytes(32)
        connection.execute("INSERT INTO meta VALUES (?, ?)", (_KEY, known.hex()))
    return known
