"""When a question goes behind a reply, which one, and when none does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocket_agent.policy.asking import (
    GAP,
    INTERVIEW,
    LATER,
    Answer,
    Past,
    asked,
    choose,
    heard,
    interview,
    met,
    reaction,
)
from pocket_agent.profile.slots import BY_NAME, Sensitivity

DINNER = "Can you suggest something for dinner?"


def name_of(text: str, known: frozenset[str] = frozenset(), past: Past | None = None) -> str:
    slot = choose(text, known, past or Past())
    return slot.name if slot else ""


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        (DINNER, {"diet", "allergy", "food"}),
        ("recommend me a film for tonight", {"show"}),
        ("What should I read next, a novel maybe?", {"reading"}),
        ("where can i go for a weekend trip", {"travel", "transport", "hobby", "home"}),
        ("Which laptop should I buy?", {"tech", "budget"}),
    ],
)
def test_a_request_asks_for_what_it_hangs_on(text: str, slots: set[str]) -> None:
    assert name_of(text) in slots


@pytest.mark.parametrize(
    "text",
    [
        "I had dinner with my sister",
        "haha thanks!",
        "what is the capital of Peru",
        "Fix this: def f(x): return x +",
        "I love this song",
        "",
    ],
)
def test_nothing_is_asked_where_nothing_hangs_on_it(text: str) -> None:
    assert name_of(text) == ""


def test_what_is_known_is_never_asked() -> None:
    known = frozenset({"diet", "allergy", "food"})
    assert name_of(DINNER, known) == ""
    assert name_of(DINNER, known - {"food"}) == "food"


def turns(past: Past, count: int) -> Past:
    for _ in range(count):
        past = heard(past, "and what else is new")
    return past


def test_a_slot_is_asked_once_and_the_next_waits() -> None:
    first = name_of(DINNER)
    past = asked(heard(Past(), DINNER), first)
    assert name_of(DINNER, past=turns(past, GAP - 1)) == ""
    assert name_of(DINNER, past=turns(past, GAP)) not in ("", first)


def test_a_refusal_closes_the_slot_and_doubles_the_wait() -> None:
    first = name_of(DINNER)
    past = heard(asked(heard(Past(), DINNER), first), "I'd rather not say")
    assert past.slots[first][0] is Answer.REFUSED
    assert name_of(DINNER, past=turns(past, GAP)) == ""
    assert name_of(DINNER, past=turns(past, 2 * GAP)) not in ("", first)


def test_later_comes_again_much_later() -> None:
    past = heard(asked(heard(Past(), DINNER), "diet"), "later please")
    known = frozenset(BY_NAME) - {"diet"}
    assert name_of(DINNER, known, turns(past, LATER - 1)) == ""
    assert name_of(DINNER, known, turns(past, LATER)) == "diet"


def test_never_is_never() -> None:
    past = heard(asked(heard(Past(), DINNER), "diet"), "Please stop asking me things")
    assert past.stopped
    assert name_of(DINNER, past=turns(past, 1000)) == ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("no idea", Answer.LATER),
        ("Skip.", Answer.LATER),
        ("none of your business", Answer.REFUSED),
        ("never", Answer.STOP),
        ("I never eat meat", None),
        ("No, nothing special", None),
        ("vegan", None),
        ("I don't know what my sister would say to that but I have always kept kosher", None),
    ],
)
def test_how_a_question_is_met(text: str, answer: Answer | None) -> None:
    assert reaction(text) is answer


@given(st.text(), st.sets(st.sampled_from(sorted(BY_NAME))))
def test_only_an_empty_slot_that_is_not_sensitive_is_asked(text: str, known: set[str]) -> None:
    for said in (text, f"suggest me {text}", f"recommend food music trip cv {text}"):
        slot = choose(said, known, Past())
        if slot is not None:
            assert slot.name not in known
            assert slot.sensitivity is not Sensitivity.SENSITIVE


def test_an_interview_is_short_and_asks_what_is_empty() -> None:
    first = interview((), Past())
    assert len(first) == INTERVIEW
    assert all(slot.sensitivity is not Sensitivity.SENSITIVE for slot in first)
    rest = interview({first[0].name}, met(Past(), first[1].name, Answer.LATER))
    assert not {first[0], first[1]} & set(rest)
    assert interview((), met(Past(), first[0].name, Answer.STOP)) == []
    assert interview(BY_NAME, Past()) == []
