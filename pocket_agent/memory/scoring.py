"""How near a past turn is to a question, from the words it shares and from its meaning. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

BM25_CEILING = 2.2
"""FTS5's bm25 of a term is below its inverse document frequency times k1 + 1."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each sign of nearness counts, against a cosine's 1.

    Args:
        words: of the squared coverage.
        neighbours: of the score of the turns before and after.
        user: what a turn of the person's has ahead of one of the assistant's.
    """

    words: float = 6.0
    neighbours: float = 0.1
    user: float = 0.1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A turn that may be recalled.

    Args:
        number: row number. previous, next: those of its neighbours in the session, or None.
    """

    number: int
    by_user: bool
    previous: int | None
    next: int | None


def coverage(bm25: float, weight: float) -> float:
    """How much of what was asked a turn's words cover, in [0, 1].

    Args:
        bm25: as FTS5 gives it, negative.
        weight: the sum of the query terms' inverse document frequencies.
    """
    if weight <= 0:
        return 0.0
    return min(1.0, max(0.0, -bm25 / (BM25_CEILING * weight)))


def score(
    candidate: Candidate,
    cosines: Mapping[int, float],
    coverages: Mapping[int, float],
    weights: Weights,
) -> float:
    """The combined score; larger is nearer.

    Args:
        cosines, coverages: by row number, for the candidate and its neighbours; 0 if missing.
    """

    def own(number: int | None) -> float:
        if number is None:
            return 0.0
        return cosines.get(number, 0.0) + weights.words * coverages.get(number, 0.0) ** 2

    around = own(candidate.previous) + own(candidate.next)
    return (
        own(candidate.number)
        + weights.neighbours * around
        + (weights.user if candidate.by_user else 0.0)
    )
