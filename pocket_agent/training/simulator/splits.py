"""Which split a pattern, a value or a noise class belongs to. The test split shares none.

A line's split is a hash of the line; a value's, a hash of the value. A pattern with values written
out in it binds them together: all that hangs together goes to one split.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from pocket_agent.errors import UsageError
from pocket_agent.profile.values import key
from pocket_agent.training.simulator.loading import Text
from pocket_agent.training.simulator.pattern import Pattern

SPLITS = ("train", "dev", "test")
HELD_OUT_NOISE = frozenset({"code", "quote"})
"""Noise classes that only the test split has."""

_DEV_FROM, _TEST_FROM = 78, 87  # of 100: 78 train, 9 dev, 13 test
_GIANT = 0.1
"""A bound group with more than this share of a split's patterns belongs to train."""

cached_key = lru_cache(maxsize=200_000)(key)


@dataclass(frozen=True, slots=True)
class Deck:
    """The part of the text that one split may use.

    Args:
        facts: patterns by slot and section. noise: by class. frames: by kind.
        values: by list. familiar: for each list, the keys of its values, to recognise known ones.
    """

    split: str
    facts: dict[tuple[str, str], list[Pattern]]
    noise: dict[str, list[Pattern]]
    frames: dict[str, list[Pattern]]
    values: dict[str, tuple[str, ...]]
    familiar: dict[str, frozenset[str]]


def split_of(text: str) -> str:
    """The split of a line or a value, by its hash."""
    number = int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") % 100
    return "train" if number < _DEV_FROM else "dev" if number < _TEST_FROM else "test"


def build_deck(text: Text, split: str) -> Deck:
    """The deck of one split.

    Raises:
        UsageError: no such split, or the text has nothing in it for that split.
    """
    if split not in SPLITS:
        raise UsageError(f"There is no split {split!r}", f"Splits: {', '.join(SPLITS)}.")
    patterns, bound = assign(text)
    values = {name: _values_of(text, name, split, bound) for name in text.values}
    deck = Deck(
        split=split,
        facts=defaultdict(list),
        noise=defaultdict(list),
        frames=defaultdict(list),
        values=values,
        familiar={name: frozenset(map(cached_key, held)) for name, held in values.items()},
    )
    for pattern in (*text.facts, *text.noise, *text.frames):
        if patterns[pattern.source] == split and _has_values(pattern, values):
            _file(deck, pattern)
    if not deck.facts or not deck.noise:
        raise UsageError(f"The text has no facts or no noise for the split {split}")
    return deck


def assign(text: Text) -> tuple[dict[str, str], dict[str, str]]:
    """The split of every pattern, by source, and of every value that patterns write out, by key."""
    splits = {p.source: split_of(p.line) for p in (*text.noise, *text.frames)}
    held_out = {p.source: "test" for p in text.noise if p.topic in HELD_OUT_NOISE}
    listed, closed = _listed(text)
    groups = _bound_groups(text.facts, closed)
    bound: dict[str, str] = {}
    for members in groups:
        values = {v for p in members for v in literals(p) if v not in closed}
        split = _group_split(members, values & listed, len(text.facts))
        splits.update({p.source: split for p in members})
        bound.update(dict.fromkeys(values, split))
    return {**splits, **held_out}, bound


def literals(pattern: Pattern) -> set[str]:
    """The keys of the values that the pattern writes out."""
    return {cached_key(gold.literal) for gold in pattern.golds if gold.literal}


def _group_split(members: list[Pattern], listed: set[str], total: int) -> str:
    if len(members) > max(_GIANT * total, 8):
        return "train"
    wanted = {split_of(value) for value in listed} or {split_of(min(p.line for p in members))}
    return wanted.pop() if len(wanted) == 1 else "train"


def _bound_groups(patterns: Iterable[Pattern], closed: set[str]) -> list[list[Pattern]]:
    """Patterns that share a written-out value, directly or through others (union-find)."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    found = list(patterns)
    for pattern in found:
        for value in literals(pattern) - closed:
            parent[root(f"value {value}")] = root(pattern.source)
    groups: dict[str, list[Pattern]] = defaultdict(list)
    for pattern in found:
        groups[root(pattern.source)].append(pattern)
    return list(groups.values())


def _listed(text: Text) -> tuple[set[str], set[str]]:
    """The keys of the values of open lists, and those of closed lists."""
    keys: dict[bool, set[str]] = {False: set(), True: set()}
    for held in text.values.values():
        keys[held.closed].update(map(cached_key, held.values))
    return keys[False] - keys[True], keys[True]


def _values_of(text: Text, name: str, split: str, bound: dict[str, str]) -> tuple[str, ...]:
    held = text.values[name]
    if held.closed:
        return held.values
    return tuple(v for v in held.values if _value_split(cached_key(v), bound) == split)


def _value_split(value: str, bound: dict[str, str]) -> str:
    return bound.get(value) or split_of(value)


def _has_values(pattern: Pattern, values: dict[str, tuple[str, ...]]) -> bool:
    wanted: dict[str, set[object]] = defaultdict(set)
    for at, fill in enumerate(pattern.fills()):
        wanted[fill.list].add(fill.index or at)
    return all(len(values[name]) >= len(needs) for name, needs in wanted.items())


def _file(deck: Deck, pattern: Pattern) -> None:
    if pattern.group == "slots":
        deck.facts[pattern.topic, pattern.section].append(pattern)
    elif pattern.group == "noise":
        deck.noise[pattern.topic].append(pattern)
    else:
        deck.frames[pattern.topic].append(pattern)
