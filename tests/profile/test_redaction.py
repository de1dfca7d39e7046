"""Redacting a log: the forgotten words are gone, all else stays, and no undo brings them back."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocket_agent.errors import ProfileError
from pocket_agent.profile.facts import Actor, Event, Fact, FactState, Op, OpKind, Profile, Source
from pocket_agent.profile.redaction import Redacted, Scope, redact, value_of
from pocket_agent.profile.rules import Outcome, apply, check, replay, undo_target

VALUES = st.sampled_from(["ramen", "figs", "Porto", "Leeds"])
SLOTS = st.sampled_from(["home", "food", "pet"])
LIVE = (FactState.ACTIVE, FactState.CANDIDATE)

LAW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

MARKS = [
    OpKind.LOCK,
    OpKind.UNLOCK,
    OpKind.PIN,
    OpKind.UNPIN,
    OpKind.CONFIRM,
    OpKind.REJECT,
]
EDITS = st.one_of(
    st.builds(lambda s, v: Op(OpKind.ADD, s, v), SLOTS, VALUES),
    st.builds(lambda s, v, o: Op(OpKind.UPDATE, s, v, old=o), SLOTS, VALUES, VALUES),
    st.builds(lambda s, v: Op(OpKind.REMOVE, s, v), SLOTS, VALUES),
    st.builds(
        lambda s, v, n: Op(OpKind.UPDATE, s, v, fact=f"e{n}"), SLOTS, VALUES, st.integers(1, 8)
    ),
    st.builds(lambda n: Op(OpKind.UNDO, undoes=n), st.integers(1, 12)),
    st.builds(
        lambda kind, n: Op(kind, fact=f"e{n}"),
        st.sampled_from(MARKS),
        st.integers(1, 8),
    ),
)
LOGS = st.lists(
    st.tuples(EDITS, st.booleans(), st.integers(1, 4), st.sampled_from([0.3, 0.9])), max_size=12
)


def log_of(edits: list[tuple[Op, bool, int, float]]) -> list[Event]:
    """A log as the store would have written it: what changes nothing is not in it."""
    events: list[Event] = []
    for op, by_hand, turn, confidence in edits:
        made = _event(len(events) + 1, op, by_hand, turn, confidence)
        before = replay(events)
        if op.kind is OpKind.UNDO:
            known = any(event.seq == op.undoes for event in events)
            if known and replay([*events, made]) != before:
                events.append(made)
        elif apply(before, made).changed:
            events.append(made)
    return events


def _event(seq: int, op: Op, by_hand: bool, turn: int, confidence: float) -> Event:
    marks = op.kind in MARKS or bool(op.fact)
    by_hand = by_hand or marks or op.kind is OpKind.UNDO
    source = None
    if op.value:
        quote = op.value if by_hand else f"oh, {op.value}"
        source = Source("" if by_hand else f"t{turn}", 0, len(quote), quote)
    actor = Actor.USER if by_hand else Actor.POLICY
    return Event(seq, f"e{seq}", f"2026-01-01T00:00:{seq:02d}Z", actor, op, source, confidence)


def live(profile: Profile) -> dict[str, tuple[object, ...]]:
    """What holds of a profile, its sources aside."""
    return {
        name: (fact.slot, fact.value, fact.polarity, fact.state, fact.locked, fact.pinned)
        for name, fact in profile.facts.items()
        if fact.state in LIVE
    }


def same_but_for(was: Profile, now: Profile, redacted: Redacted) -> bool:
    """Whether all that holds still does, and nothing else, but for what is forgotten.

    A candidate that says what a fact says already may have become a source of that fact.
    """
    held, left = live(was), live(now)
    said = {(fact.slot, fact.value, fact.polarity) for fact in now.active()}
    missing = {name: what for name, what in held.items() if name not in left}
    spare = {
        n for n, what in missing.items() if what[3] is FactState.CANDIDATE and what[:3] in said
    }
    return left == {n: w for n, w in held.items() if n not in redacted.facts and n not in spare}


def after(redacted: Redacted) -> list[Event]:
    """The log with its corrections behind it, as the store appends them."""
    events = list(redacted.events)
    for op in redacted.corrections:
        seq = len(events) + 1
        events.append(Event(seq, f"e{seq}", f"2026-01-01T00:00:{seq:02d}Z", Actor.USER, op))
    return events


def texts(event: Event) -> tuple[str, ...]:
    source = event.source
    more = (source.quote, source.question) if source else ()
    return (event.op.value, event.op.old, *more)


def undo_all(events: list[Event], most: int = 12) -> list[Profile]:
    """Every profile that undoing again and again, and undoing the undos, comes to."""
    found, log = [], list(events)
    for round_ in range(most):
        try:
            target = undo_target(log, None if round_ % 3 else max(1, len(log) - round_ // 3))
        except ProfileError:
            break
        seq = len(log) + 1
        op = Op(OpKind.UNDO, undoes=target.seq)
        log.append(Event(seq, f"e{seq}", f"2026-01-01T00:01:{seq % 60:02d}Z", Actor.USER, op))
        found.append(replay(log))
    return found


@LAW
@given(edits=LOGS, slot=SLOTS, value=VALUES)
def test_a_forgotten_value_is_in_no_event_and_all_else_stays(
    edits: list[tuple[Op, bool, int, float]], slot: str, value: str
) -> None:
    events = log_of(edits)
    redacted = redact(events, Scope(values=frozenset({value_of(slot, value)})))
    made = after(redacted)
    for event in made:
        assert (event.op.slot, event.op.value) != (slot, value)
        assert (event.op.slot, event.op.old) != (slot, value)
        check(event)  # an export of it can be imported
    assert same_but_for(replay(events), replay(made), redacted)
    for profile in undo_all(made):
        assert all((f.slot, f.value) != (slot, value) for f in profile.facts.values())


@LAW
@given(edits=LOGS, turn=st.integers(1, 4))
def test_an_erased_turn_leaves_no_quote_and_takes_what_rests_on_it(
    edits: list[tuple[Op, bool, int, float]], turn: int
) -> None:
    events = log_of(edits)
    erased = f"t{turn}"
    redacted = redact(events, Scope(turns=frozenset({erased})))
    made = after(redacted)
    for event in made:
        assert event.source is None or event.source.turn != erased
        check(event)
    was, now = replay(events), replay(made)
    for fact in was.facts.values():
        rests = [source for source in fact.sources if source.turn != erased]
        if not rests and fact.sources:
            assert fact.id not in now.facts
    assert same_but_for(was, now, redacted)
    for profile in undo_all(made):
        assert all(_rests_elsewhere(fact, erased) for fact in profile.facts.values())


def _rests_elsewhere(fact: Fact, erased: str) -> bool:
    return all(source.turn != erased for source in fact.sources)


@LAW
@given(edits=LOGS, needle=st.sampled_from(["ram", "Porto", "oh, figs"]))
def test_what_holds_a_text_goes(edits: list[tuple[Op, bool, int, float]], needle: str) -> None:
    events = log_of(edits)
    redacted = redact(events, Scope(holds=lambda text: needle.lower() in text.lower()))
    made = after(redacted)
    assert all(needle.lower() not in text.lower() for e in made for text in texts(e))
    assert same_but_for(replay(events), replay(made), redacted)


@LAW
@given(edits=LOGS, slot=SLOTS, value=VALUES, more=EDITS, by_hand=st.booleans())
def test_undo_takes_back_exactly_what_was_done_around_a_forgetting(
    edits: list[tuple[Op, bool, int, float]], slot: str, value: str, more: Op, by_hand: bool
) -> None:
    made = after(redact(log_of(edits), Scope(values=frozenset({value_of(slot, value)}))))
    before = replay(made)
    event = _event(len(made) + 1, more, by_hand, 9, 0.9)
    if more.kind is OpKind.UNDO or not apply(before, event).changed:
        return
    log = [*made, event]
    assert undo_target(log) == event
    undo = Event(len(log) + 1, "u", event.at, Actor.USER, Op(OpKind.UNDO, undoes=event.seq))
    assert replay([*log, undo]) == before


@LAW
@given(edits=LOGS)
def test_redacting_nothing_changes_nothing(edits: list[tuple[Op, bool, int, float]]) -> None:
    events = log_of(edits)
    redacted = redact(events, Scope())
    assert redacted.changed == ()
    assert redacted.corrections == ()


def test_what_was_replaced_stays_replaced_and_undo_brings_it_back() -> None:
    events = log_of(
        [
            (Op(OpKind.ADD, "home", "Leeds"), False, 1, 0.9),
            (Op(OpKind.UPDATE, "home", "Porto", old="Leeds"), False, 2, 0.9),
        ]
    )
    made = after(redact(events, Scope(values=frozenset({value_of("home", "Porto")}))))
    assert live(replay(made)) == {}
    undo = Event(3, "u", events[-1].at, Actor.USER, Op(OpKind.UNDO, undoes=2))
    assert [fact.value for fact in replay([*made, undo]).active("home")] == ["Leeds"]


@LAW
@given(edits=LOGS, op=EDITS, confidence=st.sampled_from([0.3, 0.9]))
def test_the_policy_never_changes_a_locked_fact(
    edits: list[tuple[Op, bool, int, float]], op: Op, confidence: float
) -> None:
    profile = replay(log_of(edits))
    event = replace(_event(50, op, False, 9, confidence))
    if event.actor is not Actor.POLICY:
        return
    applied = apply(profile, event)
    for name, fact in profile.facts.items():
        if fact.locked and fact.state in LIVE:
            now = applied.profile.facts[name]
            same = replace(now, sources=fact.sources, confidence=fact.confidence)
            assert same == fact, "more words may support it, but it stays what it is"
    assert applied.outcome in Outcome
