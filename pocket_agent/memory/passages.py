"""A turn as it is read for recall: who said what, after what; and the texts that are embedded."""

import json
from array import array
from dataclasses import dataclass
from math import sqrt

import apsw

WORDS = 150
"""Words of a part, about 200 tokens: the embedding model reads 256."""
MAX_PARTS = 16
"""Parts embedded of one turn, some 2,400 words; the rest of a pasted book is found by its words."""
BEFORE_WORDS = 40
"""Words kept of the turn before: its end, where the question is that this turn answers."""
ENOUGH_WORDS = 80
"""From this length on a part speaks for itself, without the turn before."""

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

    def texts(self) -> list[tuple[str, str]]:
        """For each part of the turn: the part alone, and after the turn before."""
        return [
            (said(self.speaker, part), self._context(part) + said(self.speaker, part))
            for part in split(self.text)[:MAX_PARTS]
        ]

    def _context(self, part: str) -> str:
        end = self.before.split()[-BEFORE_WORDS:]
        if not end or len(part.split()) >= ENOUGH_WORDS:
            return ""
        return said(self.before_speaker, " ".join(end)) + " "


def read_passages(connection: apsw.Connection, numbers: list[int]) -> list[Passage]:
    """The passages of finished turns, by row number."""
    rows = connection.execute(_PASSAGES, (json.dumps(numbers),))
    return [Passage(*row) for row in rows]


def said(speaker: str, text: str) -> str:
    """How an utterance is put to the embedding model."""
    return f'{speaker} said, "{text}"'


def split(text: str) -> list[str]:
    """The text in parts of at most WORDS words, cut after a sentence where one ends late enough."""
    words = text.split()
    parts: list[str] = []
    while len(words) > WORDS:
        ends = [n for n in range(WORDS // 2, WORDS) if words[n][-1] in ".!?…"]
        cut = ends[-1] + 1 if ends else WORDS
        parts.append(" ".join(words[:cut]))
        words = words[cut:]
    return [*parts, " ".join(words)]


def mean(first: bytes, second: bytes) -> bytes:
    """The mean direction of two vectors of length 1, at length 1 (float32, little-endian)."""
    total = [a + b for a, b in zip(array("f", first), array("f", second), strict=True)]
    length = sqrt(sum(value * value for value in total)) or 1.0
    return array("f", [value / length for value in total]).tobytes()
