"""A store of years: how long it takes to open, and recall in it, embedding aside.

    python -m benchmarks.big_store [--turns 100000] [--compare 10000] [--random] [--out FILE]

Opens and searches a plain store of so many turns, and compares an encrypted store with a plain one.
The text is seeded: sentences of the small conversation set, and invented words as rare as words are
in talk. A turn's vector is the mean of its sentences' real vectors, with noise: to embed 100,000
turns would take hours. With `--random` the sentences' vectors are invented too, and nothing is
embedded at all: for a machine that is busy with something else.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import recall_speed
from benchmarks.conversations import read_conversations
from benchmarks.recall import HERE
from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.passages import said
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector
from pocket_agent.profile.facts import Actor, Event, Op, OpKind, Source

REAL = "means of real sentence vectors, with noise; nothing is embedded turn by turn"
RANDOM = "means of random unit vectors, one a sentence, with noise; nothing is embedded at all"
OPEN_LIMIT_MS, RECALL_LIMIT_MS, RATIO_LIMIT = 1000.0, 60.0, 2.0
FACTS = 2_000
"""What is known of a person after so many turns."""
_OPENINGS = 5
_BATCH = 10_000
_SYLLABLES = "ba ke li mo nu ra se ti vo wa xi yo za dre glo pha sti".split()


def measure(turns: int, embedder: Embedder, folder: Path, key: str | None = None) -> dict[str, Any]:
    """Fill a store in `folder`, close it, open it, and put every question of the small set to it.

    Returns:
        turns, facts, file_mb, fill_s, open_ms (the median), and `recall_speed`'s figures.
    """
    conversations = read_conversations(HERE / "turns.jsonl", HERE / "questions.jsonl")
    texts = [turn.text for conversation in conversations for turn in conversation.turns]
    queries = [question.query for c in conversations for question in c.questions]
    path, begun = folder / "big.db", time.perf_counter()
    with Store.open(path, key=key) as store:
        _fill(store, turns, _Talk(texts, _vectors(texts, embedder)), embedder.model_id)
        held = store.key
    filled = time.perf_counter() - begun
    openings = []
    for _ in range(_OPENINGS):
        begun = time.perf_counter()
        Store.open(path, key=held).close()
        openings.append(1000 * (time.perf_counter() - begun))
    with Store.open(path, key=held) as store:
        asked = recall_speed.ask(store, embedder, queries)
        facts = len(store.profile().active())
    size = round(path.stat().st_size / 2**20, 1)
    about = {"turns": turns, "facts": facts, "file_mb": size, "fill_s": round(filled, 1)}
    return {**about, "open_ms": round(statistics.median(openings), 1), **asked}


class InventedEmbedder(Embedder):
    """Gives every text a random unit vector of its own, at once and without a process."""

    def start(self) -> None:
        """There is nothing to start."""

    def wait_ready(self, timeout: float) -> bool:  # noqa: ARG002
        return True

    def embed(
        self,
        texts: list[str],
        *,
        timeout: float = 60.0,  # noqa: ARG002
        urgent: bool = False,  # noqa: ARG002
    ) -> list[bytes]:
        return [_direction(text) for text in texts]


def _direction(text: str) -> bytes:
    vector = np.random.default_rng(zlib.crc32(text.encode())).normal(size=384)
    return bytes((vector / np.linalg.norm(vector)).astype("<f4").tobytes())


class _Talk:
    """Endless turns of one seed, and their vectors."""

    def __init__(self, texts: list[str], vectors: list[Any]) -> None:
        self._texts, self._vectors = texts, vectors
        self._dice, self._noise = random.Random(11), np.random.default_rng(11)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        while True:
            chosen = [
                self._dice.randrange(len(self._texts)) for _ in range(self._dice.choice((1, 1, 2)))
            ]
            words = " ".join(self._rare_word() for _ in range(self._dice.randrange(6)))
            vector = sum(self._vectors[n] for n in chosen)
            vector = vector + self._noise.normal(0, recall_speed.NOISE, len(vector))
            data = (vector / np.linalg.norm(vector)).astype("<f4").tobytes()
            yield f"{' '.join(self._texts[n] for n in chosen)} {words}", data

    def _rare_word(self) -> str:
        """One of some fifty thousand, a few of them common: ranks as Zipf has them."""
        rank = int(50_000 ** self._dice.random())
        word = ""
        while rank or len(word) < 4:
            rank, syllable = divmod(rank, len(_SYLLABLES))
            word += _SYLLABLES[syllable]
        return word


def _vectors(texts: list[str], embedder: Embedder) -> list[Any]:
    embedder.start()
    if not embedder.wait_ready(1200.0):
        raise PocketAgentError("The embedder does not start", embedder.problem)
    made = embedder.embed([said("You", text) for text in texts], timeout=600.0)
    return [np.frombuffer(vector, dtype="<f4").astype(float) for vector in made]


def _fill(store: Store, count: int, talk: _Talk, model: str) -> None:
    spoken = enumerate(islice(iter(talk), count))
    while batch := list(islice(spoken, _BATCH)):
        store.add_turns(_turn(number, text) for number, (text, _) in batch)
        store.put_vectors(model, [PartVector(n + 1, 0, data) for n, (_, data) in batch])
    store.add_events(_event(number) for number in range(min(FACTS, count)))


def _turn(number: int, text: str) -> Turn:
    role = TurnRole.ASSISTANT if number % 2 else TurnRole.USER
    at = f"20{15 + number % 12}-{1 + number % 12:02}-{1 + number % 28:02}T10:00:00"
    return Turn(f"t{number}", f"s{number // recall_speed.SESSION}", role, text, at)


def _event(number: int) -> Event:
    value = f"thing {number}"
    source = Source(f"t{2 * number}", 0, len(value), value)
    at = "2026-01-01T10:00:00+00:00"
    return Event(number + 1, f"e{number}", at, Actor.USER, Op(OpKind.ADD, "hobby", value), source)


def run(turns: int, compared: int, invented: bool) -> dict[str, Any]:
    """The whole benchmark.

    Args:
        turns, compared: of the big store, and of the two that are compared; 0 for none of these.
        invented: do without the real embedder.

    Returns:
        vectors (how they were made), big, and with `compared` turns: plain, encrypted and ratio,
        the encrypted median over the plain one in the processor's time.
    """
    embedder = InventedEmbedder() if invented else Embedder()
    try:
        with tempfile.TemporaryDirectory() as folder:
            vectors = RANDOM if invented else REAL
            found = {"vectors": vectors, "big": measure(turns, embedder, Path(folder))}
        if compared:
            found |= recall_speed.compare(compared, embedder)
    finally:
        embedder.close()
    return found


def verdicts(found: dict[str, Any]) -> Iterator[str]:
    """A line a promise."""
    big = found["big"]
    yield f"# vectors: {found['vectors']}"
    yield _line(f"open, {big['turns']} turns, ms", big["open_ms"], OPEN_LIMIT_MS)
    yield _line(f"recall, {big['turns']} turns, median ms", big["median_ms"], RECALL_LIMIT_MS)
    yield f"     the processor's part of it, median ms: {big['cpu_ms']:g}"
    if "ratio" in found:
        turns = found["plain"]["turns"]
        yield _line(f"recall, {turns} turns, encrypted × plain", found["ratio"], RATIO_LIMIT)


def _line(what: str, figure: float, bound: float) -> str:
    return f"{'ok  ' if figure <= bound else 'MISS'} {what}: {figure:g} (≤ {bound:g})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.big_store",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--compare", type=int, default=10_000, help="turns; 0 leaves it out")
    parser.add_argument("--random", action="store_true", help="invent the vectors")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, help="write the JSON there too")
    options = parser.parse_args(arguments)
    try:
        found = run(options.turns, options.compare, options.random)
    except PocketAgentError as error:
        print(error, file=sys.stderr)
        return 1
    text = json.dumps(found, indent=1)
    if options.out:
        options.out.write_text(text)
    print(text if options.json else "\n".join(verdicts(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
