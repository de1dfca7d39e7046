"""Vectors of what is known, so that a question finds a fact in other words than its own.

One a fact and embedding model, of "slot: value". There are hundreds at most, so all are compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import apsw

_UNEMBEDDED = """
SELECT id, slot, value FROM facts f
WHERE state = 'active' AND NOT EXISTS
    (SELECT 1 FROM fact_vectors v WHERE v.fact = f.id AND v.model = ?)
LIMIT ?
"""
_PUT = """
INSERT OR IGNORE INTO fact_vectors (fact, model, embedding)
SELECT id, ?, ? FROM facts
WHERE id = ? AND slot = ? AND value = ? AND state = 'active'
"""
_COSINES = """
SELECT fact, 1 - vec_distance_cosine(embedding, ?) FROM fact_vectors WHERE model = ?
"""


@dataclass(frozen=True, slots=True)
class FactText:
    """The words of a fact that its vector is made of."""

    fact: str
    slot: str
    value: str

    def __str__(self) -> str:
        return f"{self.slot}: {self.value}"


def unembedded(connection: apsw.Connection, model: str, limit: int) -> list[FactText]:
    """Active facts that have no vector of that model."""
    return [FactText(*row) for row in connection.execute(_UNEMBEDDED, (model, limit))]


def put(connection: apsw.Connection, model: str, vectors: Iterable[tuple[FactText, bytes]]) -> None:
    """Add vectors; of a fact that is gone or has other words by now, none."""
    for text, vector in vectors:
        connection.execute(_PUT, (model, vector, text.fact, text.slot, text.value))


def forget_others(connection: apsw.Connection, model: str) -> None:
    """Drop the vectors of every model but this one."""
    connection.execute("DELETE FROM fact_vectors WHERE model <> ?", (model,))


def has_others(connection: apsw.Connection, model: str) -> bool:
    """Whether there are vectors of another model."""
    found = connection.execute("SELECT 1 FROM fact_vectors WHERE model <> ? LIMIT 1", (model,))
    return found.get is not None


def cosines(connection: apsw.Connection, model: str, query: bytes) -> dict[str, float]:
    """How near the facts are to a vector: id to cosine; those without a vector are left out."""
    return dict(connection.execute(_COSINES, (query, model)))
