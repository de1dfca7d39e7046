"""What one event does to the profile: adding, updating, removing, marking, asking, answering."""

from dataclasses import replace

from pocket_agent.profile.facts import (
    Actor,
    Event,
    Fact,
    FactState,
    Op,
    OpKind,
    Polarity,
    Profile,
)
from pocket_agent.profile.outcomes import Applied, Outcome
from pocket_agent.profile.slots import SINGLE
from pocket_agent.profile.values import clean, key
from pocket_agent.profile.waiting import asked_already, declined, doubted

CONFIDENT = 0.5
"""Below this, what the policy or an import says waits as a candidate for a yes or no."""
WAITS = CONFIDENT / 2
"""The confidence that what waits is recorded with."""

_GONE = (FactState.SUPERSEDED, FactState.RETRACTED)


def step(profile: Profile, event: Event) -> Applied:
    """One event of a log that is replayed: as `apply`, but not checked again. An undo is none."""
    event = _by_its_name(profile, event)
    match event.op.kind:
        case OpKind.NONE:
            return Applied(profile, Outcome.UNCHANGED)
        case OpKind.ADD:
            return _add(profile, event)
        case OpKind.UPDATE:
            return _update(profile, event)
        case OpKind.REMOVE:
            return _remove(profile, event)
        case OpKind.CONFIRM:
            return _confirm(profile, event)
        case OpKind.REJECT:
            return _reject(profile, event)
        case _:
            return _mark(profile, event)


def is_waiting(fact: Fact | None) -> bool:
    """Whether a fact waits for a yes or no."""
    return fact is not None and fact.state in (FactState.CANDIDATE, FactState.DOUBT)


def _by_its_name(profile: Profile, event: Event) -> Event:
    """The event with the facts it names by the ids they have in this log."""
    known = profile.aliases
    if event.op.fact in known:
        event = replace(event, op=replace(event.op, fact=known[event.op.fact]))
    over = " ".join(known.get(name, name) for name in event.over.split())
    return event if over == event.over else replace(event, over=over)


def _protected(fact: Fact, event: Event) -> bool:
    """Whether a fact is not this event's to change: a lock holds against a hand elsewhere too."""
    if event.actor is Actor.USER:
        return fact.locked and event.clock > 0 and fact.id not in event.over.split()
    return fact.locked or fact.actor is Actor.USER


def _weak(event: Event) -> bool:
    """Whether it waits. A hand's does where what it had to wait behind is forgotten."""
    return event.confidence < CONFIDENT


def _same(profile: Profile, state: FactState, op: Op) -> Fact | None:
    """The fact of that state which says what an op says."""
    return next((f for f in profile.saying(op.slot, op.value) if f.state is state), None)


def _target(profile: Profile, op: Op, value: str) -> Fact | None:
    """The fact an op speaks of: by id where a hand chose it, else by slot and value."""
    if op.fact:
        fact = profile.facts.get(op.fact)
        live = (FactState.ACTIVE, FactState.CANDIDATE)
        return fact if fact and fact.state in live else None
    return _same(profile, FactState.ACTIVE, replace(op, value=value))


def _new_fact(event: Event, state: FactState) -> Fact:
    op = event.op
    return Fact(
        id=event.id,
        slot=op.slot,
        value=clean(op.value),
        polarity=op.polarity,
        confidence=event.confidence,
        state=state,
        actor=event.actor,
        learnt=event.at,
        since=event.since,
        sources=(event.source,) if event.source else (),
    )


def _reinforce(profile: Profile, fact: Fact, event: Event) -> Applied:
    """The same value again: one more source, never a second fact."""
    profile = profile.with_alias(event.id, fact.id)
    known = event.source is None or event.source in fact.sources
    stronger = replace(
        fact,
        sources=fact.sources if known or event.source is None else (*fact.sources, event.source),
        confidence=max(fact.confidence, event.confidence),
        actor=Actor.USER if event.actor is Actor.USER else fact.actor,
    )
    if stronger == fact:
        return Applied(profile, Outcome.UNCHANGED, fact)
    return Applied(profile.with_facts([stronger]), Outcome.REINFORCED, stronger)


def _propose(profile: Profile, event: Event, stands: Fact | None = None) -> Applied:
    """Let it wait for the person's yes or no, beside the protected fact that stands, if any."""
    if event.actor is not Actor.USER and declined(profile, event, stands):
        return Applied(profile, Outcome.REFUSED, stands)
    alike = profile.saying(event.op.slot, event.op.value)
    for fact in alike:
        if fact.state is FactState.CANDIDATE and fact.polarity is event.op.polarity:
            return _reinforce(profile, fact, event)
    fact = _new_fact(event, FactState.CANDIDATE)
    return Applied(profile.with_facts([fact]), Outcome.PROPOSED, fact)


def _supersede(profile: Profile, old: Fact, new: Fact, at: str) -> Profile:
    gone = replace(old, state=FactState.SUPERSEDED, replaced_by=new.id, ended=at)
    return profile.with_facts([gone, new])


def _rival(profile: Profile, op: Op) -> Fact | None:
    """The active fact that can't hold beside the op's value."""
    same = _same(profile, FactState.ACTIVE, op)
    if same is not None or op.slot not in SINGLE:
        return same
    return next(iter(profile.active(op.slot)), None)


def _add(profile: Profile, event: Event) -> Applied:
    op = event.op
    rival = _rival(profile, op)
    if rival is not None and key(rival.value) == key(op.value) and rival.polarity is op.polarity:
        return _reinforce(profile, rival, event)
    waiting = _same(profile, FactState.CANDIDATE, op)
    protected = [fact for fact in (rival, waiting) if fact and _protected(fact, event)]
    if _weak(event) or protected:
        return _propose(profile, event, rival if rival in protected else None)
    if declined(profile, event):
        return Applied(profile, Outcome.REFUSED)
    profile = _withdraw_candidate(profile, event)
    fact = _new_fact(event, FactState.ACTIVE)
    if rival is None:
        return Applied(profile.with_facts([fact]), Outcome.ADDED, fact)
    return Applied(_supersede(profile, rival, fact, event.at), Outcome.UPDATED, fact)


def _withdraw_candidate(profile: Profile, event: Event) -> Profile:
    """A candidate that has now been said firmly makes way for the fact."""
    waiting = _same(profile, FactState.CANDIDATE, event.op)
    if waiting is None:
        return profile
    return profile.with_facts(
        [replace(waiting, state=FactState.SUPERSEDED, replaced_by=event.id, ended=event.at)]
    )


def _update(profile: Profile, event: Event) -> Applied:
    op = event.op
    old = _target(profile, op, op.old)
    if old is None:
        return _add(profile, event)
    if _protected(old, event) or _weak(event):
        return _propose(profile, event, old if _protected(old, event) else None)
    if declined(profile, event):
        return Applied(profile, Outcome.REFUSED, old)
    twin = _rival(profile, op)
    if twin is not None and twin.id != old.id:
        merged = _merge_into(profile, old, twin, event)
        return _with_past_of(old, merged) if refiles(op) else merged
    if old.value == clean(op.value) and old.polarity is op.polarity and old.slot == op.slot:
        return _reinforce(profile, old, event)
    fact = replace(_new_fact(event, FactState.ACTIVE), pinned=old.pinned, locked=old.locked)
    updated = Applied(_supersede(profile, old, fact, event.at), Outcome.UPDATED, fact)
    return _with_past_of(old, updated) if refiles(op) else updated


def edit_of(fact: Fact, slot: str, value: str, polarity: Polarity) -> Op:
    """The op by which a hand edits a fact. One in the wrong slot, or way round, is refiled."""
    rightly = slot == fact.slot and polarity is fact.polarity
    return Op(OpKind.UPDATE, slot, value, fact.value if rightly else "", polarity, fact.id)


def refiles(op: Op) -> bool:
    """Whether an op puts a fact where it belongs: nothing new was said, so its past goes along."""
    return op.kind is OpKind.UPDATE and bool(op.fact) and not op.old


def _with_past_of(old: Fact, applied: Applied) -> Applied:
    """With the words that the old fact rests on, and the day it was learnt.

    Said words stand behind what the hand typed: the last are those that are shown.
    """
    fact = applied.fact
    if fact is None or fact.state is not FactState.ACTIVE:
        return applied
    fresh = tuple(source for source in fact.sources if source not in old.sources)
    kept = replace(
        fact,
        sources=(*fresh, *old.sources),
        learnt=min(old.learnt, fact.learnt),
        since=fact.since or old.since,
    )
    return Applied(applied.profile.with_facts([kept]), applied.outcome, kept)


def _merge_into(profile: Profile, old: Fact, twin: Fact, event: Event) -> Applied:
    """The new value is already held: the old fact gives way to that one."""
    if _protected(twin, event) and twin.polarity is not event.op.polarity:
        return _propose(profile, event, twin)
    added = _add(profile, event)
    winner = added.fact or twin
    gone = replace(old, state=FactState.SUPERSEDED, replaced_by=winner.id, ended=event.at)
    return Applied(added.profile.with_facts([gone]), Outcome.UPDATED, winner)


def _remove(profile: Profile, event: Event) -> Applied:
    fact = _target(profile, event.op, event.op.value)
    if fact is None:
        return Applied(profile, Outcome.UNCHANGED)
    if _protected(fact, event) or _weak(event):
        return _doubt(profile, fact, event)
    gone = replace(fact, state=FactState.RETRACTED, ended=event.at)
    return Applied(profile.with_facts([gone]), Outcome.REMOVED, gone)


def _doubt(profile: Profile, fact: Fact, event: Event) -> Applied:
    """Ask whether a fact still holds: once, while it stands."""
    if asked_already(profile, fact):
        return Applied(profile, Outcome.REFUSED, fact)
    made = _new_fact(event, FactState.DOUBT)
    doubt = replace(made, slot=fact.slot, value=fact.value, polarity=fact.polarity)
    return Applied(profile.with_facts([doubt]), Outcome.PROPOSED, doubt)


def _confirm(profile: Profile, event: Event) -> Applied:
    fact = profile.facts.get(event.op.fact)
    if fact is None or not is_waiting(fact):
        return Applied(profile, Outcome.UNCHANGED, fact)
    if fact.state is FactState.DOUBT:
        return _drop_doubted(profile, fact, event)
    sure = replace(fact, state=FactState.ACTIVE, actor=Actor.USER, confidence=1.0)
    wanted = Op(OpKind.ADD, slot=fact.slot, value=fact.value)
    old = _target(profile, wanted, event.op.old) if event.op.old else None
    rivals = {rival.id: rival for rival in (_rival(profile, wanted), old) if rival is not None}
    if not rivals:
        return Applied(profile.with_facts([sure]), Outcome.ADDED, sure)
    if any(_protected(rival, event) for rival in rivals.values()):
        return Applied(profile, Outcome.REFUSED, fact)
    for rival in rivals.values():
        profile = _supersede(profile, rival, sure, event.at)
    return Applied(profile, Outcome.UPDATED, sure)


def _drop_doubted(profile: Profile, doubt: Fact, event: Event) -> Applied:
    """Yes, it holds no longer."""
    held = doubted(profile, doubt)
    if held is not None and _protected(held, event):
        return Applied(profile, Outcome.REFUSED, doubt)
    ended = [
        replace(fact, state=FactState.RETRACTED, ended=event.at)
        for fact in (doubt, held)
        if fact is not None
    ]
    return Applied(profile.with_facts(ended), Outcome.REMOVED, ended[-1])


def _reject(profile: Profile, event: Event) -> Applied:
    fact = profile.facts.get(event.op.fact)
    if fact is None or not is_waiting(fact):
        return Applied(profile, Outcome.UNCHANGED, fact)
    gone = replace(fact, state=FactState.REJECTED, ended=event.at)
    return Applied(profile.with_facts([gone]), Outcome.REJECTED, gone)


def _mark(profile: Profile, event: Event) -> Applied:
    fact = profile.facts.get(event.op.fact)
    if fact is None:  # its own event may have been undone since
        return Applied(profile, Outcome.UNCHANGED)
    kind = event.op.kind
    if kind is OpKind.LOCK and event.clock and fact.state in _GONE:
        return _reinstate(profile, fact, event)
    if kind in (OpKind.LOCK, OpKind.UNLOCK):
        marked = replace(fact, locked=kind is OpKind.LOCK)
    else:
        marked = replace(fact, pinned=kind is OpKind.PIN)
    if marked == fact:
        return Applied(profile, Outcome.UNCHANGED, fact)
    return Applied(profile.with_facts([marked]), Outcome.MARKED, marked)


def _reinstate(profile: Profile, fact: Fact, event: Event) -> Applied:
    """A hand locked what it saw holding, and elsewhere it had been replaced: the lock wins.

    What took its place waits for a yes or no. What waited itself when it was locked waits again:
    a lock is no yes.
    """
    waited = fact.confidence < CONFIDENT
    state = FactState.CANDIDATE if waited else FactState.ACTIVE
    back = replace(fact, state=state, locked=True, replaced_by="", ended="")
    rival = _rival(profile, Op(OpKind.ADD, slot=fact.slot, value=fact.value))
    if rival is not None and _says_the_same(rival, fact):
        locked = replace(rival, locked=True)
        if locked == rival:
            return Applied(profile, Outcome.UNCHANGED, rival)
        return Applied(profile.with_facts([locked]), Outcome.MARKED, locked)
    if rival is not None and not waited:
        profile = profile.with_facts([replace(rival, state=FactState.CANDIDATE)])
    for waiting in profile.saying(fact.slot, fact.value):
        if waiting.state is FactState.CANDIDATE and _says_the_same(waiting, fact):
            profile = _supersede(profile, waiting, back, event.at)
    return Applied(profile.with_facts([back]), Outcome.UPDATED, back)


def _says_the_same(one: Fact, other: Fact) -> bool:
    same = one.slot == other.slot and key(one.value) == key(other.value)
    return same and one.polarity is other.polarity
