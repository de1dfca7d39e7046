"""What an import changes, fact by fact, before and after."""

from dataclasses import dataclass

from pocket_agent.profile.facts import Fact, FactState, Profile
from pocket_agent.profile.slots import SINGLE
from pocket_agent.profile.values import key
from pocket_agent.profile.waiting import waiting

_Held = dict[tuple[str, str, str], Fact]


@dataclass(frozen=True, slots=True)
class Changes:
    """How two states of a profile differ.

    Args:
        added, removed: facts that hold now, or no longer. updated: pairs of old and new.
        waiting: new facts that wait for a yes or no. marked: facts that are locked, unlocked,
            pinned or unpinned now. unchanged: how many hold as before.
    """

    added: tuple[Fact, ...] = ()
    updated: tuple[tuple[Fact, Fact], ...] = ()
    removed: tuple[Fact, ...] = ()
    waiting: tuple[Fact, ...] = ()
    marked: tuple[Fact, ...] = ()
    unchanged: int = 0

    def __bool__(self) -> bool:
        return any((self.added, self.updated, self.removed, self.waiting, self.marked))


def compare(before: Profile, after: Profile) -> Changes:
    """How a profile has changed. A fact is known by what it says, whatever its id."""
    was, now = _held(before.active()), _held(after.active())
    new = {what: fact for what, fact in now.items() if what not in was}
    pairs, removed = [], []
    for what, old in was.items():
        if what in now:
            continue
        instead = _instead(after, old, new)
        if instead is None:
            removed.append(old)
        else:
            pairs.append((old, instead))
    replaced = {instead.id for _, instead in pairs}
    waited = _held(waiting(before))
    waits = [fact for what, fact in _held(waiting(after)).items() if what not in waited]
    both = [(was[what], fact) for what, fact in now.items() if what in was]
    marked = [b for a, b in both if (a.locked, a.pinned) != (b.locked, b.pinned)]
    return Changes(
        tuple(fact for fact in new.values() if fact.id not in replaced),
        tuple(pairs),
        tuple(removed),
        tuple(waits),
        tuple(marked),
        len(both) - len(marked),
    )


def _held(facts: list[Fact]) -> _Held:
    return {(fact.slot, key(fact.value), fact.polarity.value): fact for fact in facts}


def _instead(after: Profile, old: Fact, new: _Held) -> Fact | None:
    """The new fact in the place of one that holds no longer."""
    if old.slot in SINGLE:
        return next((fact for fact in new.values() if fact.slot == old.slot), None)
    fresh = {fact.id: fact for fact in new.values()}
    fact, seen = after.facts.get(old.id), set()
    while fact is not None and fact.state is FactState.SUPERSEDED and fact.id not in seen:
        seen.add(fact.id)
        fact = after.facts.get(fact.replaced_by)
    return fresh.get(fact.id) if fact is not None else None
