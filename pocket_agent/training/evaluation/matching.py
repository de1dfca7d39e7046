"""When a predicted edit is the one that gold asks for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pocket_agent.profile.facts import Op, OpKind
from pocket_agent.profile.values import key

SAME_VALUE = 0.5
"""Token F1 from which two spans count as the same fact: "diet" is not "strict gluten-free diet"
(0.4), "gluten-free diet" is (0.8). The exact match is reported beside it."""

WRITES = (OpKind.ADD, OpKind.UPDATE)


@dataclass(frozen=True, slots=True)
class Pair:
    """A gold write and the predicted write that stands for it."""

    gold: Op
    predicted: Op

    @property
    def slot_right(self) -> bool:
        return self.gold.slot == self.predicted.slot

    @property
    def polarity_right(self) -> bool:
        return self.gold.polarity is self.predicted.polarity

    @property
    def exact(self) -> bool:
        same = key(self.gold.value) == key(self.predicted.value)
        return same and self.slot_right and self.polarity_right


def writes(ops: Sequence[Op]) -> list[Op]:
    """The ops that put a value into the profile."""
    return [op for op in ops if op.kind in WRITES]


def pair_up(gold: Sequence[Op], predicted: Sequence[Op]) -> list[Pair]:
    """Match gold and predicted writes one to one, the most alike first (by value, then slot)."""
    scored = sorted(
        (
            (token_f1(g.value, p.value), g.slot == p.slot, i, j)
            for i, g in enumerate(gold)
            for j, p in enumerate(predicted)
        ),
        reverse=True,
    )
    used_gold: set[int] = set()
    used_predicted: set[int] = set()
    pairs = []
    for score, _, i, j in scored:
        if score >= SAME_VALUE and i not in used_gold and j not in used_predicted:
            used_gold.add(i)
            used_predicted.add(j)
            pairs.append(Pair(gold[i], predicted[j]))
    return pairs


def token_f1(one: str, other: str) -> float:
    """Overlap of the words of two values, in [0, 1]."""
    a, b = Counter(key(one).split()), Counter(key(other).split())
    shared = sum((a & b).values())
    if not shared:
        return 0.0
    precision, recall = shared / sum(b.values()), shared / sum(a.values())
    return 2 * precision * recall / (precision + recall)


def main_action(ops: Sequence[Op]) -> str:
    """One word for a turn: update before remove before add; none if nothing is done."""
    kinds = {op.kind for op in ops}
    for kind in (OpKind.UPDATE, OpKind.REMOVE, OpKind.ADD):
        if kind in kinds:
            return kind.value
    return OpKind.NONE.value
