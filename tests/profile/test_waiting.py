"""What waits for a yes or no: asked once, answered, undone, and made in one go."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocket_agent.errors import ProfileError
from pocket_agent.profile.edits import WAITS
from pocket_agent.profile.facts import (
    BATCH,
    IMPORTED,
    Actor,
    Event,
    FactState,
    Op,
    OpKind,
    Polarity,
    Profile,
    Source,
)
from pocket_agent.profile.outcomes import Outcome
from pocket_agent.profile.redaction import Scope, redact, value_of
from pocket_agent.profile.rules import apply, apply_new, effective, replay, undo_target
from pocket_agent.profile.waiting import answers, rival_of, waiting

USER, POLICY, IMPORT = Actor.USER, Actor.POLICY, Actor.IMPORT


class Log:
    """A log as the store would write it."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def profile(self) -> Profile:
        return replay(self.events)

    def take(self, actor: Actor, op: Op, turn: str = "", policy: str = "", sure: float = 1.0):
        seq = len(self.events) + 1
        said = Source(turn or f"t{seq}", 0, 9, f"so {op.value}!") if actor is not USER else None
        at = f"2026-01-01T00:00:{seq:02d}Z"
        event = Event(seq, f"e{seq}", at, actor, op, said, sure, policy)
        event, applied = apply_new(self.profile, event)
        if applied.changed:
            self.events.append(event)
        return applied.outcome

    def undo(self) -> None:
        seq = undo_target(self.events).seq
        number = len(self.events) + 1
        op = Op(OpKind.UNDO, undoes=seq)
        self.events.append(Event(number, f"e{number}", f"z{number}", USER, op))

    def answer(self, yes: bool) -> None:
        for op in answers(waiting(self.profile), self.events, yes=yes):
            self.take(USER, op)

    def holds(self) -> list[tuple[str, str]]:
        return [(fact.slot, fact.value) for fact in self.profile.active()]

    def asks(self) -> list[tuple[str, str, FactState]]:
        return [(fact.slot, fact.value, fact.state) for fact in waiting(self.profile)]


def add(slot: str, value: str, sign: Polarity = Polarity.LIKES) -> Op:
    return Op(OpKind.ADD, slot, value, polarity=sign)


@pytest.fixture
def by_hand() -> Log:
    log = Log()
    log.take(USER, add("home", "Leeds"))
    return log


@pytest.mark.parametrize("yes", [True, False])
def test_a_contradiction_is_asked_once_and_answered_for_good(by_hand: Log, yes: bool) -> None:
    assert by_hand.take(POLICY, add("home", "Porto")) is Outcome.PROPOSED
    assert by_hand.asks() == [("home", "Porto", FactState.CANDIDATE)]
    (fact,) = waiting(by_hand.profile)
    rival = rival_of(by_hand.profile, fact)
    assert rival is not None
    assert rival.value == "Leeds"
    assert by_hand.take(POLICY, add("home", "Porto")) is Outcome.REINFORCED, "no second question"
    assert len(waiting(by_hand.profile)) == 1
    by_hand.answer(yes)
    assert by_hand.holds() == [("home", "Porto" if yes else "Leeds")]
    assert by_hand.asks() == []
    again = by_hand.take(POLICY, Op(OpKind.UPDATE, "home", "Porto", old="Leeds"))
    assert again is (Outcome.REINFORCED if yes else Outcome.REFUSED)
    assert by_hand.asks() == []


def test_a_no_is_to_that_contradiction_alone(by_hand: Log) -> None:
    by_hand.take(POLICY, add("home", "Porto"))
    by_hand.answer(False)
    assert by_hand.take(POLICY, add("home", "Rome")) is Outcome.PROPOSED, "another value"
    by_hand.answer(False)
    by_hand.take(USER, add("home", "Oslo"))
    assert by_hand.take(POLICY, add("home", "Porto")) is Outcome.PROPOSED, "another fact stands now"


@pytest.mark.parametrize("yes", [True, False])
def test_taking_back_what_was_set_by_hand_is_asked_once(by_hand: Log, yes: bool) -> None:
    gone = Op(OpKind.REMOVE, "home", "Leeds")
    assert by_hand.take(POLICY, gone) is Outcome.PROPOSED
    assert by_hand.asks() == [("home", "Leeds", FactState.DOUBT)]
    assert by_hand.holds() == [("home", "Leeds")]
    assert by_hand.take(POLICY, gone) is Outcome.REFUSED
    by_hand.answer(yes)
    assert by_hand.holds() == ([] if yes else [("home", "Leeds")])
    assert by_hand.take(POLICY, gone) is (Outcome.UNCHANGED if yes else Outcome.REFUSED)
    by_hand.undo()
    assert by_hand.asks() == [("home", "Leeds", FactState.DOUBT)]


def test_a_doubt_goes_with_its_fact_and_does_not_come_back_for_a_new_one(by_hand: Log) -> None:
    by_hand.take(POLICY, Op(OpKind.REMOVE, "home", "Leeds"))
    by_hand.take(USER, add("home", "Porto"))
    assert by_hand.asks() == []
    by_hand.take(USER, add("home", "Leeds"))
    assert by_hand.asks() == []
    assert by_hand.take(POLICY, Op(OpKind.REMOVE, "home", "Leeds")) is Outcome.PROPOSED


def test_a_yes_ends_the_value_that_was_to_be_replaced() -> None:
    log = Log()
    log.take(USER, add("pet", "cat Miso"))
    log.take(USER, add("pet", "fish"))
    log.take(POLICY, Op(OpKind.UPDATE, "pet", "dog Rex", old="cat Miso"))
    assert log.holds() == [("pet", "cat Miso"), ("pet", "fish")]
    log.answer(True)
    assert log.holds() == [("pet", "fish"), ("pet", "dog Rex")]
    log.undo()
    assert log.holds() == [("pet", "cat Miso"), ("pet", "fish")]


def test_a_taste_that_turns_round_against_a_hand_is_asked() -> None:
    log = Log()
    log.take(USER, add("food", "olives"))
    log.take(POLICY, add("food", "olives", Polarity.AVOIDS))
    log.answer(True)
    (fact,) = log.profile.active("food")
    assert fact.polarity is Polarity.AVOIDS


def test_undoing_a_lock_does_not_answer_what_was_asked_while_it_held() -> None:
    log = Log()
    log.take(POLICY, add("home", "Leeds"))
    log.take(USER, Op(OpKind.LOCK, fact="e1"))
    log.take(POLICY, add("home", "Porto"))
    log.take(POLICY, Op(OpKind.REMOVE, "home", "Leeds"))
    lock = next(event.seq for event in log.events if event.op.kind is OpKind.LOCK)
    log.events.append(Event(9, "e9", "z9", USER, Op(OpKind.UNDO, undoes=lock)))
    assert log.holds() == [("home", "Leeds")]
    assert len(log.asks()) == 2


def test_what_was_rejected_comes_again_from_another_source_only() -> None:
    log = Log()
    op = add("food", "ramen")
    assert log.take(IMPORT, op, IMPORTED + "mem0", sure=WAITS) is Outcome.PROPOSED
    log.answer(False)
    assert log.take(IMPORT, op, IMPORTED + "mem0", sure=WAITS) is Outcome.REFUSED
    assert log.take(IMPORT, op, IMPORTED + "markdown", sure=WAITS) is Outcome.PROPOSED
    log.answer(False)
    assert log.take(POLICY, op, "t77") is Outcome.ADDED, "said in a turn of its own"
    assert log.holds() == [("food", "ramen")]


def test_a_turn_that_was_said_no_to_teaches_it_not_even_firmly() -> None:
    log = Log()
    log.take(POLICY, add("food", "ramen"), "t5", sure=0.2)
    log.answer(False)
    assert log.take(POLICY, add("food", "ramen"), "t5") is Outcome.REFUSED
    assert log.take(POLICY, Op(OpKind.UPDATE, "food", "ramen", old="x"), "t5") is Outcome.REFUSED


def test_what_is_imported_can_not_hold_without_a_yes() -> None:
    with pytest.raises(ProfileError, match="waits for the person's yes"):
        Log().take(IMPORT, add("food", "ramen"), IMPORTED + "mem0")
    with pytest.raises(ProfileError, match="own words"):
        Log().take(POLICY, add("food", "ramen"), IMPORTED + "mem0")


def test_a_batch_is_undone_as_one_and_comes_back_as_one() -> None:
    log = Log()
    log.take(USER, add("home", "Leeds"))
    for value in ("ramen", "figs", "tea"):
        log.take(IMPORT, add("food", value), IMPORTED + "mem0", BATCH + "1", WAITS)
    log.take(IMPORT, add("food", "soup"), IMPORTED + "mem0", BATCH + "2", WAITS)
    log.undo()
    assert [value for _, value, _ in log.asks()] == ["ramen", "figs", "tea"]
    log.undo()
    assert log.asks() == []
    assert log.holds() == [("home", "Leeds")]
    last = log.events[-1].seq
    log.events.append(Event(last + 1, "again", "zz", USER, Op(OpKind.UNDO, undoes=last)))
    assert [value for _, value, _ in log.asks()] == ["ramen", "figs", "tea"]


def test_an_undone_batch_stays_so_when_one_of_it_is_forgotten() -> None:
    log = Log()
    for value in ("ramen", "figs", "tea"):
        log.take(IMPORT, add("food", value), IMPORTED + "mem0", BATCH + "1", WAITS)
    log.undo()
    for value in ("ramen", "figs", "tea"):
        left = redact(log.events, Scope(values=frozenset({value_of("food", value)})))
        assert not any(value in str(event) for event in left.events)
        assert replay(left.events) == Profile()


def test_forgetting_what_a_yes_replaced_takes_its_word_out_of_the_yes() -> None:
    log = Log()
    log.take(USER, add("pet", "cat Miso"))
    log.take(POLICY, Op(OpKind.UPDATE, "pet", "dog Rex", old="cat Miso"))
    log.answer(True)
    left = redact(log.events, Scope(values=frozenset({value_of("pet", "cat Miso")})))
    assert not any("Miso" in str(event) for event in left.events)
    assert [fact.value for fact in replay(left.events).active()] == ["dog Rex"]


def test_a_question_goes_with_the_turn_that_raised_it(by_hand: Log) -> None:
    by_hand.take(POLICY, Op(OpKind.REMOVE, "home", "Leeds"), "t5")
    left = redact(by_hand.events, Scope(turns=frozenset({"t5"})))
    assert waiting(replay(left.events)) == []
    assert [fact.value for fact in replay(left.events).active()] == ["Leeds"]


# --- properties -----------------------------------------------------------------------------

SLOT_VALUES = st.tuples(st.sampled_from(["home", "food", "pet"]), st.sampled_from("abcd"))
MOVES = st.one_of(
    st.tuples(st.sampled_from([USER, POLICY]), st.just(OpKind.ADD), SLOT_VALUES),
    st.tuples(st.just(IMPORT), st.just(OpKind.ADD), SLOT_VALUES),
    st.tuples(st.sampled_from([USER, POLICY]), st.just(OpKind.REMOVE), SLOT_VALUES),
    st.tuples(st.just(POLICY), st.just(OpKind.UPDATE), SLOT_VALUES),
    st.tuples(st.just(USER), st.sampled_from([OpKind.CONFIRM, OpKind.REJECT]), SLOT_VALUES),
)
LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def walked(moves: list[tuple[Actor, OpKind, tuple[str, str]]]) -> Log:
    log = Log()
    for number, (actor, kind, (slot, value)) in enumerate(moves):
        op = Op(kind, slot, value, old="a" if kind is OpKind.UPDATE else "")
        if kind in (OpKind.CONFIRM, OpKind.REJECT):
            asked = waiting(log.profile)
            if not asked:
                continue
            op = Op(kind, fact=asked[ord(value) % len(asked)].id)
        batch = BATCH + str(number // 3) if actor is IMPORT else ""
        turn = IMPORTED + "mem0" if actor is IMPORT else ""
        log.take(actor, op, turn, batch, WAITS if actor is IMPORT else 1.0)
    return log


@given(st.lists(MOVES, max_size=12))
@LAW
def test_undo_by_undo_returns_to_nothing_and_never_gets_stuck(moves) -> None:
    log = walked(moves)
    for _ in range(len(log.events)):
        if log.profile == Profile():
            break
        before = log.profile
        log.undo()
        assert log.profile != before
    assert log.profile == Profile()


@given(st.lists(MOVES, max_size=12))
@LAW
def test_saying_no_to_all_changes_nothing_that_holds(moves) -> None:
    log = walked(moves)
    before = log.holds()
    log.answer(False)
    assert log.holds() == before
    assert log.asks() == []


@given(st.lists(MOVES, max_size=12))
@LAW
def test_what_waits_is_never_told_and_an_undone_batch_is_gone_whole(moves) -> None:
    log = walked(moves)
    told = {fact.id for fact in log.profile.active()}
    assert not told & {fact.id for fact in waiting(log.profile)}
    for event in [event for event in log.events if event.batch]:
        op = Op(OpKind.UNDO, undoes=event.seq)
        undone = [*log.events, Event(99, "u", "z", USER, op)]
        assert all(other.batch != event.batch for other in effective(undone))


@given(st.lists(MOVES, max_size=12), MOVES)
@LAW
def test_what_was_said_no_to_is_not_asked_again_by_the_same(moves, last) -> None:
    log = walked(moves)
    log.answer(False)
    before = log.profile
    for event in [e for e in log.events if e.actor is not USER and e.source]:
        again = apply(before, replace(event, seq=98, id="again", at="2026-01-01T00:01:00Z"))
        made = again.profile.facts.get("again")
        assert made is None or made.state is not FactState.CANDIDATE or not _rejected(before, made)


def _rejected(profile: Profile, made) -> bool:
    return any(
        fact.state is FactState.REJECTED
        and (fact.slot, fact.value, fact.polarity) == (made.slot, made.value, made.polarity)
        and {s.turn for s in fact.sources} & {s.turn for s in made.sources}
        for fact in profile.facts.values()
    )
