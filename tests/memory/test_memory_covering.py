"""Looking for a text: whole words in any script, or the characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocket_agent.memory.covering import Needle


@pytest.mark.parametrize(
    ("needle", "text"),
    [
        ("my ex", "I saw my ex."),
        ("my ex", "MY EX's flat; my\nex"),
        ("My-Ex!", "my ex"),
        ("straße", "In der STRASSE 5"),
        ("Zoë", "Zoe\u0308 rang"),
        ("exam", "ex\u00adam"),
        ("ex", "ｅｘ"),
        ("бывший", "Мой БЫВШИЙ, он"),
        ("前妻", "我的前妻来了"),
        ("แฟน", "ฉันคิดถึงแฟนเก่า"),
        ("हिंदी", "मैं हिंदी बोलता हूँ"),
        ("🙂", "fine 🙂🙂"),
        ("--", "a -- b"),
    ],
)
def test_it_is_found(needle: str, text: str) -> None:
    assert Needle(needle).within(text)


@pytest.mark.parametrize(
    ("needle", "text"),
    [
        ("my ex", "my exam"),
        ("my ex", "tommy ex"),
        ("my ex", "my best ex"),
        ("ex", "text, exes"),
        ("Ann", "Anna"),
        ("бывш", "бывший"),
        ("妻前", "前妻"),
        ("क", "कि"),
        ("🙂", "fine"),
    ],
)
def test_it_is_not_found(needle: str, text: str) -> None:
    assert not Needle(needle).within(text)


@given(st.text(max_size=12), st.text(max_size=30))
def test_what_holds_the_words_holds_them_whatever_stands_around(needle: str, text: str) -> None:
    found = Needle(needle)
    if found:
        assert found.within(f"{text}\n{needle}. {text}")
    assert Needle(needle, substring=True).within(f"{text} {needle} {text}") or not found


def test_characters_are_found_inside_of_words() -> None:
    assert Needle("my ex", substring=True).within("Tommy  EXAM")
    assert not Needle(" \n")
