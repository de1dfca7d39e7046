"""The laws of the profile, as examples and as properties."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocket_agent.errors import ProfileError
from pocket_agent.profile.facts import (
    Actor,
    Event,
    FactState,
    Op,
    OpKind,
    Polarity,
    Profile,
    Source,
)
from pocket_agent.profile.rules import (
    Outcome,
    apply,
    as_of,
    effective,
    replay,
    undo_target,
)
from pocket_agent.profile.slots import BY_NAME, POLAR, SINGLE
from pocket_agent.profile.values import key


def event(seq: int, op: Op, actor: Actor = Actor.POLICY, **more: Any) -> Event:
    quote = f"well, {op.value} it is"
    source = Source(f"t{seq}", 0, len(quote), quote) if op.value else None
    made = Event(seq, f"e{seq}", f"2026-01-01T00:00:{seq % 60:02d}Z", actor, op, source)
    return replace(made, **more)


def add(slot: str, value: str, polarity: Polarity = Polarity.LIKES) -> Op:
    return Op(OpKind.ADD, slot, value, polarity=polarity)


def fold(*ops: Op | tuple[Op, Actor]) -> Profile:
    pairs = [op if isinstance(op, tuple) else (op, Actor.POLICY) for op in ops]
    return replay(event(i, op, actor) for i, (op, actor) in enumerate(pairs, 1))


def values(profile: Profile, slot: str) -> list[str]:
    return [fact.value for fact in profile.active(slot)]


def test_the_same_value_again_adds_a_source():
    profile = fold(add("food", "spicy noodles"), add("food", "the Spicy Noodle"))
    (fact,) = profile.active("food")
    assert fact.value == "spicy noodles"
    assert [source.turn for source in fact.sources] == ["t1", "t2"]


def test_a_single_valued_slot_supersedes():
    profile = fold(add("home", "Leeds"), add("home", "Porto"))
    assert values(profile, "home") == ["Porto"]
    old = profile.facts["e1"]
    assert (old.state, old.replaced_by) == (FactState.SUPERSEDED, "e2")


def test_a_slot_of_many_keeps_both():
    assert values(fold(add("pet", "cat Miso"), add("pet", "a dog")), "pet") == ["cat Miso", "dog"]


def test_a_taste_that_turns_round_replaces_itself():
    profile = fold(add("food", "ramen"), add("food", "ramen", Polarity.AVOIDS))
    (fact,) = profile.active("food")
    assert fact.polarity is Polarity.AVOIDS


def test_what_was_set_by_hand_is_only_proposed_against():
    profile = fold((add("home", "Leeds"), Actor.USER), add("home", "Porto"))
    assert values(profile, "home") == ["Leeds"]
    assert [fact.value for fact in profile.candidates()] == ["Porto"]


def test_a_locked_fact_stays_and_the_person_may_still_change_it():
    lock = (Op(OpKind.LOCK, fact="e1"), Actor.USER)
    remove = Op(OpKind.REMOVE, "home", "Leeds")
    assert values(fold(add("home", "Leeds"), lock, remove), "home") == ["Leeds"]
    assert values(fold(add("home", "Leeds"), lock, (remove, Actor.USER)), "home") == []


def test_a_weak_claim_waits_and_confirming_it_supersedes():
    base = fold(add("home", "Leeds"))
    weak = event(2, add("home", "Porto"), confidence=0.2)
    waiting = apply(base, weak)
    assert waiting.outcome is Outcome.PROPOSED
    assert values(waiting.profile, "home") == ["Leeds"]
    sure = apply(waiting.profile, event(3, Op(OpKind.CONFIRM, fact="e2"), Actor.USER))
    assert values(sure.profile, "home") == ["Porto"]


def test_a_weak_claim_said_firmly_later_is_one_fact():
    weak = event(1, add("home", "Porto"), confidence=0.2)
    firm = event(2, add("home", "Porto"))
    profile = replay([weak, firm])
    assert values(profile, "home") == ["Porto"]
    assert profile.candidates() == []


def test_update_names_the_old_value_and_keeps_what_else_is_there():
    update = Op(OpKind.UPDATE, "pet", "dog Rex", old="cat Miso")
    profile = fold(add("pet", "cat Miso"), add("pet", "fish"), update)
    assert values(profile, "pet") == ["fish", "dog Rex"]


def test_update_to_a_value_already_held_leaves_one():
    update = Op(OpKind.UPDATE, "pet", "fish", old="cat Miso")
    profile = fold(add("pet", "cat Miso"), add("pet", "fish"), update)
    assert values(profile, "pet") == ["fish"]
    assert profile.facts["e1"].replaced_by == "e2"


def refile(fact: str, slot: str, value: str, polarity: Polarity = Polarity.LIKES) -> Op:
    return Op(OpKind.UPDATE, slot, value, polarity=polarity, fact=fact)


def test_what_was_filed_wrongly_keeps_its_words_and_its_day():
    log = [
        event(1, add("plan", "Porto"), since="2025-01"),
        event(2, Op(OpKind.PIN, fact="e1"), Actor.USER),
        event(3, refile("e1", "home", "Porto"), Actor.USER, source=Source("", 0, 5, "Porto")),
    ]
    was, now = replay(log[:2]).facts["e1"], replay(log).facts["e3"]
    assert (now.slot, now.value, now.state) == ("home", "Porto", FactState.ACTIVE)
    assert (now.learnt, now.since, now.pinned) == (was.learnt, "2025-01", True)
    assert now.sources == (Source("", 0, 5, "Porto"), *was.sources)
    assert replay(log).facts["e1"].replaced_by == "e3"
    undo = event(4, Op(OpKind.UNDO, undoes=3), Actor.USER)
    assert replay([*log, undo]) == replay(log[:2])


def test_a_taste_is_turned_round_with_its_words():
    avoids = refile("e1", "food", "olives", Polarity.AVOIDS)
    profile = replay([event(1, add("food", "olives")), event(2, avoids, Actor.USER)])
    (held,) = profile.active("food")
    assert held.polarity is Polarity.AVOIDS
    assert [source.turn for source in held.sources] == ["t2", "t1"]


def test_what_is_refiled_where_the_same_is_held_already_is_one_fact():
    log = [event(1, add("plan", "Porto")), event(2, add("home", "Porto"))]
    profile = replay([*log, event(3, refile("e1", "home", "Porto"), Actor.USER)])
    assert [fact.id for fact in profile.active()] == ["e2"]
    assert {source.turn for source in profile.facts["e2"].sources} == {"t1", "t2", "t3"}
    assert profile.facts["e2"].learnt == profile.facts["e1"].learnt


def test_what_is_refiled_into_a_slot_of_one_takes_the_place_of_what_is_there():
    log = [event(1, add("plan", "Porto")), event(2, add("home", "Leeds"))]
    profile = replay([*log, event(3, refile("e1", "home", "Porto"), Actor.USER)])
    assert [(fact.id, fact.value) for fact in profile.active()] == [("e3", "Porto")]
    assert {source.turn for source in profile.active()[0].sources} == {"t1", "t3"}


def test_update_of_something_unknown_adds():
    assert values(fold(Op(OpKind.UPDATE, "home", "Porto", old="Leeds")), "home") == ["Porto"]


def test_removing_something_unknown_changes_nothing():
    base = fold(add("food", "ramen"))
    applied = apply(base, event(9, Op(OpKind.REMOVE, "food", "sushi")))
    assert applied.outcome is Outcome.UNCHANGED
    assert applied.profile == base


@pytest.mark.parametrize(
    "op",
    [
        Op(OpKind.ADD, "nonsense", "x"),
        Op(OpKind.ADD, "food", " ... "),
        Op(OpKind.ADD, "home", "Leeds", polarity=Polarity.AVOIDS),
    ],
)
def test_the_schema_is_held(op: Op):
    with pytest.raises(ProfileError):
        apply(Profile(), event(1, op))


def test_the_policy_can_not_store_what_nobody_said():
    invented = event(1, add("food", "ramen"))
    for source in (None, Source("t1", 0, 5, "hello"), Source("", 0, 5, "ramen")):
        with pytest.raises(ProfileError):
            apply(Profile(), replace(invented, source=source))


def test_an_answer_may_rest_on_the_question():
    answer = Source("t1", 0, 10, "yes, both!", question="Do you like ramen or sushi?")
    applied = apply(Profile(), replace(event(1, add("food", "ramen")), source=answer))
    assert applied.outcome is Outcome.ADDED


def test_undo_of_an_undo_brings_it_back():
    log = [event(1, add("food", "ramen"))]
    log.append(event(2, Op(OpKind.UNDO, undoes=1), Actor.USER))
    assert replay(log).active() == []
    log.append(event(3, Op(OpKind.UNDO, undoes=2), Actor.USER))
    assert values(replay(log), "food") == ["ramen"]
    assert undo_target(log).seq == 1


def test_undo_with_nothing_to_undo_says_so():
    with pytest.raises(ProfileError, match="nothing to undo"):
        undo_target([])
    with pytest.raises(ProfileError, match="no event 7"):
        undo_target([event(1, add("food", "ramen"))], 7)


def test_undo_passes_over_what_does_nothing_any_more():
    log = [
        event(1, add("food", "ramen")),
        event(2, add("food", "sushi")),
        event(3, Op(OpKind.LOCK, fact="e2"), Actor.USER),
        event(4, Op(OpKind.UNDO, undoes=2), Actor.USER),
    ]
    assert undo_target(log).seq == 1


def test_a_mark_outlives_the_undo_of_its_fact():
    log = [
        event(1, add("food", "ramen")),
        event(2, Op(OpKind.LOCK, fact="e1"), Actor.USER),
        event(3, Op(OpKind.UNDO, undoes=1), Actor.USER),
    ]
    assert replay(log) == Profile()


def test_as_of_is_the_profile_of_that_moment():
    log = [event(1, add("home", "Leeds")), event(2, add("home", "Porto"))]
    assert values(as_of(log, log[0].at), "home") == ["Leeds"]


# --- properties -----------------------------------------------------------------------------

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no fault of the rules."""
WORDS = ["ramen", "Ramen", "the ramens", "sushi", "cat Miso", "Leeds", "porto", "green tea"]
slots = st.sampled_from(["home", "food", "pet", "tone", "music"])


@st.composite
def ops(draw: st.DrawFn) -> Op:
    kind = draw(st.sampled_from(list(OpKind)))
    slot = draw(slots)
    avoids = slot in POLAR and draw(st.booleans())
    if kind is OpKind.UPDATE and draw(st.booleans()):
        sign = Polarity.AVOIDS if avoids else Polarity.LIKES
        return refile(draw(st.sampled_from(["e1", "e2", "e3"])), slot, "sushi", sign)
    return Op(
        kind,
        slot,
        draw(st.sampled_from(WORDS)),
        old=draw(st.sampled_from(WORDS)),
        polarity=Polarity.AVOIDS if avoids else Polarity.LIKES,
        fact=draw(st.sampled_from(["", "e1", "e2", "e3"]))
        if kind not in (OpKind.ADD, OpKind.UPDATE)
        else "",
        undoes=draw(st.integers(1, 12)),
    )


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    made = draw(st.lists(st.tuples(ops(), st.sampled_from(Actor), st.floats(0, 1)), max_size=14))
    log = []
    for seq, (op, actor, confidence) in enumerate(made, 1):
        if op.kind is OpKind.UNDO:
            if op.undoes >= seq:
                continue
            op = Op(OpKind.UNDO, undoes=op.undoes)
        log.append(event(seq, op, actor, confidence=confidence))
    return log


@given(logs())
@PATIENT
def test_applying_one_by_one_is_replaying(log: list[Event]):
    profile = Profile()
    counting = effective(log)
    for item in counting:
        profile = apply(profile, item).profile
    assert profile == replay(log)


@given(logs(), ops())
@PATIENT
def test_undo_returns_exactly_the_earlier_state(log: list[Event], op: Op):
    if op.kind is OpKind.UNDO:
        return
    last = event(99, op)
    undo = event(100, Op(OpKind.UNDO, undoes=99), Actor.USER)
    assert replay([*log, last, undo]) == replay(log)


def undone(log: list[Event], name: str) -> list[Event]:
    """The log with an undo behind it that names no number."""
    op = Op(OpKind.UNDO, undoes=undo_target(log).seq)
    return [*log, event(log[-1].seq + 1, op, Actor.USER, id=name)]


@given(logs(), st.lists(ops(), max_size=6))
@PATIENT
def test_undoing_several_times_returns_each_earlier_state(log: list[Event], more: list[Op]):
    states = [replay(log)]
    for seq, op in enumerate(more, 100):
        if op.kind is OpKind.UNDO:
            continue
        made = event(seq, op)
        applied = apply(states[-1], made)
        if applied.changed:  # otherwise the store keeps no event
            log = [*log, made]
            states.append(applied.profile)
    for number, state in enumerate(reversed(states[:-1])):
        log = undone(log, f"u{number}")
        assert replay(log) == state


@given(logs())
@PATIENT
def test_undoing_again_and_again_ends_at_the_empty_profile(log: list[Event]):
    for number in range(len(log)):
        before = replay(log)
        if before == Profile():
            break
        log = undone(log, f"u{number}")
        assert replay(log) != before
    assert replay(log) == Profile()
    with pytest.raises(ProfileError, match="nothing to undo"):
        undo_target(log)


@given(logs())
@PATIENT
def test_one_value_in_single_slots_and_no_value_twice(log: list[Event]):
    profile = replay(log)
    active = profile.active()
    for slot in BY_NAME:
        here = [fact for fact in active if fact.slot == slot]
        assert len({key(fact.value) for fact in here}) == len(here)
        if slot in SINGLE:
            assert len(here) <= 1


@given(logs())
@PATIENT
def test_every_inferred_fact_has_a_quote(log: list[Event]):
    for fact in replay(log).facts.values():
        assert fact.sources
        assert all(source.quote for source in fact.sources)


@given(logs(), ops())
@PATIENT
def test_nothing_but_the_person_changes_what_is_protected(log: list[Event], op: Op):
    before = replay(log)
    if op.kind not in (OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE):
        return
    after = apply(before, event(99, op, Actor.POLICY)).profile
    for fact in before.active():
        if fact.locked or fact.actor is Actor.USER:
            kept = after.facts[fact.id]
            assert (kept.state, kept.value, kept.polarity) == (
                fact.state,
                fact.value,
                fact.polarity,
            )


@given(logs(), ops())
@PATIENT
def test_repeating_an_event_changes_the_profile_no_further(log: list[Event], op: Op):
    if op.kind is not OpKind.ADD:
        return
    once = apply(replay(log), event(98, op))
    again = apply(once.profile, replace(event(98, op), seq=99, id="e99"))
    assert not again.changed or again.outcome is Outcome.REINFORCED
    assert len(again.profile.facts) == len(once.profile.facts)
