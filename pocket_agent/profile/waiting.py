"""What waits for the person's yes or no, and what need not be asked again. Pure.

Two kinds wait: a candidate, which a yes makes a fact, and a doubt, by which a yes ends a fact that
stands. A no is remembered: the same question does not come twice.
"""

from collections.abc import Iterable, Sequence

from pocket_agent.profile.facts import Event, Fact, FactState, Op, OpKind, Polarity, Profile
from pocket_agent.profile.slots import SINGLE
from pocket_agent.profile.values import key


def waiting(profile: Profile) -> list[Fact]:
    """The candidates, and the doubts about facts that still stand, in the order they came."""
    return [fact for fact in profile.facts.values() if _is_open(profile, fact)]


def doubted(profile: Profile, doubt: Fact) -> Fact | None:
    """The fact that a doubt is about, if it stands and is no newer than the doubt."""
    held = _told(profile, FactState.ACTIVE, doubt.slot, doubt.value, doubt.polarity)
    return next((fact for fact in held if fact.learnt <= doubt.learnt), None)


def stands(profile: Profile, fact: Fact) -> bool:
    """Whether an active fact says the same."""
    return bool(_told(profile, FactState.ACTIVE, fact.slot, fact.value, fact.polarity))


def asked_already(profile: Profile, fact: Fact) -> bool:
    """Whether it was asked, since we know this fact, if it still holds."""
    doubts = _told(profile, FactState.DOUBT, fact.slot, fact.value, fact.polarity)
    noes = _told(profile, FactState.REJECTED, fact.slot, fact.value, fact.polarity)
    return any(doubt.learnt >= fact.learnt for doubt in doubts) or any(
        no.ended >= fact.learnt for no in noes
    )


def declined(profile: Profile, event: Event, stands: Fact | None = None) -> bool:
    """Whether the person has said no to what an event states.

    That is so if the no was to the same source; or, where a protected fact stands against it, if
    that fact stood when they said so: it is the same contradiction.
    """
    op, source = event.op, event.source
    turn = source.turn if source else ""
    return any(
        (turn != "" and any(said.turn == turn for said in fact.sources))
        or (stands is not None and fact.ended >= stands.learnt)
        for fact in _told(profile, FactState.REJECTED, op.slot, op.value, op.polarity)
    )


def rival_of(profile: Profile, fact: Fact, old: str = "") -> Fact | None:
    """The active fact that makes way if a candidate is confirmed.

    Args:
        old: the value that the candidate is meant to replace, if one was named.
    """
    here = profile.active(fact.slot)
    for value in filter(None, (old, fact.value)):
        found = next((held for held in here if key(held.value) == key(value)), None)
        if found is not None:
            return found
    return next(iter(here), None) if fact.slot in SINGLE else None


def named_rival(fact: Fact, events: Iterable[Event]) -> str:
    """The value that the event which proposed a candidate was to replace, or an empty string."""
    made = next((event for event in events if event.id == fact.id), None)
    return made.op.old if made is not None and made.op.kind is OpKind.UPDATE else ""


def answers(facts: Sequence[Fact], events: Sequence[Event], *, yes: bool) -> list[Op]:
    """The ops that say yes or no to what waits.

    Args:
        events: the log, which knows what a candidate was meant to replace.
    """
    if not yes:
        return [Op(OpKind.REJECT, fact=fact.id) for fact in facts]
    olds = {e.id: e.op.old for e in events if e.op.kind is OpKind.UPDATE}
    named = [(fact, olds.get(fact.id, "")) for fact in facts]
    return [
        Op(OpKind.CONFIRM, fact.slot if old else "", old=old, fact=fact.id) for fact, old in named
    ]


def _is_open(profile: Profile, fact: Fact) -> bool:
    if fact.state is FactState.DOUBT:
        return doubted(profile, fact) is not None
    return fact.state is FactState.CANDIDATE


def _told(
    profile: Profile, state: FactState, slot: str, value: str, polarity: Polarity
) -> list[Fact]:
    """The facts of that state which say this."""
    said = profile.saying(slot, value)
    return [fact for fact in said if fact.state is state and fact.polarity is polarity]
