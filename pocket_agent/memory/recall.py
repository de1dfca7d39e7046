"""Recall: the past turns that bear on what is said now, and how near the facts are to it."""

import json
from collections.abc import Collection, Iterable

import apsw

from pocket_agent.memory import fact_vectors, vectors
from pocket_agent.memory.embedder import Embedder, EmbedderError
from pocket_agent.memory.query import QueryReader
from pocket_agent.memory.records import Recalled, Turn
from pocket_agent.memory.scoring import Candidate, coverage, score, weights_for
from pocket_agent.memory.signatures import Signatures
from pocket_agent.memory.store import Store
from pocket_agent.memory.turns import TURN_COLUMNS, turn_from_row

POOL = 80
"""Candidates taken from each of the two searches."""
MAX_HIDDEN = 400
"""How many more, at most, in place of those that are to be left out."""
EMBED_SECONDS = 0.06
"""How long recall waits for the question's vector before it goes by words alone."""
MAX_CHARACTERS = 2_000
"""Of the question, for its vector; the model reads less."""

_BM25 = "bm25(turn_words, 1.0, 1.0, 0.5, 0.3, 0.3)"
_BY_WORDS = f"""
SELECT rowid FROM turn_words WHERE turn_words MATCH ? ORDER BY {_BM25} LIMIT ?
"""  # noqa: S608
_BM25_OF = f"""
SELECT rowid, {_BM25} FROM turn_words
WHERE turn_words MATCH ? AND +rowid IN (SELECT value FROM json_each(?))
"""  # noqa: S608
_CANDIDATES = """
SELECT n, prev, next, role = 'user' OR speaker <> 'Assistant', text FROM turn_context
WHERE n IN (SELECT value FROM json_each(?))
"""
_TURNS = f"""
SELECT n, {TURN_COLUMNS} FROM turns WHERE n IN (SELECT value FROM json_each(?))
"""  # noqa: S608


class Recaller:
    """Searches one store by words and by meaning.

    Args:
        embedder: None, or one that is not ready, means words alone.
        use_words: False leaves the words out, to measure what they are worth.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None = None,
        *,
        use_words: bool = True,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._use_words = use_words
        self._signatures = Signatures()

    def recall(
        self,
        query: str,
        k: int = 5,
        *,
        exclude_session: str | None = None,
        exclude_turns: Iterable[str] = (),
    ) -> list[Recalled]:
        """The past turns that bear most on `query`, the nearest first.

        Args:
            query: any text, usually what the person has just said.
            k: how many at most.
            exclude_session: leave out a whole conversation (the present one).
            exclude_turns: ids of turns to leave out (those in the model's context already).
        """
        vector = self.embed(query)
        return self.recall_vector(
            query, vector, k, exclude_session=exclude_session, exclude_turns=exclude_turns
        )

    def embed(self, query: str, timeout: float = EMBED_SECONDS) -> bytes | None:
        """The question's vector, or None if there is none in time."""
        if self._embedder is None or not query.strip():
            return None
        try:
            text = query[:MAX_CHARACTERS]
            return self._embedder.embed([text], timeout=timeout, urgent=True)[0]
        except EmbedderError:
            return None

    def recall_vector(
        self,
        query: str,
        vector: bytes | None,
        k: int = 5,
        *,
        exclude_session: str | None = None,
        exclude_turns: Iterable[str] = (),
    ) -> list[Recalled]:
        """As `recall`, with the question's vector at hand (or None: words alone)."""
        with self._store.database.reading() as connection:
            signatures = self._signatures, self._store.forgettings
            search = _Search(connection, self._model, vector, *signatures)
            hidden = _hidden(connection, exclude_session, set(exclude_turns))
            return search.run(query, k, hidden, self._use_words)

    def near_facts(self, vector: bytes) -> dict[str, float]:
        """How near the facts are in meaning to a question: id to cosine in [-1, 1].

        Args:
            vector: the question's, from `embed`. Facts without a vector are left out.
        """
        with self._store.database.reading() as connection:
            return fact_vectors.cosines(connection, self._model, vector)

    @property
    def _model(self) -> str:
        return self._embedder.model_id if self._embedder else ""


class _Search:
    """One question put to the store."""

    def __init__(
        self,
        connection: apsw.Connection,
        model: str,
        vector: bytes | None,
        signatures: Signatures,
        forgettings: int,
    ) -> None:
        self._connection = connection
        self._model = model
        self._vector = vector
        self._signatures = signatures
        self._forgettings = forgettings

    def run(self, query: str, k: int, hidden: Collection[int], use_words: bool) -> list[Recalled]:
        words = QueryReader(self._connection).read(query if use_words else "")
        weights = weights_for(query[:MAX_CHARACTERS])
        pool = POOL + min(len(hidden), MAX_HIDDEN)
        found = self._by_words(words.match, pool) | self._by_meaning(pool)
        candidates = self._candidates(found - set(hidden))
        near = {n for c in candidates for n in (c.number, c.previous, c.next) if n is not None}
        cosines = self._cosines(near)
        coverages = {
            number: coverage(bm25, words.weight) for number, bm25 in self._bm25(words.match, near)
        }
        scored = [(score(c, cosines, coverages, weights), c.number) for c in candidates]
        best = sorted(scored, reverse=True)[:k]  # of equals, the later turn
        turns = self._turns([number for _, number in best])
        return [
            Recalled(turns[n], value, cosines.get(n, 0.0), coverages.get(n, 0.0))
            for value, n in best
        ]

    def _by_words(self, match: str, limit: int) -> set[int]:
        if not match:
            return set()
        rows = self._connection.execute(_BY_WORDS, (match, limit))
        return {int(str(number)) for (number,) in rows}

    def _by_meaning(self, limit: int) -> set[int]:
        if self._vector is None:
            return set()
        known = self._signatures, self._forgettings
        return set(vectors.nearest(self._connection, self._model, self._vector, limit, *known))

    def _cosines(self, numbers: Iterable[int]) -> dict[int, float]:
        if self._vector is None:
            return {}
        return vectors.cosines(self._connection, self._model, self._vector, numbers)

    def _bm25(self, match: str, numbers: Iterable[int]) -> list[tuple[int, float]]:
        if not match:
            return []
        found = self._connection.execute(_BM25_OF, (match, json.dumps(list(numbers))))
        return [(number, bm25) for number, bm25 in found]

    def _candidates(self, numbers: Iterable[int]) -> list[Candidate]:
        rows = self._connection.execute(_CANDIDATES, (json.dumps(list(numbers)),))
        return [
            Candidate(n, before, after, bool(person), str(text))
            for n, before, after, person, text in rows
        ]

    def _turns(self, numbers: list[int]) -> dict[int, Turn]:
        rows = self._connection.execute(_TURNS, (json.dumps(numbers),))
        return {number: turn_from_row(tuple(row)) for number, *row in rows}


def _hidden(
    connection: apsw.Connection, session: str | None, turns: Collection[str]
) -> frozenset[int]:
    rows = connection.execute(
        "SELECT n FROM turns WHERE session = ? "
        "UNION SELECT n FROM turns WHERE id IN (SELECT value FROM json_each(?))",
        (session, json.dumps(list(turns))),
    )
    return frozenset(int(str(number)) for (number,) in rows)
