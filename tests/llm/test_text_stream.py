"""Text comes out in whole characters and without any part of a stop string."""

import random

import pytest

from pocket_agent.llm.text_stream import TextStream


def run(chunks: list[bytes], stops: tuple[str, ...] = ()) -> tuple[list[str], bool]:
    stream = TextStream(stops)
    shown = [stream.push(chunk) for chunk in chunks]
    return [*shown, stream.finish()], stream.stopped


def test_a_character_split_over_tokens_is_shown_whole() -> None:
    wave = "👋".encode()
    shown, _ = run([b"hi ", wave[:1], wave[1:3], wave[3:], b"!"])
    assert shown == ["hi ", "", "", "👋", "!", ""]


def test_half_a_character_at_the_end_is_replaced() -> None:
    assert "".join(run([b"a", "é".encode()[:1]])[0]) == "a\ufffd"


def test_what_may_become_a_stop_string_is_held_back() -> None:
    shown, stopped = run([b"yes\nUs", b"e", b"ful"], ("\nUser:",))
    assert shown == ["yes", "", "\nUseful", ""]
    assert not stopped


def test_the_stop_string_and_what_follows_is_cut() -> None:
    shown, stopped = run([b"yes\nUs", b"er: no"], ("\nUser:",))
    assert ("".join(shown), stopped) == ("yes", True)


def test_held_text_is_given_at_the_end() -> None:
    assert run([b"yes\nUse"], ("\nUser:",)) == (["yes", "\nUse"], False)


def test_the_first_of_several_stops_wins() -> None:
    shown, _ = run([b"one END two STOP"], ("STOP", "END"))
    assert "".join(shown) == "one "


def test_empty_stop_strings_are_no_stop() -> None:
    assert "".join(run([b"text"], ("",))[0]) == "text"


@pytest.mark.parametrize("seed", range(50))
def test_any_cut_gives_the_same_text(seed: int) -> None:
    dice = random.Random(seed)
    text = "".join(dice.choice("ab\n|é👋") for _ in range(60))
    stops = ("a\nb", "|a", "👋👋")
    ends = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    raw, chunks = text.encode(), []
    while raw:
        size = dice.randint(1, 5)
        chunks.append(raw[:size])
        raw = raw[size:]
    assert "".join(run(chunks, stops)[0]) == text[: min(ends, default=len(text))]
