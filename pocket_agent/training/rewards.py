"""The reward of one decision: exact agreement with what the turn reveals. Deterministic, no judge.

Method: the set reward of DESIGN's "reward is deterministic", in the spirit of RLPA (2505.15456) and
Memory-R1 (2508.19828), but on sets of facts rather than by a model's opinion: gold is exact here.
Format counts for nothing: the grammar that the policy decodes under guarantees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Op, OpKind
from pocket_agent.profile.values import key
from pocket_agent.training.evaluation.matching import pair_up, token_f1, writes
from pocket_agent.training.records import profile_after


@dataclass(frozen=True, slots=True)
class Prices:
    """What each kind of mistake costs; a turn read perfectly earns 1.

    Args:
        slot: share of a found fact's worth that its slot carries. polarity: the same.
        invented: for each write that gold does not ask for, on a turn with facts.
        noisy: for any write on a turn that says nothing.
        stale: for each old value that should have gone and stands.
        lost: for each fact that still holds and was retired: consistency across sessions.
        duplicate: for each write that says again what is known.
    """

    slot: float = 0.3
    polarity: float = 0.3
    invented: float = 0.35
    noisy: float = 1.0
    stale: float = 0.5
    lost: float = 1.0
    duplicate: float = 0.3


DEFAULT = Prices()


def reward(
    known: Sequence[Known], gold: Sequence[Op], made: Sequence[Op], prices: Prices = DEFAULT
) -> float:
    """The reward of the ops `made` where `gold` was right, in [-2, 1].

    Args:
        known: the profile before the turn.
    """
    if not gold:
        return 1.0 if not made else max(-2.0, -prices.noisy - _lost(known, gold, made, prices))
    asked = len(writes(gold)) + sum(op.kind is OpKind.REMOVE for op in gold)
    earned = _found(gold, made, prices) + _removed(known, gold, made)
    total = earned / asked
    total -= prices.invented * _invented(gold, made)
    total -= prices.stale * _stale(known, gold, made)
    total -= prices.duplicate * _duplicates(known, made)
    total -= _lost(known, gold, made, prices)
    return max(-2.0, min(1.0, total))


def _found(gold: Sequence[Op], made: Sequence[Op], prices: Prices) -> float:
    """Worth of the gold writes that were found: value overlap, less wrong slot or polarity."""
    worth = 0.0
    for pair in pair_up(writes(gold), writes(made)):
        value = token_f1(pair.gold.value, pair.predicted.value)
        wrong = prices.slot * (not pair.slot_right) + prices.polarity * (not pair.polarity_right)
        worth += value * (1.0 - wrong)
    return worth


def _removed(known: Sequence[Known], gold: Sequence[Op], made: Sequence[Op]) -> int:
    wanted = [(op.slot, key(op.value)) for op in gold if op.kind is OpKind.REMOVE]
    after = _held(known, made)
    return sum(item not in after for item in wanted)


def _invented(gold: Sequence[Op], made: Sequence[Op]) -> int:
    return len(writes(made)) - len(pair_up(writes(gold), writes(made)))


def _stale(known: Sequence[Known], gold: Sequence[Op], made: Sequence[Op]) -> int:
    """Old values that gold retires and that would still stand."""
    return len((_held(known, ()) - _held(known, gold)) & _held(known, made))


def _lost(known: Sequence[Known], gold: Sequence[Op], made: Sequence[Op], prices: Prices) -> float:
    """Facts that survive gold and do not survive what was made."""
    return prices.lost * len((_held(known, gold) & _held(known, ())) - _held(known, made))


def _duplicates(known: Sequence[Known], made: Sequence[Op]) -> int:
    held = {(fact.slot, key(fact.value), fact.polarity) for fact in known}
    return sum((op.slot, key(op.value), op.polarity) in held for op in writes(made))


def _held(known: Sequence[Known], ops: Sequence[Op]) -> frozenset[tuple[str, str]]:
    profile = profile_after(known, ops)
    return frozenset((fact.slot, key(fact.value)) for fact in profile.active())
