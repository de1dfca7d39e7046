"""Tombstones: that something was forgotten, without what it was.

A tombstone is a keyed hash; the key lies in the same file. Who has the file and guesses a word can
check the guess, but nothing can be read from it. It stops the policy from learning a forgotten
fact again from turns that are older than the forgetting, and an import from bringing back an
erased turn.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Any

from pocket_agent.memory.dates import moment
from pocket_agent.profile.facts import Op, OpKind, Source
from pocket_agent.profile.redaction import Value, value_of

_KEY = "forget.key"
_PUT = "INSERT INTO tombstones VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at"


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
    marks = [_fact(secret, value) for value in values]
    marks += [_turn(secret, name) for name in turns]
    marks += [_mark(secret, "row", name) for name in changed]
    connection.executemany(_PUT, ((mark, at) for mark in marks))


def is_buried(connection: Any, name: str) -> bool:
    """Whether the turn, event or session of that id was erased, or has lost words."""
    secret = _known_secret(connection)
    if secret is None:
        return False
    marks = (_turn(secret, name), _mark(secret, "row", name))
    return any(_found(connection, mark) is not None for mark in marks)


def forbids(connection: Any, op: Op, source: Source | None) -> bool:
    """Whether the policy may not make this edit: it would learn again what was forgotten.

    What a person said after the forgetting is said anew, and may be learnt.
    """
    secret = _known_secret(connection)
    if secret is None or source is None or op.kind not in (OpKind.ADD, OpKind.UPDATE):
        return False
    if _found(connection, _turn(secret, source.turn)) is not None:
        return True
    said = connection.execute("SELECT at, text FROM turns WHERE id = ?", (source.turn,)).fetchone()
    if said is not None and source.quote not in said[1]:
        return True  # it was read before words of it were made illegible
    forgotten = _found(connection, _fact(secret, value_of(op.slot, op.value)))
    if forgotten is None:
        return False
    then, since = moment(said[0] if said is not None else ""), moment(forgotten)
    return then is None or since is None or then <= since


def _found(connection: Any, mark: bytes) -> str | None:
    at = connection.execute("SELECT at FROM tombstones WHERE mark = ?", (mark,)).get
    return None if at is None else str(at)


def _fact(secret: bytes, value: Value) -> bytes:
    return _mark(secret, "fact", *value)


def _turn(secret: bytes, name: str) -> bytes:
    return _mark(secret, "turn", name)


def _mark(secret: bytes, *words: str) -> bytes:
    return hmac.digest(secret, "\0".join(words).encode("utf-8", "replace"), hashlib.sha256)


def _known_secret(connection: Any) -> bytes | None:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).get
    return None if found is None else bytes.fromhex(found)


def _secret(connection: Any) -> bytes:
    known = _known_secret(connection)
    if known is None:
        known = secrets.token_bytes(32)
        connection.execute("INSERT INTO meta VALUES (?, ?)", (_KEY, known.hex()))
    return known
