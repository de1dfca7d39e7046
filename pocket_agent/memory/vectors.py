"""The vector index: sqlite-vec behind an interface small enough to replace.

A turn has one vector a part (a long turn has several parts) and embedding model. All vectors are
384 little-endian float32 values of length 1; a bit per value is kept beside them for a coarse
first search once there are many.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

DIMENSIONS = 384
MANY = 20_000
"""Vectors; above this the bits are searched first, and the floats of what they find."""
OVERSAMPLE = 16
"""How many times more the coarse search brings; measured to lose nothing on real turns."""

_UNEMBEDDED = """
SELECT t.n FROM turns t
WHERE t.status <> 'open' AND t.text <> ''
    AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.model = ? AND v.turn = t.n)
ORDER BY t.n DESC LIMIT ?
"""
_NEAREST = """
SELECT id, distance FROM turn_vectors
WHERE embedding MATCH ? AND k = ? AND model = ?
"""
_NEAREST_COARSE = """
SELECT id, vec_distance_cosine(embedding, ?1) AS distance FROM turn_vectors WHERE id IN (
    SELECT id FROM turn_vectors
    WHERE coarse MATCH vec_quantize_binary(?1) AND k = ?2 AND model = ?3
) ORDER BY distance LIMIT ?4
"""
_COSINES = """
SELECT v.turn, 1 - min(vec_distance_cosine(e.embedding, ?)) FROM vectors v
JOIN turn_vectors e ON e.id = v.id
WHERE v.model = ? AND v.turn IN (SELECT value FROM json_each(?)) GROUP BY v.turn
"""


@dataclass(frozen=True, slots=True)
class PartVector:
    """The vector of one part of a turn.

    Args:
        turn: row number of the turn. part: from 0.
        vector: 384 little-endian float32 values.
    """

    turn: int
    part: int
    vector: bytes


def unembedded_numbers(connection: Any, model: str, limit: int) -> list[int]:
    """Row numbers of finished turns that have no vector of that model, the newest first."""
    return [number for (number,) in connection.execute(_UNEMBEDDED, (model, limit))]


def put(connection: Any, model: str, vectors: Iterable[PartVector]) -> None:
    """Add vectors; those of parts that have one already are left as they are."""
    for part in vectors:
        if len(part.vector) != 4 * DIMENSIONS:
            raise ValueError(f"a vector of {len(part.vector)} bytes")
        number = connection.execute(
            "INSERT OR IGNORE INTO vectors (turn, part, model) "
            "SELECT n, ?, ? FROM turns WHERE n = ? RETURNING id",
            (part.part, model, part.turn),
        ).get
        if number is not None:
            connection.execute(
                "INSERT INTO turn_vectors (id, model, embedding, coarse) "
                "VALUES (?1, ?2, ?3, vec_quantize_binary(?3))",
                (number, model, part.vector),
            )


def forget_others(connection: Any, model: str) -> None:
    """Drop the vectors of every other model."""
    old = [n for (n,) in connection.execute("SELECT id FROM vectors WHERE model <> ?", (model,))]
    connection.executemany("DELETE FROM turn_vectors WHERE id = ?", ((n,) for n in old))
    connection.execute("DELETE FROM vectors WHERE model <> ?", (model,))


def count(connection: Any, model: str) -> int:
    """How many vectors of that model there are."""
    return int(connection.execute("SELECT count(*) FROM vectors WHERE model = ?", (model,)).get)


def nearest(connection: Any, model: str, query: bytes, k: int) -> dict[int, float]:
    """The turns nearest in meaning: row number to cosine in [-1, 1].

    Args:
        query: 384 float32 values. k: how many vectors; fewer turns if some have several parts.
    """
    if count(connection, model) > MANY:
        rows = connection.execute(_NEAREST_COARSE, (query, min(4096, OVERSAMPLE * k), model, k))
    else:
        rows = connection.execute(_NEAREST, (query, k, model))
    found = {number: 1 - distance for number, distance in rows}
    turns = connection.execute(
        "SELECT id, turn FROM vectors WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(found)),),
    )
    cosines: dict[int, float] = {}
    for number, turn in turns:
        cosines[turn] = max(found[number], cosines.get(turn, -1.0))
    return cosines


def cosines(connection: Any, model: str, query: bytes, turns: Sequence[int]) -> dict[int, float]:
    """How near these turns are: row number to cosine; those without a vector are left out."""
    return dict(connection.execute(_COSINES, (query, model, json.dumps(list(turns)))))
