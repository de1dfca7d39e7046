"""The rules by which an event changes the profile.

Pure: the same log always gives the same profile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pocket_agent.errors import ProfileError
from pocket_agent.profile.facts import (
    Actor,
    Event,
    Fact,
    FactState,
    Op,
    OpKind,
    Polarity,
    Profile,
    Source,
)
from pocket_agent.profile.outcomes import Applied as Applied
from pocket_agent.profile.outcomes import Outcome as Outcome
from pocket_agent.profile.slots import BY_NAME, POLAR, SINGLE
from pocket_agent.profile.values import clean, find_span, key

_CHANGING = (OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE, OpKind.CONFIRM)
_GONE = (FactState.SUPERSEDED, FactState.RETRACTED)

CONFIDENT = 0.5
"""Below this, what the policy or an import says waits as a candidate for a yes or no."""


def check(event: Event) -> None:
    """Refuse an event that breaks the schema or has no words to rest on.

    Raises:
        ProfileError: unknown slot, empty value, a polarity where none belongs, or, for the
            policy, a value that stands neither in its quote nor in the question it answers.
    """
    op = event.op
    if op.kind in (OpKind.ADD, OpKind.UPDATE):
        slot = BY_NAME.get(op.slot)
        if slot is None:
            raise ProfileError(f"There is no slot {op.slot!r}", f"Slots: {', '.join(BY_NAME)}.")
        if not key(op.value):
            raise ProfileError(f"The value for {op.slot} is empty")
        if op.polarity is Polarity.AVOIDS and op.slot not in POLAR:
            raise ProfileError(f"{op.slot} can't be avoided, only stated")
        if event.actor is Actor.POLICY and not _grounded(op, event.source):
            raise ProfileError(f"The value {op.value!r} is not in the person's own words")


def apply(profile: Profile, event: Event) -> Applied:
    """The profile after one event.

    Same value again adds a source; a different value in a single-valued slot supersedes; what is
    locked or was set by hand is changed by the person alone.

    Raises:
        ProfileError: see `check`; or the event is an undo, which needs the whole log (`replay`).
    """
    check(event)
    if event.op.kind is OpKind.UNDO:
        raise ProfileError("An undo can only be applied by replaying the log")
    return step(profile, event)


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
        case _:
            return _mark(profile, event)


def replay(events: Iterable[Event]) -> Profile:
    """The profile that a log gives, undone events left out.

    The events were checked when they were recorded; checking them again would make a log
    unreadable after a change of the schema.
    """
    profile = Profile()
    for event in effective(list(events)):
        profile = step(profile, event).profile
    return profile


def as_of(events: Iterable[Event], moment: str) -> Profile:
    """The profile as it was at `moment` (ISO 8601 in UTC), later undos not yet counted."""
    return replay(event for event in events if event.at <= moment)


def effective(events: Sequence[Event]) -> list[Event]:
    """The events that count: neither undone nor an undo. Undoing an undo brings the event back.

    An undo has a larger number than what it takes back, wherever it stands.
    """
    undone: set[int] = set()
    undos = [event for event in events if event.op.kind is OpKind.UNDO]
    for undo in sorted(undos, key=_number, reverse=True):
        if undo.seq not in undone:
            undone.add(undo.op.undoes)
    return [e for e in events if e.op.kind is not OpKind.UNDO and e.seq not in undone]


def knowing(profile: Profile, event: Event) -> Event:
    """The event of a person's hand, naming the locked fact that it changes, if it does.

    A lock holds against what was done by hand elsewhere, by one who did not know of it.
    """
    if event.actor is not Actor.USER or event.op.kind not in _CHANGING:
        return event
    after = step(profile, replace(event, clock=0)).profile
    live = (FactState.ACTIVE, FactState.CANDIDATE)
    for name, fact in profile.facts.items():
        if fact.locked and fact.state in live and after.facts[name].state is not fact.state:
            return replace(event, over=name)
    return event


def undo_target(events: Sequence[Event], seq: int | None = None, after: int = 0) -> Event:
    """The event that an undo takes back: the one named, or the last that still does anything.

    Args:
        after: without a number, take one that came later than the event of this one.

    An event may count and yet do nothing: the lock of a fact whose own event is undone. Its undo
    would change nothing, so the next one is taken. While any fact is there, one is found: the
    event that made the fact.

    The markers of what was forgotten (kind none) do nothing, so they are passed over too.

    Raises:
        ProfileError: there is nothing to undo, or no such event.
    """
    if seq is None:
        counting = effective(events)
        now = replay(counting)
        newest = [at for at, event in enumerate(counting) if event.seq > after]
        for at in sorted(newest, key=lambda at: counting[at].seq, reverse=True):
            if replay([*counting[:at], *counting[at + 1 :]]) != now:
                return counting[at]
        raise ProfileError("There is nothing to undo")
    for event in events:
        if event.seq == seq:
            return event
    raise ProfileError(f"There is no event {seq}", "`profile history` lists them.")


def _number(event: Event) -> int:
    return event.seq


def _by_its_name(profile: Profile, event: Event) -> Event:
    """The event with the facts it names by the ids they have in this log."""
    known = profile.aliases
    if event.op.fact in known:
        event = replace(event, op=replace(event.op, fact=known[event.op.fact]))
    return replace(event, over=known[event.over]) if event.over in known else event


def _grounded(op: Op, source: Source | None) -> bool:
    if source is None or not source.turn or not source.quote.strip():
        return False
    return any(find_span(text, op.value) is not None for text in (source.quote, source.question))


def _protected(fact: Fact, event: Event) -> bool:
    if event.actor is Actor.USER:
        return fact.locked and event.clock > 0 and event.over != fact.id
    return fact.locked or fact.actor is Actor.USER


def _weak(event: Event) -> bool:
    return event.actor is not Actor.USER and event.confidence < CONFIDENT


def _same(facts: Iterable[Fact], slot: str, value: str) -> Fact | None:
    wanted = key(value)
    return next((f for f in facts if f.slot == slot and key(f.value) == wanted), None)


def _target(profile: Profile, op: Op, value: str) -> Fact | None:
    """The fact an op speaks of: by id where a hand chose it, else by slot and value."""
    if op.fact:
        fact = profile.facts.get(op.fact)
        live = (FactState.ACTIVE, FactState.CANDIDATE)
        return fact if fact and fact.state in live else None
    found = [f for f in profile.active(op.slot) if key(f.value) == key(value)]
    return found[0] if found else None


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


def _propose(profile: Profile, event: Event) -> Applied:
    """Let it wait for the person's yes or no, beside what stands."""
    for waiting in profile.candidates():
        if _same([waiting], event.op.slot, event.op.value) and (
            waiting.polarity is event.op.polarity
        ):
            return _reinforce(profile, waiting, event)
    fact = _new_fact(event, FactState.CANDIDATE)
    return Applied(profile.with_facts([fact]), Outcome.PROPOSED, fact)


def _supersede(profile: Profile, old: Fact, new: Fact, at: str) -> Profile:
    gone = replace(old, state=FactState.SUPERSEDED, replaced_by=new.id, ended=at)
    return profile.with_facts([gone, new])


def _rival(profile: Profile, op: Op) -> Fact | None:
    """The active fact that can't hold beside the op's value."""
    same = _same(profile.active(op.slot), op.slot, op.value)
    if same is not None or op.slot not in SINGLE:
        return same
    return next(iter(profile.active(op.slot)), None)


def _add(profile: Profile, event: Event) -> Applied:
    op = event.op
    rival = _rival(profile, op)
    if rival is not None and key(rival.value) == key(op.value) and rival.polarity is op.polarity:
        return _reinforce(profile, rival, event)
    waiting = _same(profile.candidates(), op.slot, op.value)
    if _weak(event) or any(fact and _protected(fact, event) for fact in (rival, waiting)):
        return _propose(profile, event)
    profile = _withdraw_candidate(profile, event)
    fact = _new_fact(event, FactState.ACTIVE)
    if rival is None:
        return Applied(profile.with_facts([fact]), Outcome.ADDED, fact)
    return Applied(_supersede(profile, rival, fact, event.at), Outcome.UPDATED, fact)


def _withdraw_candidate(profile: Profile, event: Event) -> Profile:
    """A candidate that has now been said firmly makes way for the fact."""
    waiting = _same(profile.candidates(), event.op.slot, event.op.value)
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
        return _propose(profile, event)
    twin = _rival(profile, op)
    if twin is not None and twin.id != old.id:
        return _merge_into(profile, old, twin, event)
    if old.value == clean(op.value) and old.polarity is op.polarity:
        return _reinforce(profile, old, event)
    fact = replace(_new_fact(event, FactState.ACTIVE), pinned=old.pinned, locked=old.locked)
    return Applied(_supersede(profile, old, fact, event.at), Outcome.UPDATED, fact)


def _merge_into(profile: Profile, old: Fact, twin: Fact, event: Event) -> Applied:
    """The new value is already held: the old fact gives way to that one."""
    if _protected(twin, event) and twin.polarity is not event.op.polarity:
        return _propose(profile, event)
    added = _add(profile, event)
    winner = added.fact or twin
    gone = replace(old, state=FactState.SUPERSEDED, replaced_by=winner.id, ended=event.at)
    return Applied(added.profile.with_facts([gone]), Outcome.UPDATED, winner)


def _remove(profile: Profile, event: Event) -> Applied:
    fact = _target(profile, event.op, event.op.value)
    if fact is None:
        return Applied(profile, Outcome.UNCHANGED)
    if _protected(fact, event) or _weak(event):
        return Applied(profile, Outcome.REFUSED, fact)
    gone = replace(fact, state=FactState.RETRACTED, ended=event.at)
    return Applied(profile.with_facts([gone]), Outcome.REMOVED, gone)


def _confirm(profile: Profile, event: Event) -> Applied:
    fact = profile.facts.get(event.op.fact)
    if fact is None or fact.state is not FactState.CANDIDATE:
        return Applied(profile, Outcome.UNCHANGED, fact)
    sure = replace(fact, state=FactState.ACTIVE, actor=Actor.USER, confidence=1.0)
    rival = _rival(profile, Op(OpKind.ADD, slot=fact.slot, value=fact.value))
    if rival is None:
        return Applied(profile.with_facts([sure]), Outcome.ADDED, sure)
    if _protected(rival, event):
        return Applied(profile, Outcome.REFUSED, fact)
    return Applied(_supersede(profile, rival, sure, event.at), Outcome.UPDATED, sure)


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

    What took its place waits for a yes or no.
    """
    back = replace(fact, state=FactState.ACTIVE, locked=True, replaced_by="", ended="")
    rival = _rival(profile, Op(OpKind.ADD, slot=fact.slot, value=fact.value))
    if rival is not None and _says_the_same(rival, fact):
        locked = replace(rival, locked=True)
        if locked == rival:
            return Applied(profile, Outcome.UNCHANGED, rival)
        return Applied(profile.with_facts([locked]), Outcome.MARKED, locked)
    if rival is not None:
        profile = profile.with_facts([replace(rival, state=FactState.CANDIDATE)])
    for waiting in profile.candidates():
        if _says_the_same(waiting, fact):
            profile = _supersede(profile, waiting, back, event.at)
    return Applied(profile.with_facts([back]), Outcome.UPDATED, back)


def _says_the_same(one: Fact, other: Fact) -> bool:
    same = one.slot == other.slot and key(one.value) == key(other.value)
    return same and one.polarity is other.polarity
