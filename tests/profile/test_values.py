"""Values: found as runs of whole words, tidied, compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocket_agent.profile.sources import MAX_QUOTE, ground, sentences
from pocket_agent.profile.values import clean, find_span, key, words


@pytest.mark.parametrize(
    ("value", "tidy"),
    [
        (" the  Blue Note. ", "Blue Note"),
        ("my sister Ana", "sister Ana"),
        ("“strict gluten-free diet”", "strict gluten-free diet"),
        ("The", "The"),
        ("a", "a"),
        ("...", ""),
    ],
)
def test_clean(value: str, tidy: str):
    assert clean(value) == tidy


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Olives", "olive", True),
        ("the Blue Note", "blue note!", True),
        ("strawberries", "strawberry", True),
        ("bus", "bu", False),
        ("C++", "C", False),
        ("glass", "glas", False),
        ("ﬁsh", "fish", True),
        ("my sister's", "sister", True),
    ],
)
def test_key(one: str, other: str, same: bool):
    assert (key(one) == key(other)) is same


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("I live in New York now", "new york", "New York"),
        ("I live in New Yorkshire", "new york", None),
        ("gluten-free, always", "gluten-free", "gluten-free"),
        ("I can't eat nuts.", "nut", "nuts"),
        ("it's my sister's birthday", "sister", "sister"),
        ("I only wear Levi's, sorry", "levi's", "Levi's"),
        ("my dog’s called Rex", "dog", "dog"),
        ("", "x", None),
        ("x", "", None),
    ],
)
def test_find_span(text: str, value: str, found: str | None):
    span = find_span(text, value)
    assert (text[slice(*span)] if span else None) == found


def test_ground_quotes_the_sentence():
    text = "Hi there. I moved to Porto last week! Nice, no?"
    source = ground("t", text, "porto")
    assert source is not None
    assert source.quote == "I moved to Porto last week!"
    assert text[source.start : source.end] == source.quote


def test_ground_falls_back_on_the_question():
    source = ground("t", "yes, both", "ramen", "Sure. Do you like ramen or sushi?")
    assert source is not None
    assert (source.quote, source.question) == ("yes, both", "Do you like ramen or sushi?")
    assert ground("t", "yes", "pizza", "Do you like ramen?") is None


@given(st.text())
def test_clean_and_key_settle(text: str):
    assert clean(clean(text)) == clean(text)
    assert key(clean(text)) == key(text)


@given(st.text(), st.data())
def test_any_run_of_words_is_found_and_grounded(text: str, data: st.DataObject):
    found = list(words(text))
    if not found:
        return
    first = data.draw(st.integers(0, len(found) - 1))
    last = data.draw(st.integers(first, min(len(found) - 1, first + 5)))
    value = text[found[first].start : found[last].end]
    assert find_span(text, value) is not None
    source = ground("t", text, value)
    assert source is not None
    assert source.quote == text[source.start : source.end]
    assert len(source.quote) <= max(MAX_QUOTE, len(value) + 1)


@given(st.text())
def test_sentences_cover_every_word(text: str):
    spans = sentences(text)
    for word in words(text):
        assert any(start <= word.start and word.end <= end for start, end in spans)
