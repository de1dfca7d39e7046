"""The field one types into: line breaks, pastes, history, and letters typed before the screen."""

import asyncio

import pytest
from driving import (
    app_with,
    prompt_of,
    say,
    shows,
    type_before_the_first_picture,
    wait_until,
)
from scripted import ScriptedBackend
from textual import events
from textual._xterm_parser import XTermParser
from textual.events import Paste


async def test_enter_sends_and_the_other_keys_break_the_line() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        await pilot.press("a", "ctrl+j", "b", "shift+enter", "c", "alt+enter", "d")
        assert prompt_of(pilot).text == "a\nb\nc\nd"
        await pilot.press("enter")
        await wait_until(pilot, lambda: backend.said == ["a\nb\nc\nd"], "the message")


async def test_enter_can_be_the_line_break_instead() -> None:
    backend = ScriptedBackend()
    async with app_with(backend, enter_sends=False).run_test(notifications=True) as pilot:
        await pilot.press("a", "enter", "b", "ctrl+j")
        await wait_until(pilot, lambda: backend.said == ["a\nb"], "the message")


async def test_a_pasted_text_of_many_lines_stays_one_message() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        prompt_of(pilot).post_message(Paste("one\r\ntwo\nthree"))
        await pilot.pause()
        assert backend.said == []
        await pilot.press("enter")
        await wait_until(pilot, lambda: backend.said == ["one\ntwo\nthree"], "the message")


async def test_alt_enter_of_a_plain_terminal_is_a_line_break() -> None:
    app_with()
    keys = [getattr(event, "key", "") for event in XTermParser().feed("\x1b\r")]
    assert keys == ["ctrl+j"]


async def test_blank_messages_are_not_sent() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        await pilot.press("space", "ctrl+j", "enter")
        await pilot.pause()
        assert backend.said == []


async def test_up_and_down_walk_the_history_and_keep_the_draft() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "one")
        await say(pilot, "two\nlines")
        await wait_until(pilot, lambda: len(backend.said) == 2, "both")
        await pilot.press("d", "up")
        assert prompt_of(pilot).text == "two\nlines"
        await pilot.press("up")
        assert prompt_of(pilot).text == "two\nlines", "inside the text, up moves the cursor"
        await pilot.press("up")
        assert prompt_of(pilot).text == "one"
        await pilot.press("down", "down", "down")
        assert prompt_of(pilot).text == "d"


async def test_a_very_long_paste_is_a_sign_in_the_field_and_whole_when_sent() -> None:
    backend = ScriptedBackend()
    whole = "word\n" * 20_000
    async with app_with(backend).run_test(notifications=True) as pilot:
        prompt_of(pilot).insert("See: ")
        prompt_of(pilot).post_message(Paste(whole))
        await shows(pilot, "See: [text 1: 100,000 characters, 20,001 lines]")
        await pilot.press("enter")
        await shows(pilot, "more characters (Enter unfolds)")
        await wait_until(pilot, lambda: backend.said == [f"See: {whole}".strip()], "all of it")
        await pilot.press("up")
        assert "[text 1: 100,004 characters" in prompt_of(pilot).text
        await pilot.press("enter")
        await wait_until(pilot, lambda: len(backend.said) == 2, "it again")
    assert backend.said[0] == backend.said[1]


async def test_letters_typed_faster_than_they_are_shown_keep_their_order() -> None:
    backend = ScriptedBackend()
    app = app_with(backend)
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
        for letter in "sent":
            app.post_message(events.Key(letter, letter))
        app.post_message(events.Key("enter", "\r"))
        for letter in "next":
            app.post_message(events.Key(letter, letter))
        await wait_until(pilot, lambda: prompt_of(pilot).text == "next", "the letters after it")
        await wait_until(pilot, lambda: backend.said == ["sent"], "the message")


async def test_what_is_typed_before_the_first_picture_is_kept_and_its_enter_sends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    type_before_the_first_picture(monkeypatch)
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: backend.said == ["early"], "the message")
        assert prompt_of(pilot).text == "next"


async def test_what_waits_is_written_down_and_comes_back_after_a_kill() -> None:
    hold = asyncio.Event()
    backend = ScriptedBackend(hold_load=hold)
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "first")
        await say(pilot, "second")
        await wait_until(pilot, lambda: backend.kept == ["first", "second"], "both kept")
        kept = list(backend.kept)
        hold.set()
        await wait_until(pilot, lambda: backend.said == ["first", "second"], "both sent")
        await wait_until(pilot, lambda: backend.kept == [], "nothing kept")
    again = ScriptedBackend()
    again.kept = kept
    async with app_with(again).run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: prompt_of(pilot).text == "first\nsecond", "the draft")
