"""How varied the turns of some files are, within each and between them."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

from pocket_agent.training.records import Labelled, read_records

_SAMPLE = 400
"""Turns whose nearest neighbour is looked for, in a file."""
_AMONG = 4000
"""Turns among which it is looked for."""
Grams = frozenset[tuple[str, ...]]


def measure(paths: Sequence[Path], seed: int = 0) -> dict[str, Any]:
    """The variety of files of labelled turns.

    Returns:
        For each file: `turns`, `distinct_turns` (share), `distinct_1`, `distinct_2`, `distinct_3`
        (distinct n-grams over all n-grams), `facts` (share), `ops_per_turn`, `classes`, and
        `neighbour` (mean similarity of a turn to its nearest neighbour in the file: Jaccard index
        of word trigrams, on a sample). For each pair of files: that similarity across the two.

    Raises:
        UsageError: a file can't be read as labelled turns.
    """
    files = {str(path): read_records(path) for path in paths}
    grams = {name: _all_grams(records, seed) for name, records in files.items()}
    return {
        "files": {
            name: {**_counts(records), "neighbour": _nearest(grams[name], grams[name], same=True)}
            for name, records in files.items()
        },
        "across": [
            {"from": one, "to": two, "neighbour": _nearest(grams[one], grams[two], same=False)}
            for one, two in _pairs(files)
        ],
    }


def as_markdown(found: dict[str, Any]) -> str:
    """The measurements as two tables."""
    names = ("turns", "distinct_turns", "distinct_1", "distinct_2", "distinct_3", "neighbour")
    lines = ["| file | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, row in found["files"].items():
        lines.append(f"| {name} | " + " | ".join(f"{row[key]}" for key in names) + " |")
    if found["across"]:
        lines += ["", "| from | to | neighbour |", "|---|---|---|"]
        lines += [f"| {r['from']} | {r['to']} | {r['neighbour']} |" for r in found["across"]]
    return "\n".join(lines)


def _pairs(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Each file against those named before it: dev and test against train."""
    return ((two, one) for one, two in combinations(names, 2))


def _counts(records: list[Labelled]) -> dict[str, Any]:
    turns = [record.turn for record in records]
    classes: dict[str, int] = {}
    for record in records:
        classes[f"{record.kind}/{record.klass}"] = (
            classes.get(f"{record.kind}/{record.klass}", 0) + 1
        )
    return {
        "turns": len(turns),
        "distinct_turns": _share(len(set(turns)), len(turns)),
        **{f"distinct_{size}": _distinct(turns, size) for size in (1, 2, 3)},
        "facts": _share(sum(record.kind == "fact" for record in records), len(records)),
        "ops_per_turn": _share(sum(len(record.ops) for record in records), len(records)),
        "classes": dict(sorted(classes.items())),
    }


def _distinct(turns: Iterable[str], size: int) -> float:
    seen: set[tuple[str, ...]] = set()
    total = 0
    for turn in turns:
        found = _grams(turn, size)
        total += len(found)
        seen.update(found)
    return _share(len(seen), total)


def _grams(turn: str, size: int) -> list[tuple[str, ...]]:
    words = turn.casefold().split()
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def _all_grams(records: list[Labelled], seed: int) -> list[Grams]:
    """The word trigrams of a sample of the turns; shorter turns are one gram."""
    turns = sorted({record.turn for record in records})
    chosen = Random(seed).sample(turns, min(_AMONG, len(turns)))
    return [frozenset(_grams(turn, 3) or [tuple(turn.casefold().split())]) for turn in chosen]


def _nearest(ones: list[Grams], others: list[Grams], *, same: bool) -> float:
    """The mean over `ones` (a sample) of the greatest Jaccard index with one of `others`."""
    index: dict[tuple[str, ...], list[int]] = {}
    for at, grams in enumerate(others):
        for gram in grams:
            index.setdefault(gram, []).append(at)
    sample = ones[:_SAMPLE]
    total = 0.0
    for at, grams in enumerate(sample):
        near = {other for gram in grams for other in index.get(gram, ())}
        if same:
            near.discard(at)
        total += max((_jaccard(grams, others[other]) for other in near), default=0.0)
    return _share(total, len(sample))


def _jaccard(one: Grams, other: Grams) -> float:
    return len(one & other) / len(one | other)


def _share(part: float, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
