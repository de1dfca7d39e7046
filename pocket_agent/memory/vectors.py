"""The vector index: sqlite-vec behind an interface small enough to replace.

A turn has one vector a part (a long turn has several parts) and embedding model: 384 little-endian
float32 values of length 1. Beside them lies one bit a value. A search of many compares the bits of
all first (`signatures`), then the floats of the best: so many that what it loses can't be measured.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import apsw

from pocket_agent.memory.signatures import Signatures

BYTES = 4 * 384
FEW = 2_000
"""Up to so many vectors the floats of all are compared."""
COARSE = 1_280
"""How many at least the bits pick out for the floats to compare: of 100,000 turns made of real
vectors, 99.4 % of the 80 nearest are among them, and all of the 10 nearest."""

_UNEMBEDDED = """
SELECT t.n FROM turns t
WHERE t.status <> 'open' AND trim(t.text) <> ''
    AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.model = ? AND v.turn = t.n)
ORDER BY t.n DESC LIMIT ?
"""
_PUT = """
INSERT OR IGNORE INTO vectors (turn, part, model, embedding)
SELECT n, ?, ?, ? FROM turns WHERE n = ? RETURNING id
"""
_PUT_CODE = """
INSERT INTO vector_bits (id, model, code) VALUES (?, ?, vec_quantize_binary(?))
"""
_OF_TURNS = "SELECT id FROM vectors WHERE turn IN (SELECT value FROM json_each(?))"
_NEAREST = """
SELECT turn, 1 - min(vec_distance_cosine(embedding, ?1)) AS cosine FROM vectors
WHERE model = ?2 GROUP BY turn ORDER BY cosine DESC LIMIT ?3
"""
_NEAREST_OF_THESE = """
SELECT turn, 1 - min(vec_distance_cosine(embedding, ?1)) AS cosine FROM vectors
WHERE id IN (SELECT value FROM json_each(?2)) GROUP BY turn ORDER BY cosine DESC LIMIT ?3
"""
_IS_MANY = "SELECT 1 FROM vectors WHERE model = ? LIMIT 1 OFFSET ?"
_COSINES = """
SELECT turn, 1 - min(vec_distance_cosine(embedding, ?)) FROM vectors
WHERE model = ? AND turn IN (SELECT value FROM json_each(?)) GROUP BY turn
"""


@dataclass(frozen=True, slots=True)
class PartVector:
    """The vector of one part of a turn.

    Args:
        turn: row number of the turn. part: from 0.
        vector: 384 little-endian float32 values, of length 1.
    """

    turn: int
    part: int
    vector: bytes


def unembedded_numbers(connection: apsw.Connection, model: str, limit: int) -> list[int]:
    """Row numbers of finished turns that have no vector of that model, the newest first."""
    return [number for (number,) in connection.execute(_UNEMBEDDED, (model, limit))]


def put(connection: apsw.Connection, model: str, vectors: Iterable[PartVector]) -> None:
    """Add vectors; those of parts that have one already are left as they are."""
    for part in vectors:
        found = (part.part, model, part.vector, part.turn)
        number = connection.execute(_PUT, found).get
        if number is not None:
            connection.execute(_PUT_CODE, (number, model, part.vector))


def forget(connection: apsw.Connection, turns: Sequence[int]) -> None:
    """Wipe the vectors of these turns, of every model."""
    rows = connection.execute(_OF_TURNS, (json.dumps(list(turns)),))
    _wipe(connection, [number for (number,) in rows])


def forget_others(connection: apsw.Connection, model: str) -> None:
    """Wipe the vectors of every model but this one."""
    rows = connection.execute("SELECT id FROM vectors WHERE model <> ?", (model,))
    _wipe(connection, [number for (number,) in rows])


def has_others(connection: apsw.Connection, model: str) -> bool:
    """Whether there are vectors of another model; looks at two index entries."""
    ends = connection.execute("SELECT min(model), max(model) FROM vectors").fetchone()
    return ends is not None and any(name not in (None, model) for name in ends)


def count(connection: apsw.Connection, model: str) -> int:
    """How many vectors of that model there are."""
    found = connection.execute("SELECT count(*) FROM vectors WHERE model = ?", (model,)).get
    return int(str(found))


def nearest(
    connection: apsw.Connection,
    model: str,
    query: bytes,
    limit: int,
    signatures: Signatures | None = None,
    forgettings: int = 0,
) -> dict[int, float]:
    """The turns nearest in meaning, nearest first: row number to cosine in [-1, 1].

    Args:
        query: 384 little-endian float32 values. limit: how many turns at most.
        signatures: kept from search to search of one store, so that its many vectors are not read
            each time; None reads them. forgettings: of the store.
    """
    if connection.execute(_IS_MANY, (model, FEW)).get is None:
        return dict(connection.execute(_NEAREST, (query, model, limit)))
    known = signatures or Signatures()
    known.refresh(connection, model, forgettings)
    likely = known.nearest(connection, query, max(COARSE, 6 * limit))
    return dict(connection.execute(_NEAREST_OF_THESE, (query, json.dumps(likely), limit)))


def cosines(
    connection: apsw.Connection, model: str, query: bytes, turns: Iterable[int]
) -> dict[int, float]:
    """How near these turns are: row number to cosine; those without a vector are left out."""
    return dict(connection.execute(_COSINES, (query, model, json.dumps(list(turns)))))


def _wipe(connection: apsw.Connection, numbers: list[int]) -> None:
    for number in numbers:
        connection.execute("DELETE FROM vector_bits WHERE id = ?", (number,))
        connection.execute("DELETE FROM vectors WHERE id = ?", (number,))
