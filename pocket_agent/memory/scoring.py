"""How near a past turn is to a question, from the words it shares and from its meaning. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from pocket_agent.memory.cues import asks_for_your_words, is_request, speaks_of_self, tells_taste

BM25_CEILING = 2.2
"""FTS5's bm25 of a term is below its inverse document frequency times k1 + 1."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each sign of nearness counts, against a cosine's 1.

    Args:
        words: of the squared coverage.
        neighbours: of the score of the turns before and after.
        person: what a person's turn has ahead of one of the assistant's; may be negative.
        statement: what a person's turn about themselves has ahead.
        taste: what one that tells a taste, a need or a limit has on top.
    """

    words: float = 6.0
    neighbours: float = 0.1
    person: float = 0.1
    statement: float = 0.05
    taste: float = 0.05


QUESTION = Weights()
REQUEST = Weights(words=3.0, statement=0.1, taste=0.15)
"""For a request: what the person once told of themselves matters, its words hardly."""
YOUR_WORDS = Weights(person=-0.1, statement=0.0, taste=0.0)
"""For a question about what the assistant had said."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A turn that may be recalled.

    Args:
        number: row number. previous, next: those of its neighbours in the session, or None.
        by_person: said by the user, or by anyone with a name of their own.
    """

    number: int
    previous: int | None
    next: int | None
    by_person: bool
    text: str


def weights_for(query: str) -> Weights:
    """What counts for this question."""
    if asks_for_your_words(query):
        return YOUR_WORDS
    return REQUEST if is_request(query) else QUESTION


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
    return own(candidate.number) + weights.neighbours * around + _standing(candidate, weights)


def _standing(candidate: Candidate, weights: Weights) -> float:
    """What a turn has ahead before anything is asked."""
    if not candidate.by_person:
        return 0.0
    standing = weights.person
    if speaks_of_self(candidate.text):
        standing += weights.statement
        if tells_taste(candidate.text):
            standing += weights.taste
    return standing
