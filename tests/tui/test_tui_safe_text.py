"""Nothing from outside may move the cursor, ring a bell or read as what it is not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pocket_agent.tui.safe_text import excerpt, one_line, printable


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    for character in printable(text):
        assert character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\u2028b\x0bc\x85d", "a\nb\nc\nd"),
        ("\x7f\x00", "␡␀"),
        ("\x9b31m", "\ufffd31m"),
        ("file\u202egnp.exe", "file\ufffdgnp.exe"),
        ("\ud800", "\ufffd"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_signs_stand_for_what_can_not_be_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(), st.integers(1, 40))
def test_one_line_is_one_line_of_that_width(text: str, width: int) -> None:
    line = one_line(text, width)
    assert "\n" not in line
    assert cell_len(line) <= width
    assert len(line) <= 8 * width + 1


def test_one_line_says_that_it_was_cut() -> None:
    assert one_line("a long title", 8) == "a long…"


@given(st.text(), st.integers(0, 50), st.integers(1, 5))
def test_an_excerpt_and_what_it_leaves_out_are_the_whole(
    text: str, characters: int, lines: int
) -> None:
    head, left = excerpt(text, characters, lines)
    assert text.startswith(head)
    assert len(head) + left == len(text)
    assert len(head) <= characters
    assert head.count("\n") < lines
