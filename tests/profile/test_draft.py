"""A draft is the profile it stands for, step by step, and what it takes back was never there."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from laptops import Laptop, laptops, merged, slow

from pocket_agent.profile.draft import Draft
from pocket_agent.profile.facts import Actor, Event, Op, OpKind, Profile, Source
from pocket_agent.profile.redaction import Scope, redact, value_of
from pocket_agent.profile.rules import effective, replay, step


@given(laptops(), st.data())
@slow
def test_a_draft_says_and_does_what_a_profile_does(
    three: list[Laptop], data: st.DataObject
) -> None:
    log = effective(merged(*(laptop.log for laptop in three)))
    profile, draft = Profile(), Draft()
    for event in log:
        if data.draw(st.booleans()):
            step(draft, data.draw(st.sampled_from(log)))
            draft.take_back()
        was = profile
        applied = step(profile, event)
        done = step(draft, event)
        assert (done.outcome, done.fact) == (applied.outcome, applied.fact)
        profile = applied.profile
        changed = [(was.facts.get(n), f) for n, f in profile.facts.items() if was.facts.get(n) != f]
        assert [pair for pair in draft.changed() if pair[0] != pair[1]] == changed
        draft.keep()
        assert (draft.done(), draft.aliases) == (profile, profile.aliases)
        assert list(draft.facts) == list(profile.facts)
        for slot in ("home", "food", "pet"):
            assert draft.active(slot) == profile.active(slot)
            assert draft.candidates(slot) == profile.candidates(slot)
            assert draft.saying(slot, "Ramens") == profile.saying(slot, "Ramens")


def test_a_long_log_is_replayed_and_forgotten_in_without_copying() -> None:
    """20,000 facts of one slot: a copy for each event would take minutes."""
    source = Source("t", 0, 1, "x")
    made = Event(0, "", "2026-01-01", Actor.POLICY, Op(OpKind.ADD, "other"), source)
    log = [
        replace(made, seq=n, id=f"e{n}", op=replace(made.op, value=f"thing number {n}"))
        for n in range(1, 20_001)
    ]
    assert len(replay(log).active()) == 20_000
    value = value_of("other", "thing number 7")
    redacted = redact(log, Scope(values=frozenset({value})))
    assert [event.id for event in redacted.changed] == ["e7"]
