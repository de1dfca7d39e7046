"""How long recall takes over many turns, embedding aside.

    python -m benchmarks.recall_speed [--turns 10000] [--encrypted | --compare] [--json]

The turns are made of sentences of the small conversation set, several to a turn, so that words are
as frequent as in talk; a turn's vector is the mean of its sentences' real vectors, with noise.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conversations import read_conversations
from benchmarks.recall import HERE
from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.passages import said
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector

SESSION = 24
"""Turns of a conversation."""
NOISE = 0.03


def measure(turns: int, key: str | None, embedder: Embedder) -> dict[str, Any]:
    """Fill a store with so many turns and put every question of the small set to it.

    Returns:
        turns, questions, and in milliseconds median_ms, cpu_ms (the median of the processor's
        time, whatever else the machine does), p95_ms, longest_ms and embed_ms.
    """
    conversations = read_conversations(HERE / "turns.jsonl", HERE / "questions.jsonl")
    texts = [turn.text for conversation in conversations for turn in conversation.turns]
    queries = [question.query for c in conversations for question in c.questions]
    embedder.start()
    if not embedder.wait_ready(1200.0):
        raise PocketAgentError("The embedder does not start", embedder.problem)
    known = [_array(vector) for vector in embedder.embed([said("You", text) for text in texts])]
    with tempfile.TemporaryDirectory() as folder:
        with Store.open(Path(folder) / "many.db", key=key) as store:
            _fill(store, turns, texts, known, embedder.model_id)
        with Store.open(Path(folder) / "many.db", key=key) as store:
            return {"turns": turns, "encrypted": bool(key), **ask(store, embedder, queries)}


def compare(turns: int, embedder: Embedder) -> dict[str, Any]:
    """The same for a plain and an encrypted store in one run.

    Returns:
        plain and encrypted, as `measure` has them, and ratio: the encrypted median over the plain
        one, in the processor's time, which other work on the machine disturbs least.
    """
    plain = measure(turns, None, embedder)
    encrypted = measure(turns, "benchmark", embedder)
    ratio = round(encrypted["cpu_ms"] / plain["cpu_ms"], 2)
    return {"plain": plain, "encrypted": encrypted, "ratio": ratio}


def _fill(store: Store, count: int, texts: list[str], known: list[Any], model: str) -> None:
    dice, noise = random.Random(7), np.random.default_rng(7)
    turns, vectors = [], []
    for number in range(count):
        chosen = [dice.randrange(len(texts)) for _ in range(dice.choice((1, 1, 2, 3)))]
        role = TurnRole.ASSISTANT if number % 2 else TurnRole.USER
        text = " ".join(texts[n] for n in chosen)
        at = f"2025-{1 + number % 12:02}-{1 + number % 28:02}T10:00:00"
        turns.append(Turn(f"t{number}", f"s{number // SESSION}", role, text, at))
        vector = sum(known[n] for n in chosen) + noise.normal(0, NOISE, len(known[0]))
        data = (vector / np.linalg.norm(vector)).astype("<f4").tobytes()
        vectors.append(PartVector(number + 1, 0, data))
    store.add_turns(turns)
    store.put_vectors(model, vectors)


def ask(store: Store, embedder: Embedder, queries: list[str]) -> dict[str, Any]:
    """Put the questions to a store, and say how long they took, as `measure` returns it."""
    recaller = Recaller(store, embedder)
    searches, work, embeddings = [], [], []
    for query in queries:
        begun = time.perf_counter()
        vector = recaller.embed(query, timeout=60.0)
        embedded, busy = time.perf_counter(), time.thread_time()
        recaller.recall_vector(query, vector, 10)
        searches.append(1000 * (time.perf_counter() - embedded))
        work.append(1000 * (time.thread_time() - busy))
        embeddings.append(1000 * (embedded - begun))
    return {
        "questions": len(queries),
        "median_ms": round(statistics.median(searches), 1),
        "cpu_ms": round(statistics.median(work), 1),
        "p95_ms": round(statistics.quantiles(searches, n=20)[-1], 1),
        "longest_ms": round(max(searches), 1),
        "embed_ms": round(statistics.median(embeddings), 1),
    }


def _array(vector: bytes) -> Any:
    return np.frombuffer(vector, dtype="<f4").astype(float)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recall_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--turns", type=int, default=10_000)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--encrypted", action="store_true")
    kind.add_argument("--compare", action="store_true", help="plain and encrypted, and their ratio")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    embedder = Embedder()
    try:
        if options.compare:
            found = compare(options.turns, embedder)
        else:
            found = measure(options.turns, "benchmark" if options.encrypted else None, embedder)
    except PocketAgentError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        embedder.close()
    print(json.dumps(found) if options.json else "\n".join(f"{k:12} {v}" for k, v in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
