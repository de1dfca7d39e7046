"""Imports as single steps: what each brought and what it replaced, so that it can be taken back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pocket_agent.memory import vectors
from pocket_agent.memory.identity import now
from pocket_agent.memory.words import forget_turns, index_turns

_TABLES = ("sessions", "turns", "events", "contexts", "branches", "heads")
_LAST = "SELECT n, at, last_event FROM imports ORDER BY n DESC LIMIT 1"
_BEGIN = """
INSERT INTO imports (at, last_event, last_turn)
VALUES (?, 0, max(coalesce((SELECT max(n) FROM turns), 0),
                  coalesce((SELECT max(last_turn) FROM imports), 0))) RETURNING n
"""
_END = """
UPDATE imports SET
    last_event = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),
    last_turn = max(last_turn, coalesce((SELECT max(n) FROM turns), 0))
WHERE n = ?
"""
# A conversation that the person has gone on with since stays whole: facts rest on what it asked.
_GONE_ON_WITH = """
SELECT DISTINCT session FROM turns
WHERE batch IS NULL AND n > (SELECT last_turn FROM imports WHERE n = ?1)
    AND session IN (SELECT session FROM turns WHERE batch = ?1)
"""
_TOUCH = """
UPDATE sessions SET touched =
    max(started, coalesce((SELECT max(at) FROM turns WHERE session = sessions.id), ''))
WHERE id = ?
"""


@dataclass(frozen=True, slots=True)
class Import:
    """An import that can be taken back.

    Args:
        n: its number. at: when it was, ISO 8601 in UTC.
        last_event: the largest number in the log right after it.
    """

    n: int
    at: str
    last_event: int


def last(connection: Any) -> Import | None:
    """The last import that can be taken back, or None."""
    row = connection.execute(_LAST).fetchone()
    return None if row is None else Import(*row)


def begin(connection: Any, *, replace: bool) -> int:
    """Open a batch, within the transaction of the import.

    Args:
        replace: set aside all that is stored, to make room for what comes.

    Returns:
        Its number, for the rows it brings.
    """
    number = int(connection.execute(_BEGIN, (now(),)).get)
    if replace:
        for table in _TABLES:
            connection.executemany(
                "INSERT INTO set_aside VALUES (?, ?, ?)",
                ((number, table, record) for record in _records(connection, table)),
            )
        _empty(connection)
    return number


def end(connection: Any, number: int) -> None:
    """Close a batch: all its rows are there."""
    connection.execute(_END, (number,))


def take_back(connection: Any, number: int) -> None:
    """Remove what an import brought and put back what it replaced, within a transaction.

    The caller then replays the log.
    """
    connection.execute("INSERT INTO erasure VALUES (1)")
    for (session,) in connection.execute(_GONE_ON_WITH, (number,)).fetchall():
        connection.execute("UPDATE turns SET batch = NULL WHERE session = ?", (session,))
        connection.execute("UPDATE sessions SET batch = NULL WHERE id = ?", (session,))
    _remove_turns(connection, number)
    for table in ("events", "tombstones", "tombstone_keys"):
        connection.execute(f"DELETE FROM {table} WHERE batch = ?", (number,))  # noqa: S608
    connection.execute(
        "DELETE FROM sessions WHERE batch = ? AND id NOT IN (SELECT session FROM turns)", (number,)
    )
    _put_back(connection, number)
    connection.execute("DELETE FROM imports WHERE n = ?", (number,))
    connection.execute("DELETE FROM erasure")


def make_permanent(connection: Any) -> int:
    """Let go of what imports replaced: they can't be taken back any more.

    Returns:
        How many profiles had been replaced and were still kept.
    """
    kept = count_set_aside(connection)
    connection.execute("DELETE FROM set_aside")
    connection.execute("DELETE FROM imports")
    return kept


def count_set_aside(connection: Any) -> int:
    """How many profiles were replaced by an import and are still kept."""
    return int(connection.execute("SELECT count(DISTINCT import) FROM set_aside").get)


def _records(connection: Any, table: str) -> Iterator[str]:
    columns = _columns(connection, table)
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608
    for row in rows:
        yield json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)


def _columns(connection: Any, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _empty(connection: Any) -> None:
    connection.execute("INSERT INTO erasure VALUES (1)")
    forget_turns(connection, [n for (n,) in connection.execute("SELECT rowid FROM turn_words")])
    for table in ("vector_bits", "vectors", "turns", "sessions", "events"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608
    connection.execute("DELETE FROM erasure")


def _remove_turns(connection: Any, number: int) -> None:
    rows = connection.execute("SELECT n, session FROM turns WHERE batch = ?", (number,)).fetchall()
    gone, sessions = [n for n, _ in rows], {session for _, session in rows}
    beside = _beside(connection, gone)
    vectors.forget(connection, [*gone, *beside])
    forget_turns(connection, gone)
    connection.execute("DELETE FROM turns WHERE batch = ?", (number,))
    index_turns(connection, beside)
    connection.executemany(_TOUCH, ((session,) for session in sessions))


def _beside(connection: Any, gone: list[int]) -> list[int]:
    """The turns that stay and stood beside one that goes: their index and vectors know it."""
    found = connection.execute(
        "SELECT prev, next FROM turn_context WHERE n IN (SELECT value FROM json_each(?))",
        (json.dumps(gone),),
    )
    near = {n for row in found for n in row if n is not None}
    return sorted(near - set(gone))


def _put_back(connection: Any, number: int) -> None:
    turns = []
    kept = "SELECT kind, record FROM set_aside WHERE import = ? ORDER BY rowid"
    for table, record in connection.execute(kept, (number,)).fetchall():
        row = json.loads(record)
        if table == "sessions":  # its number orders nothing of weight, and may be taken
            del row["n"]
        if table == "turns" and row["status"] != "open":
            turns.append(row["n"])
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(
            f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            tuple(row.values()),
        )
    if turns:
        index_turns(connection, turns)
