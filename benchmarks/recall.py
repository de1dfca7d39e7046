"""How much recall brings back: mean recall@k of any conversations, and milliseconds a question.

    python -m benchmarks.recall                                  # the small set that comes with it
    python -m benchmarks.recall --turns T.jsonl --questions Q.jsonl -k 5,10

One JSON object a line. Turns: `{"store", "id", "session", "date", "speaker" (optional), "role":
"user" | "assistant", "text"}`, in the order they were said. Questions: `{"id", "store", "query",
"gold": [ids of turns], "kind" (optional)}`. Each store is put into a file of its own by the
product's own `Store`, embedded by its own `Indexer` and searched by its own `Recaller`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.conversations import Conversation, Question, read_conversations
from pocket_agent.errors import PocketAgentError, UsageError
from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.indexer import Indexer
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.store import Store

HERE = Path(__file__).parent / "data" / "recall"
MODES = ("combined", "words", "dense")
BATCH = 16
"""Texts of like length embedded at a time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question brought back.

    Args:
        found: ids of turns, the nearest first.
        embed_ms, search_ms: what the question's vector cost, and all the rest.
    """

    question: Question
    mode: str
    found: tuple[str, ...]
    embed_ms: float
    search_ms: float

    def recall(self, k: int) -> float:
        """The share of the gold turns among the first k."""
        return len(set(self.question.gold) & set(self.found[:k])) / len(self.question.gold)


class RememberingEmbedder(Embedder):
    """Several processes as one embedder, and no turn twice: public sets repeat whole sessions.

    Args:
        processes: of one thread each; threads would wait for one another on a busy machine.
    """

    def __init__(self, processes: int) -> None:
        super().__init__(batch=BATCH)
        self._others = [Embedder(batch=BATCH) for _ in range(processes - 1)]
        self._known: dict[str, bytes] = {}

    def start(self) -> None:
        super().start()
        for other in self._others:
            other.start()

    def wait_ready(self, timeout: float) -> bool:
        return super().wait_ready(timeout) and all(o.wait_ready(timeout) for o in self._others)

    def embed(
        self, texts: list[str], *, timeout: float = 60.0, urgent: bool = False
    ) -> list[bytes]:
        if urgent:
            return super().embed(texts, timeout=timeout, urgent=True)
        new = sorted({text for text in texts if text not in self._known}, key=len)
        sides = [super().embed, *(other.embed for other in self._others)]
        shares = [new[at :: len(sides)] for at in range(len(sides))]
        with ThreadPoolExecutor(len(sides)) as pool:
            done = pool.map(lambda side, share: side(share, timeout=timeout), sides, shares)
            for share, vectors in zip(shares, done, strict=True):
                self._known.update(zip(share, vectors, strict=True))
        return [self._known[text] for text in texts]

    def close(self) -> None:
        super().close()
        for other in self._others:
            other.close()


def answers(
    conversations: Sequence[Conversation], embedder: Embedder, modes: Sequence[str], k: int
) -> Iterator[Answer]:
    """Store, embed and question each conversation in turn."""
    with tempfile.TemporaryDirectory() as folder:
        for number, conversation in enumerate(conversations):
            with Store.open(Path(folder) / f"{number}.db") as store:
                store.add_turns(conversation.turns)
                if modes != ["words"]:
                    _embed(store, embedder)
                yield from _ask(store, embedder, conversation, modes, k)


def _embed(store: Store, embedder: Embedder) -> None:
    indexer = Indexer(store, embedder, batch=64)
    try:
        while not indexer.wait_idle(1.0):
            if embedder.problem:
                raise PocketAgentError(embedder.problem)
    finally:
        indexer.close()


def _ask(
    store: Store, embedder: Embedder, conversation: Conversation, modes: Sequence[str], k: int
) -> Iterator[Answer]:
    recallers = {
        "combined": Recaller(store, embedder),
        "dense": Recaller(store, embedder, use_words=False),
        "words": Recaller(store),
    }
    for question in conversation.questions:
        for mode in modes:
            begun = time.perf_counter()
            vector = recallers[mode].embed(question.query, timeout=60.0)
            embedded = time.perf_counter()
            found = recallers[mode].recall_vector(question.query, vector, k)
            ended = time.perf_counter()
            ids = tuple(recalled.turn.id for recalled in found)
            costs = 1000 * (embedded - begun), 1000 * (ended - embedded)
            yield Answer(question, mode, ids, *costs)


def report(found: Sequence[Answer], ks: Sequence[int]) -> dict[str, Any]:
    """Mean recall@k of each mode, over all questions and by kind, and the median times."""
    modes: dict[str, Any] = {}
    for mode in dict.fromkeys(answer.mode for answer in found):
        mine = [answer for answer in found if answer.mode == mode]
        kinds: dict[str, list[Answer]] = defaultdict(list)
        for answer in mine:
            kinds[answer.question.kind or "all"].append(answer)
        modes[mode] = {
            **_means(mine, ks),
            "search_ms": round(statistics.median(a.search_ms for a in mine), 2),
            "embed_ms": round(statistics.median(a.embed_ms for a in mine), 2),
            "kinds": {kind: _means(these, ks) for kind, these in sorted(kinds.items())},
        }
    return {"modes": modes}


def _means(found: Sequence[Answer], ks: Sequence[int]) -> dict[str, Any]:
    means = {f"recall@{k}": round(statistics.mean(a.recall(k) for a in found), 4) for k in ks}
    return {"questions": len(found), **means}


def show(result: dict[str, Any], ks: Sequence[int]) -> Iterator[str]:
    """The report as a table."""
    heads = "".join(f"{f'recall@{k}':>11}" for k in ks)
    yield f"{'':22}{'questions':>10}{heads}{'ms a question':>15}{'+ embedding':>13}"
    for mode, found in result["modes"].items():
        times = f"{found['search_ms']:15.1f}{found['embed_ms']:13.1f}"
        yield _line(mode, found, ks) + times
        if len(found["kinds"]) > 1:
            yield from (_line(f"  {kind}", row, ks) for kind, row in found["kinds"].items())


def _line(name: str, row: dict[str, Any], ks: Sequence[int]) -> str:
    return f"{name:22}{row['questions']:10}" + "".join(f"{row[f'recall@{k}']:11.3f}" for k in ks)


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("k is at least 1")
    return numbers


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recall",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--turns", type=Path, default=HERE / "turns.jsonl")
    parser.add_argument("--questions", type=Path, default=HERE / "questions.jsonl")
    parser.add_argument("-k", type=_numbers, default=[5, 10], metavar="5,10")
    parser.add_argument("--mode", choices=(*MODES, "all"), default="all")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that embed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="write what came back, JSONL")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    options = _parse(arguments)
    modes = list(MODES) if options.mode == "all" else [options.mode]
    embedder = RememberingEmbedder(max(1, options.processes))
    try:
        conversations = read_conversations(options.turns, options.questions)
        found = list(answers(conversations, embedder, modes, max(options.k)))
        if options.answers:
            options.answers.write_text("".join(_record(answer) for answer in found))
    except (PocketAgentError, OSError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    finally:
        embedder.close()
    result = {"turns": sum(len(c.turns) for c in conversations), **report(found, options.k)}
    print(json.dumps(result, indent=2) if options.json else "\n".join(show(result, options.k)))
    return 0


def _record(answer: Answer) -> str:
    question = answer.question
    row = {"id": question.id, "mode": answer.mode, "gold": question.gold, "found": answer.found}
    return json.dumps(row) + "\n"


if __name__ == "__main__":
    sys.exit(main())
