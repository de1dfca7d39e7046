"""Measures of single turns: what is found, what is invented, what is wrongly removed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pocket_agent.profile.facts import Op, OpKind
from pocket_agent.profile.values import key
from pocket_agent.training.evaluation.matching import Pair, main_action, pair_up, writes
from pocket_agent.training.records import Labelled, profile_after


@dataclass(frozen=True)
class Judged:
    """A labelled turn and what the policy did with it, at gold's profile.

    Args:
        seconds: wall time of the decision.
    """

    record: Labelled
    ops: tuple[Op, ...]
    seconds: float

    @cached_property
    def pairs(self) -> list[Pair]:
        """Gold writes and the predicted ones that stand for them (the bootstrap asks often)."""
        return pair_up(writes(self.record.ops), writes(self.ops))

    @cached_property
    def after(self) -> frozenset[tuple[str, str]]:
        """Slot and value of every fact that holds after the policy's ops, by our rules."""
        profile = profile_after(self.record.known, self.ops)
        return frozenset((fact.slot, key(fact.value)) for fact in profile.active())


Measure = Callable[[Sequence[Judged]], float]


def ratio(part: float, whole: float) -> float:
    """part / whole; not a number where there is nothing to measure."""
    return part / whole if whole else float("nan")


def recall(turns: Sequence[Judged]) -> float:
    """Share of gold writes that are found (by value)."""
    gold = sum(len(writes(t.record.ops)) for t in turns)
    return ratio(sum(len(t.pairs) for t in turns), gold)


def precision(turns: Sequence[Judged]) -> float:
    """Share of predicted writes that gold asks for (by value)."""
    made = sum(len(writes(t.ops)) for t in turns)
    return ratio(sum(len(t.pairs) for t in turns), made)


def f1(turns: Sequence[Judged]) -> float:
    """Harmonic mean of the two."""
    r, p = recall(turns), precision(turns)
    return ratio(2 * r * p, r + p)


def exact_f1(turns: Sequence[Judged]) -> float:
    """F1 where slot, polarity and value must be gold's exactly."""
    right = sum(sum(pair.exact for pair in t.pairs) for t in turns)
    both = sum(len(writes(t.record.ops)) + len(writes(t.ops)) for t in turns)
    return ratio(2 * right, both)


def slot_accuracy(turns: Sequence[Judged]) -> float:
    """Share of found facts that are in gold's slot."""
    pairs = [pair for t in turns for pair in t.pairs]
    return ratio(sum(pair.slot_right for pair in pairs), len(pairs))


def polarity_accuracy(turns: Sequence[Judged]) -> float:
    """Share of found facts with gold's polarity."""
    pairs = [pair for t in turns for pair in t.pairs]
    return ratio(sum(pair.polarity_right for pair in pairs), len(pairs))


def false_writes(turns: Sequence[Judged]) -> float:
    """Share of noise turns on which anything is done."""
    noise = [t for t in turns if t.record.kind == "noise"]
    return ratio(sum(bool(t.ops) for t in noise), len(noise))


def stale(turns: Sequence[Judged]) -> float:
    """Share of gold updates after which the old value would still stand."""
    return ratio(*_updates(turns, lambda t, op: not _retired(t, op)))


def adopted(turns: Sequence[Judged]) -> float:
    """Share of gold updates whose new value is found."""
    return ratio(*_updates(turns, lambda t, op: any(pair.gold is op for pair in t.pairs)))


def removal_recall(turns: Sequence[Judged]) -> float:
    """Share of gold removals that are made."""
    gold = [(t, op) for t in turns for op in t.record.ops if op.kind is OpKind.REMOVE]
    return ratio(sum(_retired_value(t, op.slot, op.value) for t, op in gold), len(gold))


def over_deletion(turns: Sequence[Judged]) -> float:
    """Share of purely additive turns on which something that still holds is retired."""
    additive = [
        t
        for t in turns
        if t.record.ops and all(op.kind is OpKind.ADD for op in t.record.ops) and t.record.known
    ]
    lost = sum(any(op.kind in (OpKind.REMOVE, OpKind.UPDATE) for op in t.ops) for t in additive)
    return ratio(lost, len(additive))


MEASURES: dict[str, Measure] = {
    "recall": recall,
    "precision": precision,
    "f1": f1,
    "exact_f1": exact_f1,
    "slot_accuracy": slot_accuracy,
    "polarity_accuracy": polarity_accuracy,
    "false_writes": false_writes,
    "adopted": adopted,
    "stale": stale,
    "removal_recall": removal_recall,
    "over_deletion": over_deletion,
}


def false_writes_by_class(turns: Sequence[Judged]) -> dict[str, tuple[float, int]]:
    """For each noise class: the share written on, and how many turns there are."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for turn in turns:
        if turn.record.kind == "noise":
            groups[turn.record.klass].append(turn)
    return {name: (false_writes(group), len(group)) for name, group in sorted(groups.items())}


def recall_by_class(turns: Sequence[Judged]) -> dict[str, tuple[float, int]]:
    """For each fact class: recall, and how many gold writes there are."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for turn in turns:
        if turn.record.kind == "fact":
            groups[turn.record.klass].append(turn)
    return {
        name: (recall(group), sum(len(writes(t.record.ops)) for t in group))
        for name, group in sorted(groups.items())
    }


def confusion(turns: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Gold's action against the policy's: add, update, remove, none."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for turn in turns:
        table[main_action(turn.record.ops)][main_action(turn.ops)] += 1
    return {gold: dict(row) for gold, row in sorted(table.items())}


def _updates(turns: Sequence[Judged], holds: Callable[[Judged, Op], bool]) -> tuple[float, float]:
    found = [(t, op) for t in turns for op in t.record.ops if op.kind is OpKind.UPDATE]
    return sum(holds(t, op) for t, op in found), len(found)


def _retired(turn: Judged, gold: Op) -> bool:
    return _retired_value(turn, gold.slot, gold.old)


def _retired_value(turn: Judged, slot: str, value: str) -> bool:
    return (slot, key(value)) not in turn.after
