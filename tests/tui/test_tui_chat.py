"""The chat, driven by keys: messages, replies, stopping, and what is learnt."""

import asyncio

from driving import app_with, prompt_of, say, screen_text, shows, shows_no, wait_until
from scripted import ScriptedBackend
from tui_samples import AT

from pocket_agent.errors import ModelError, StoreBusyError
from pocket_agent.tui.widgets.entries import MemoryLine


async def test_it_paints_and_takes_a_message_before_the_model_is_there() -> None:
    hold = asyncio.Event()
    backend = ScriptedBackend(hold_load=hold)
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "first things first")
        await shows(pilot, "You · queued")
        await shows(pilot, "loading SmolLM2-135M-Instruct 40% · 1 queued")
        hold.set()
        await shows(pilot, "Hello there.")
        await shows_no(pilot, "queued")
    assert backend.said == ["first things first"]
    assert backend.closed


async def test_a_reply_is_markdown() -> None:
    reply = ("Some **bo", "ld** and\n\n- a\n", "- list\n\n```python\nx = 1\n", "```\n")
    async with app_with(ScriptedBackend(reply)).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Some bold and")
        await shows(pilot, "• list")
        await shows(pilot, "x = 1")
        assert "**" not in screen_text(pilot.app)
        assert "```" not in screen_text(pilot.app)


async def test_escape_stops_and_keeps_what_is_there() -> None:
    async with app_with(ScriptedBackend(gate=asyncio.Event())).run_test(
        notifications=True
    ) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Hello")
        await shows(pilot, "● answering")
        await pilot.press("escape")
        await shows(pilot, "Pocket · stopped")
        assert "Hello" in screen_text(pilot.app)


async def test_a_reply_that_is_cut_at_its_limit_says_so() -> None:
    async with app_with(ScriptedBackend(finish="length")).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Pocket · cut at its length limit")


async def test_ctrl_c_stops_too_and_otherwise_says_how_to_leave() -> None:
    async with app_with(ScriptedBackend(gate=asyncio.Event())).run_test(
        notifications=True
    ) as pilot:
        await pilot.press("ctrl+c")
        await shows(pilot, "ctrl+q leaves")
        await say(pilot, "hi")
        await shows(pilot, "Hello")
        await pilot.press("ctrl+c")
        await shows(pilot, "Pocket · stopped")


async def test_messages_queue_while_it_answers_and_escape_gives_them_back_while_it_loads() -> None:
    hold = asyncio.Event()
    async with app_with(ScriptedBackend(hold_load=hold)).run_test(notifications=True) as pilot:
        await say(pilot, "one")
        await say(pilot, "two")
        await shows(pilot, "2 queued")
        await pilot.press("escape")
        await shows(pilot, "1 queued")
        assert prompt_of(pilot).text == "two"
        hold.set()
        await shows(pilot, "○ ready")


async def test_what_is_learnt_is_one_quiet_line_with_undo() -> None:
    backend = ScriptedBackend(learns=("remembered: home · Porto (was Leeds)",))
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "I moved to Porto")
        await shows(pilot, "↳ remembered: home · Porto (was Leeds)   ctrl+u undo")
        await pilot.press("x", "ctrl+u")
        assert prompt_of(pilot).text == ""
        assert backend.undone == [], "with a text in the field, ctrl+u cuts the line"
        await pilot.press("ctrl+u")
        await shows(pilot, "undone")
        await shows_no(pilot, "ctrl+u undo")


async def test_any_line_can_be_undone_by_key_and_by_click() -> None:
    backend = ScriptedBackend(learns=("remembered: first", "remembered: second"))
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "second   ctrl+u undo")
        await shows(pilot, "first   undo")
        rows = [line.row.seq for line in pilot.app.screen.query(MemoryLine)]
        await pilot.press("shift+tab", "shift+tab", "u")
        await wait_until(pilot, lambda: backend.undone == [rows[0]], "the first undone")
        last = pilot.app.screen.query(MemoryLine).last()
        start = len("  ↳ remembered: second   ")
        await pilot.click(last, offset=(start + 2, 0))
        await wait_until(pilot, lambda: backend.undone == rows, "the second undone")


async def test_a_full_context_is_told_in_a_line() -> None:
    async with app_with(ScriptedBackend(dropped=4)).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "The context is full: what the model reads begins here.")


async def test_no_model_leaves_the_app_open_with_a_line() -> None:
    backend = ScriptedBackend(fail_load=ModelError("There is no model", "Add one."))
    async with app_with(backend).run_test(notifications=True) as pilot:
        await shows(pilot, "✗ There is no model. Add one.")
        await shows(pilot, "✗ no model")
        await pilot.press("f2")
        await shows(pilot, "Porto")


async def test_a_busy_profile_ends_the_app_with_one_line() -> None:
    backend = ScriptedBackend(fail_open=StoreBusyError("The profile is open elsewhere"))
    app = app_with(backend)
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: app.return_code == 1, "the end")
    assert app.return_value == "The profile is open elsewhere"


async def test_incognito_is_said_at_the_top() -> None:
    async with app_with(incognito=True).run_test(notifications=True) as pilot:
        await shows(pilot, "default · incognito · New conversation")


async def test_a_new_profile_that_was_named_is_told() -> None:
    async with app_with(new_profile=True).run_test(notifications=True) as pilot:
        await shows(pilot, "– a new profile, default, was made")


def test_dates_of_the_script_are_fixed() -> None:
    assert AT.endswith("Z"), "snapshots must not depend on the day they are taken"
