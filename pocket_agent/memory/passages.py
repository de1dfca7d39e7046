"""A turn as it is read for recall: who said what, after what."""

import json
from dataclasses import dataclass
from typing import Any

_PASSAGES = """
SELECT c.n, c.speaker, c.text, coalesce(p.speaker, ''), coalesce(p.text, '')
FROM turn_context c LEFT JOIN turns p ON p.n = c.prev
WHERE c.n IN (SELECT value FROM json_each(?)) ORDER BY c.n
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """A turn and the one before it in its session.

    Args:
        number: row number of the turn.
        before_speaker, before: the turn before; empty if there is none.
    """

    number: int
    speaker: str
    text: str
    before_speaker: str
    before: str


def read_passages(connection: Any, numbers: list[int]) -> list[Passage]:
    """The passages of finished turns, by row number."""
    return [Passage(*row) for row in connection.execute(_PASSAGES, (json.dumps(numbers),))]
