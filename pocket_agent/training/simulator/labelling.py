"""From a finished turn to its gold: the ops its brackets stand for, applied by the product's rules.

A turn whose ops would not do what its text says is refused (None) and another is drawn.
"""

from collections.abc import Sequence

from pocket_agent.errors import ProfileError
from pocket_agent.policy.state import Known, may_end
from pocket_agent.profile.facts import Actor, Event, Op, OpKind, Polarity, Profile, Source
from pocket_agent.profile.rules import Outcome, apply
from pocket_agent.profile.slots import SINGLE
from pocket_agent.profile.values import clean
from pocket_agent.training.simulator.filling import Part, golds, strip
from pocket_agent.training.simulator.pattern import CHANGES, TURNS, Gold
from pocket_agent.training.simulator.splits import cached_key

_LASTING = frozenset({"name", "birthday", "origin", "gender"})
"""Slots that are said once: nobody has a new birthday, except to correct a slip."""
_WANTED = {
    OpKind.ADD: (Outcome.ADDED, Outcome.UPDATED),
    OpKind.UPDATE: (Outcome.UPDATED,),
    OpKind.REMOVE: (Outcome.REMOVED,),
}


class Ledger:
    """A person's profile as gold has it, and the numbering of its events."""

    def __init__(self) -> None:
        self.profile = Profile()
        self.known: tuple[Known, ...] = ()
        self._seq = 0

    def try_ops(self, ops: Sequence[Op], turn: str, assistant: str) -> Profile | None:
        """The profile after `ops`, or None if one of them is refused or changes nothing.

        As ops of the policy they are refused too where a value is no run of the words said.
        """
        profile = self.profile
        for at, op in enumerate(ops, self._seq + 1):
            source = Source("turn", 0, len(turn), turn, question=assistant)
            event = Event(at, f"f{at}", f"{at:09d}", Actor.POLICY, op, source)
            try:
                applied = apply(profile, event)
            except ProfileError:
                return None
            if applied.outcome not in _WANTED[op.kind]:
                return None
            profile = applied.profile
        return profile

    def accept(self, profile: Profile, ops: Sequence[Op]) -> None:
        """Go on from `profile`."""
        if ops:
            self._seq += len(ops)
            self.profile = profile
            self.known = tuple(Known(f.slot, f.value, f.polarity) for f in profile.active())


def label(
    parts: Sequence[Part], assistant: str, turn: str, known: Sequence[Known]
) -> list[Op] | None:
    """The ops of a turn.

    Args:
        parts: what it is made of, in order.
        assistant, turn: finished, still marked.
        known: the profile before it.

    Returns:
        The ops in the order of the text; None where the gold would not be exact.
    """
    plain = assistant + "\n" + turn
    values = golds(plain)
    wanted = [gold for part in parts for gold in part.pattern.golds]
    if len(values) != len(wanted):
        return None
    ops: list[Op] = []
    given = iter(values)
    for part in parts:
        mine = [clean(next(given)) for _ in part.pattern.golds]
        made = _part_ops(part, mine, known, strip(plain))
        if made is None:
            return None
        ops += made
    return ops if _distinct(ops) else None


def _part_ops(part: Part, values: list[str], known: Sequence[Known], said: str) -> list[Op] | None:
    pattern, old = part.pattern, part.old
    ops: list[Op] = []
    if part.restated:
        return ops
    if pattern.section == "drops" and old is not None:
        ops.append(Op(OpKind.REMOVE, old.slot, old.value, polarity=old.polarity))
    replaced = False
    for gold, value in zip(pattern.golds, values, strict=True):
        op: Op | None
        changes = gold.slot == pattern.topic and pattern.section in CHANGES and not replaced
        if changes and old and may_end(old, said):
            replaced = True
            op = _update(gold, value, old, known)
        elif gold.has_old and pattern.section in TURNS and old:
            op = Op(OpKind.ADD, gold.slot, value, polarity=gold.polarity)
        else:
            op = _add(gold, value, known)
        if op is None:
            return None
        ops.append(op)
    return ops


def _update(gold: Gold, value: str, old: Known, known: Sequence[Known]) -> Op | None:
    if _held(gold.slot, value, known):
        return None
    return Op(OpKind.UPDATE, gold.slot, value, old=old.value, polarity=gold.polarity)


def _add(gold: Gold, value: str, known: Sequence[Known]) -> Op | None:
    """An add; where a single-valued slot holds something else, an update of that."""
    if _held(gold.slot, value, known):
        return None
    if gold.slot in SINGLE:
        rival = next((k for k in known if k.slot == gold.slot), None)
        if rival is not None:
            if gold.slot in _LASTING:
                return None
            return Op(OpKind.UPDATE, gold.slot, value, old=rival.value, polarity=Polarity.LIKES)
    return Op(OpKind.ADD, gold.slot, value, polarity=gold.polarity)


def _held(slot: str, value: str, known: Sequence[Known]) -> bool:
    wanted = cached_key(value)
    return any(k.slot == slot and cached_key(k.value) == wanted for k in known)


def _distinct(ops: Sequence[Op]) -> bool:
    """No value twice in a slot, and no single-valued slot twice."""
    slots = [(op.slot, "" if op.slot in SINGLE else cached_key(op.value)) for op in ops]
    return len(slots) == len(set(slots))
