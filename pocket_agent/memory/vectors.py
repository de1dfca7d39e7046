"""The vector index: sqlite-vec behind an interface small enough to replace.

A turn has one vector a part (a long turn has several parts) and embedding model: 384 little-endian
float32 values of length 1. Beside them lies one byte a value. A search compares the bytes of all
turns first and the floats of the best, which is twice as fast and, unlike single bits, loses none.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import apsw

BYTES = 4 * 384
FEW = 2_000
"""Up to so many vectors the floats of all are compared."""
COARSE = 160
"""How many at least the bytes pick out for the floats to compare."""

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
INSERT INTO vector_codes (id, model, code) VALUES (?, ?, vec_quantize_int8(?, 'unit'))
"""
_OF_TURNS = "SELECT id FROM vectors WHERE turn IN (SELECT value FROM json_each(?))"
_NEAREST = """
SELECT turn, 1 - min(vec_distance_cosine(embedding, ?1)) AS cosine FROM vectors
WHERE model = ?2 GROUP BY turn ORDER BY cosine DESC LIMIT ?3
"""
_NEAREST_OF_MANY = """
SELECT turn, 1 - min(vec_distance_cosine(embedding, ?1)) AS cosine FROM vectors
WHERE id IN (
    SELECT id FROM vector_codes
    WHERE code MATCH vec_quantize_int8(?1, 'unit') AND k = ?4 AND model = ?2
) GROUP BY turn ORDER BY cosine DESC LIMIT ?3
"""
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


def nearest(connection: apsw.Connection, model: str, query: bytes, limit: int) -> dict[int, float]:
    """The turns nearest in meaning, nearest first: row number to cosine in [-1, 1].

    Args:
        query: 384 little-endian float32 values. limit: how many turns at most.
    """
    if count(connection, model) <= FEW:
        return dict(connection.execute(_NEAREST, (query, model, limit)))
    coarse = min(max(COARSE, 2 * limit), 4096)  # 4096 is the most sqlite-vec gives
    return dict(connection.execute(_NEAREST_OF_MANY, (query, model, limit, coarse)))


def cosines(
    connection: apsw.Connection, model: str, query: bytes, turns: Iterable[int]
) -> dict[int, float]:
    """How near these turns are: row number to cosine; those without a vector are left out."""
    return dict(connection.execute(_COSINES, (query, model, json.dumps(list(turns)))))


def _wipe(connection: apsw.Connection, numbers: list[int]) -> None:
    for number in numbers:  # vec0 overwrites what it deletes with zeros, since 0.1.9
        connection.execute("DELETE FROM vector_codes WHERE id = ?", (number,))
        connection.execute("DELETE FROM vectors WHERE id = ?", (number,))
