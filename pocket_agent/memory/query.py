"""A question as the word index takes it: safe for any text, without the words that say nothing."""

import re
from dataclasses import dataclass
from math import log

import apsw

MAX_TERMS = 32
"""Terms searched for; of a longer text, the rarest."""
MAX_CHARACTERS = 4_000
"""Characters looked at; a pasted file is not a question."""

_WORD = re.compile(r"[^\W_]+")
STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any anybody anyone anything are as at be because
    been before being below between both but by can cannot could did do does doing don down during
    each ever few for from further get gets give got had has have having he her here hers herself
    him himself his how i if in into is it its itself just know let like ll m make many me more
    most much my myself need no nor not now of off oh ok okay on once one only or other our ours
    ourselves out over own please re really s said same say says shall she should so some somebody
    someone something such t tell than that the their theirs them themselves then there these they
    thing things think this those through to too under until up us ve very want wants was we well
    were what when where which while who whom whose why will with would yes you your yours yourself
    d re
    """.split()
)
_TOTAL = "SELECT count(*) FROM turn_words_docsize"
_SPREAD = "SELECT doc FROM turn_terms WHERE term = ?"


@dataclass(frozen=True, slots=True)
class WordQuery:
    """What to look for in the word index.

    Args:
        match: an FTS5 expression; empty if the text has no word worth looking for.
        weight: the sum of the terms' inverse document frequencies.
    """

    match: str
    weight: float


class QueryReader:
    """Turns text into word queries, with the index's own stemmer and counts."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._stem = connection.fts5_tokenizer("porter", ["unicode61"])

    def read(self, text: str) -> WordQuery:
        """The words of `text` that tell turns apart, any of them to be found."""
        terms = self._terms(text[:MAX_CHARACTERS])
        if not terms:
            return WordQuery("", 0.0)
        total = int(str(self._connection.execute(_TOTAL).get or 0))
        weighed = sorted(
            ((self._rarity(stem, total), word) for stem, word in terms.items()), reverse=True
        )[:MAX_TERMS]
        match = " OR ".join(f'"{word}"' for _, word in weighed)
        return WordQuery(match, sum(rarity for rarity, _ in weighed))

    def _terms(self, text: str) -> dict[str, str]:
        """The distinct stems and a word of each; every word if all are stop words."""
        words = _WORD.findall(text.casefold())
        telling = [word for word in words if word not in STOP_WORDS] or words
        return {stem: word for word in telling for stem in self._stems(word)[:1]}

    def _stems(self, word: str) -> list[str]:
        data = word.encode("utf-8", "replace")
        return [
            str(token)
            for token in self._stem(
                data,
                apsw.FTS5_TOKENIZE_QUERY,
                None,
                include_offsets=False,
                include_colocated=False,
            )
        ]

    def _rarity(self, stem: str, total: int) -> float:
        """The inverse document frequency as FTS5's bm25 reckons it."""
        spread = int(str(self._connection.execute(_SPREAD, (stem,)).get or 0))
        return max(1e-6, log((total - spread + 0.5) / (spread + 0.5)))
