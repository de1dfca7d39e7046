"""Taking text out of the log for good, in such a way that the rest of it still replays.

What is forgotten leaves a bare marker in its place: an event without words that does nothing, or
that only keeps an older fact retired. So nothing else comes back or goes, and undo still walks.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from pocket_agent.profile.draft import Draft
from pocket_agent.profile.facts import (
    Actor,
    Event,
    FactState,
    Op,
    OpKind,
    Source,
)
from pocket_agent.profile.rules import CONFIDENT, Applied, Outcome, effective, step
from pocket_agent.profile.values import find_span, key

Value = tuple[str, str]
"""A slot and the `key` of a value: what two statements of the same fact share."""

_LIVE = (FactState.ACTIVE, FactState.CANDIDATE)
_MAKING = (OpKind.ADD, OpKind.UPDATE)
_BY_HAND = (
    OpKind.LOCK,
    OpKind.UNLOCK,
    OpKind.PIN,
    OpKind.UNPIN,
    OpKind.CONFIRM,
    OpKind.REJECT,
)


def value_of(slot: str, value: str) -> Value:
    """The slot and key of a value."""
    return slot, key(value)


def _holds_nothing(_text: str) -> bool:
    return False


def _as_it_is(source: Source) -> Source:
    return source


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to go from a log. A fact goes with the last of what it rests on.

    Args:
        values: facts to forget by what they say.
        turns: ids of turns that are erased: no quote of theirs stays.
        asked: ids of turns whose question, a reply of the assistant, is erased.
        seqs: statements (events that add or update) that go as a whole.
        holds: whether a text holds what is forgotten.
        cover: makes words illegible in the sources that stay, keeping their length.
    """

    values: frozenset[Value] = frozenset()
    turns: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    seqs: frozenset[int] = frozenset()
    holds: Callable[[str], bool] = _holds_nothing
    cover: Callable[[Source], Source] = _as_it_is


@dataclass(frozen=True, slots=True)
class Redacted:
    """A log without what is forgotten.

    Args:
        events: all events, under the same numbers.
        changed: those that differ from what they were.
        values: every fact that is forgotten, by what it said.
        facts: the ids it had.
        corrections: ops by hand to record behind them, so that a fact that stays keeps its marks.
    """

    events: tuple[Event, ...]
    changed: tuple[Event, ...]
    values: frozenset[Value]
    facts: frozenset[str]
    corrections: tuple[Op, ...] = field(default=())


def redact(events: Sequence[Event], scope: Scope) -> Redacted:
    """The log without what `scope` names.

    The facts that stay, stay as they are; every event keeps its number, id and time.
    """
    ties = _tie(events, scope)
    walk = _Walk(scope, ties)
    made = tuple(walk.take(event) for event in events)
    changed = tuple(new for new, old in zip(made, events, strict=True) if new != old)
    return Redacted(made, changed, ties.values, ties.facts, tuple(walk.corrections()))


@dataclass(frozen=True, slots=True)
class _Ties:
    """How the events of a log hang together.

    Args:
        counting: numbers of the events that count. subjects: the fact that each is about.
        support: for a fact, an event that counts and whose words stay.
        facts: ids of those that go. values: what they say, where nothing that stays says it too.
    """

    counting: frozenset[int]
    subjects: dict[int, str]
    support: dict[str, Event]
    facts: frozenset[str]
    values: frozenset[Value]


class _Walk:
    """Goes through a log once, with the profile as it was and as it now becomes."""

    def __init__(self, scope: Scope, ties: _Ties) -> None:
        self._scope, self._ties = scope, ties
        self._was, self._is = Draft(), Draft()

    def take(self, event: Event) -> Event:
        """The event as it stays."""
        if event.op.kind in (OpKind.UNDO, OpKind.NONE):
            return event
        before = step(self._was, event)
        made = self._redacted(event, before)
        after = step(self._is, made)
        if _waits(before) and _overreaches(after):
            # What it had to wait behind is forgotten; it waits all the same.
            self._is.take_back()
            made = self._waiting(made)
            step(self._is, made)
        for draft in (self._was, self._is):
            if event.seq in self._ties.counting:
                draft.keep()
            else:
                draft.take_back()
        return made

    def corrections(self) -> Iterable[Op]:
        """What to record so that each fact that stays is marked, or retired, as it was."""
        for name, now in self._is.facts.items():
            was = self._was.facts.get(name)
            if was is None or now.state not in _LIVE:
                continue
            if was.state is FactState.REJECTED:
                yield Op(OpKind.REJECT, fact=name)
            elif was.state not in _LIVE:
                yield Op(OpKind.REMOVE, fact=name)
            elif was.locked is not now.locked:
                yield Op(OpKind.LOCK if was.locked else OpKind.UNLOCK, fact=name)
            if was.state in _LIVE and was.pinned is not now.pinned:
                yield Op(OpKind.PIN if was.pinned else OpKind.UNPIN, fact=name)

    def _redacted(self, event: Event, before: Applied) -> Event:
        op, facts, values = event.op, self._ties.facts, self._ties.values
        subject = self._ties.subjects[event.seq]
        if op.kind in _BY_HAND:
            if value_of(op.slot, op.old) in values:
                event = replace(event, op=replace(op, old=""))
            return self._bare(event) if op.fact in facts else self._sourced(event)
        if _value(event) in values or (op.kind is OpKind.REMOVE and subject in facts):
            return self._bare(event)
        if _states(event) and _lost(event, self._scope):
            return self._grounded_anew(event)
        if _doubts(before) and (event.seq in self._scope.seqs or _lost(event, self._scope)):
            return self._bare(event)
        if value_of(op.slot, op.old) in values:
            op = replace(op, old="")
        if op.fact in facts:
            op = replace(op, fact="")
        return self._sourced(replace(event, op=op))

    def _bare(self, event: Event) -> Event:
        """The marker: no words; if it retired another fact, that one stays retired."""
        retired = self._retired()
        op = Op(OpKind.REMOVE, fact=retired) if retired else Op(OpKind.NONE)
        actor = Actor.USER if retired else event.actor
        # What is retired is so whether it is locked or not.
        bare = Event(event.seq, event.id, event.at, actor, op, clock=event.clock, over=retired)
        return replace(bare, policy=event.batch)

    def _waiting(self, event: Event) -> Event:
        """A statement waits by its confidence. A yes that was refused is no yes later either."""
        if event.op.kind is OpKind.CONFIRM:
            return self._bare(event)
        return replace(event, confidence=min(event.confidence, CONFIDENT / 2))

    def _retired(self) -> str:
        """The fact that stays, and that the event has just retired."""
        for was, fact in self._was.changed():
            retired = was is not None and was.state in _LIVE and fact.state not in _LIVE
            if retired and fact.id not in self._ties.facts:
                return fact.id
        return ""

    def _sourced(self, event: Event) -> Event:
        source = event.source
        if source is None:
            return event
        if _lost(event, self._scope):
            return replace(event, source=None)
        if source.question and _question_lost(source, self._scope):
            source = replace(source, question="")
        covered = _with_its_value(event.op.value, source, self._scope.cover(source))
        return replace(event, source=covered)

    def _grounded_anew(self, event: Event) -> Event:
        """What made a fact that stays now rests on other words that say the same."""
        other = self._ties.support.get(event.id)
        if other is None:
            return self._bare(event)
        source = None if other.source is None else self._scope.cover(other.source)
        actor = event.actor if source is not None and source.turn else other.actor
        old = "" if value_of(event.op.slot, event.op.old) in self._ties.values else event.op.old
        fact = "" if event.op.fact in self._ties.facts else event.op.fact
        op = replace(event.op, old=old, fact=fact)
        return replace(event, op=op, source=source, actor=actor)


def _tie(events: Sequence[Event], scope: Scope) -> _Ties:
    counting = frozenset(event.seq for event in effective(events))
    subjects = _subjects(events, counting)
    named = _named(events, scope)
    makers = [event for event in events if _states(event) and _value(event) not in named]
    support = {
        subjects[event.seq]: event
        for event in reversed(makers)
        if event.seq in counting and not _lost(event, scope)
    }
    lost = [event for event in makers if _lost(event, scope)]
    facts = {subjects[event.seq] for event in lost} - support.keys()
    facts |= {event.id for event in events if _states(event) and _value(event) in named}
    said = {_value(e) for e in makers if not _lost(e, scope) or subjects[e.seq] in support}
    values = named | ({_value(event) for event in lost} - said)
    return _Ties(counting, subjects, support, frozenset(facts), frozenset(values))


def _subjects(events: Sequence[Event], counting: frozenset[int]) -> dict[int, str]:
    """The id of the fact that each event is about, as it was when it was recorded."""
    draft = Draft()
    found: dict[int, str] = {}
    for event in events:
        if event.op.kind is OpKind.UNDO:
            continue
        applied = step(draft, event)
        found[event.seq] = applied.fact.id if applied.fact else ""
        if event.seq in counting:
            draft.keep()
        else:
            draft.take_back()
    return found


def _named(events: Sequence[Event], scope: Scope) -> set[Value]:
    """The values that are named, or that hold what is forgotten."""
    found = set(scope.values)
    for event in events:
        op = event.op
        for text in (op.value, op.old):
            if text and scope.holds(text):
                found.add(value_of(op.slot, text))
    return found


def _states(event: Event) -> bool:
    return event.op.kind in _MAKING


def _value(event: Event) -> Value:
    return value_of(event.op.slot, event.op.value)


def _lost(event: Event, scope: Scope) -> bool:
    """Whether the words that an event rests on go."""
    if event.seq in scope.seqs and _states(event):
        return True
    source = event.source
    if source is None:
        return False
    if source.turn in scope.turns or scope.holds(source.quote):
        return True
    unsaid = find_span(source.quote, event.op.value) is None
    return bool(source.question) and _question_lost(source, scope) and unsaid


def _question_lost(source: Source, scope: Scope) -> bool:
    return source.turn in scope.asked or scope.holds(source.question)


def _waits(applied: Applied) -> bool:
    waiting = (FactState.CANDIDATE, FactState.DOUBT)
    return applied.fact is not None and applied.fact.state in waiting


def _doubts(applied: Applied) -> bool:
    return applied.outcome is Outcome.PROPOSED and (
        applied.fact is not None and applied.fact.state is FactState.DOUBT
    )


def _overreaches(applied: Applied) -> bool:
    return applied.outcome in (Outcome.ADDED, Outcome.UPDATED, Outcome.REMOVED)


def _with_its_value(value: str, source: Source, covered: Source) -> Source:
    """The covered source, with the value of a statement that stays legible in its question.

    The same word may be forgotten as another fact. What the event itself still states is no secret,
    and without it the event would rest on nothing.
    """
    span = find_span(source.question, value) if value else None
    said = any(find_span(text, value) for text in (covered.quote, covered.question))
    if span is None or said or len(covered.question) != len(source.question):
        return covered
    start, end = span
    words = source.question[start:end]
    question = f"{covered.question[:start]}{words}{covered.question[end:]}"
    return replace(covered, question=question)
