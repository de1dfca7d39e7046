"""The score and its cues."""

import pytest

from pocket_agent.memory.cues import (
    asks_for_your_words,
    is_request,
    speaks_of_self,
    tells_taste,
)
from pocket_agent.memory.scoring import (
    QUESTION,
    REQUEST,
    YOUR_WORDS,
    Candidate,
    coverage,
    score,
    weights_for,
)


def candidate(number: int = 2, *, by_person: bool = False, text: str = "") -> Candidate:
    return Candidate(number, 1, 3, by_person, text)


def test_coverage_is_a_share() -> None:
    assert coverage(-4.4, 2.0) == 1.0
    assert coverage(-2.2, 2.0) == 0.5
    assert coverage(-99.0, 2.0) == 1.0
    assert coverage(0.0, 2.0) == 0.0
    assert coverage(-1.0, 0.0) == 0.0


def test_the_score_is_the_formula() -> None:
    cosines, coverages = {1: 0.2, 2: 0.5, 3: 0.1}, {2: 0.5, 3: 1.0}
    expected = 0.5 + 6 * 0.25 + 0.1 * (0.2 + (0.1 + 6))
    assert score(candidate(), cosines, coverages, QUESTION) == pytest.approx(expected)


def test_what_a_person_told_of_themselves_has_a_start() -> None:
    def of(text: str, *, by_person: bool = True) -> float:
        return score(candidate(text=text, by_person=by_person), {}, {}, REQUEST)

    assert of("I hate noise", by_person=False) == 0
    assert of("The sky is blue") == pytest.approx(0.1)
    assert of("I live in Porto") == pytest.approx(0.2)
    assert of("I hate noise") == pytest.approx(0.35)
    assert of("Do I hate noise?") == pytest.approx(0.1)


@pytest.mark.parametrize(
    "text",
    [
        "Recommend me a place to eat",
        "What should I cook tonight?",
        "where can we go in may",
        "Plan a weekend in Rome",
        "any good films?",
        "How do I get from Munich to Milan?",
        "help me choose a phone",
    ],
)
def test_requests(text: str) -> None:
    assert is_request(text)
    assert weights_for(text) is REQUEST


@pytest.mark.parametrize(
    "text",
    [
        "What is my cat called?",
        "Where did I say I should go?",
        "What am I allergic to?",
        "who recommended the book",
        "Which city do I live in?",
        "Remind me what I should take to Rome",
        "",
    ],
)
def test_questions_are_no_requests(text: str) -> None:
    assert not is_request(text)
    assert weights_for(text) is not REQUEST


@pytest.mark.parametrize(
    "text",
    [
        "What did you tell me about roses?",
        "could you remind me of the shop we talked about",
        "which book have you recommended",
        "what was your advice?",
    ],
)
def test_questions_about_the_assistants_words(text: str) -> None:
    assert asks_for_your_words(text)
    weights = weights_for(text)
    assert weights is YOUR_WORDS
    mine = score(candidate(text="I hate noise", by_person=True), {}, {}, weights)
    assert mine < score(candidate(text="Try earplugs"), {}, {}, weights)


@pytest.mark.parametrize(
    "text", ["Can you recommend a book?", "What is my name?", "Do you say so?"]
)
def test_other_questions_are_not_about_its_words(text: str) -> None:
    assert not asks_for_your_words(text)
    assert weights_for(text) is not YOUR_WORDS


def test_cues_of_a_statement() -> None:
    assert speaks_of_self("ok. I've moved to Porto! nice?")
    assert not speaks_of_self("What should I do?")
    assert not speaks_of_self("He lives in Rome.")
    assert tells_taste("I get nervous in loud rooms")
    assert tells_taste("my back can’t take it")
    assert not tells_taste("I saw Anna. Everybody loves her.")
