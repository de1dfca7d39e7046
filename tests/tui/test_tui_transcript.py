"""The turns on the screen: folded, windowed, marked, copied, and left alone while one reads."""

import asyncio

import pytest
from driving import app_with, say, screen_text, shows, shows_no, wait_until
from scripted import ScriptedBackend
from tui_samples import exchanges, turn

from pocket_agent.memory.records import TurnRole, TurnStatus
from pocket_agent.tui.clipboard import osc52
from pocket_agent.tui.widgets.entries import ReplyTurn, UserTurn
from pocket_agent.tui.widgets.transcript import Transcript
from pocket_agent.tui.widgets.window import MOST, SLACK, WINDOW


async def test_a_very_long_message_is_folded() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await say(pilot, "word " * 20_000)
        await shows(pilot, "Hello there.")
        folded = pilot.app.screen.query_one(UserTurn)
        assert folded.size.height < 100
        folded.focus()
        await pilot.press("enter")
        await wait_until(pilot, lambda: folded.size.height > 1000, "the whole text")


async def test_only_the_last_entries_are_mounted_and_older_ones_come_on_demand() -> None:
    turns = exchanges(60)
    async with app_with(ScriptedBackend(turns=turns), session="s1").run_test(
        notifications=True
    ) as pilot:
        await shows(pilot, "Question 59?")
        await shows_no(pilot, "Question 40?")
        mounted = len(pilot.app.screen.query(".turn"))
        assert mounted <= WINDOW
        await pilot.press(*["pageup"] * 8)
        await wait_until(
            pilot, lambda: len(pilot.app.screen.query(".turn")) > mounted, "older turns"
        )
        transcript = pilot.app.screen.query_one(Transcript)
        for _ in range(80):
            if "Question 0?" in screen_text(pilot.app):
                break
            await pilot.press("pageup")
            await pilot.pause(0.02)
        assert "Question 0?" in screen_text(pilot.app)
        assert len(pilot.app.screen.query(".turn")) <= MOST + SLACK
        await pilot.press("ctrl+end")
        await wait_until(pilot, lambda: transcript.following, "the end")
        await say(pilot, "new")
        await shows(pilot, "Hello there.")
        await wait_until(
            pilot,
            lambda: len(pilot.app.screen.query(".turn")) <= WINDOW + SLACK,
            "the window again",
        )


async def test_reading_further_up_is_not_disturbed_by_what_comes() -> None:
    gate = asyncio.Event()
    reply = ("begin\n\n", "more\n\n" * 30)
    backend = ScriptedBackend(reply, turns=exchanges(10), gate=gate)
    async with app_with(backend, session="s1").run_test(notifications=True) as pilot:
        await shows(pilot, "Question 9?")
        await say(pilot, "go")
        await shows(pilot, "begin")
        await pilot.press("pageup")
        await pilot.pause()
        before = pilot.app.screen.query_one(Transcript).scroll_y
        gate.set()
        await shows(pilot, "○ ready")
        assert pilot.app.screen.query_one(Transcript).scroll_y == before


@pytest.mark.parametrize(
    ("status", "mark"),
    [
        (TurnStatus.STOPPED, "stopped"),
        (TurnStatus.CUT, "cut at its length limit"),
        (TurnStatus.INTERRUPTED, "interrupted"),
    ],
)
async def test_unfinished_replies_are_marked_when_a_session_comes_back(
    status: TurnStatus, mark: str
) -> None:
    turns = [turn(0, TurnRole.USER, "hello"), turn(1, TurnRole.ASSISTANT, "I was say", status)]
    async with app_with(ScriptedBackend(turns=turns), session="s1").run_test(
        notifications=True
    ) as pilot:
        await shows(pilot, f"Pocket · {mark}")
        assert pilot.app.screen.query_one(ReplyTurn).said.text == "I was say"


async def test_the_last_reply_or_its_code_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    backend = ScriptedBackend(("```\nx = 1\n```\nand ", "words"))
    app = app_with(backend)
    async with app.run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "and words")
        monkeypatch.setattr(app.chat, "_write_to_terminal", written.append)
        await say(pilot, "/copy code")
        await shows(pilot, "Sent the code block")
        await say(pilot, "/copy")
        await shows(pilot, "Sent the reply")
    assert written == ["\x1b]52;c;eCA9IDE=\a", "\x1b]52;c;YGBgCnggPSAxCmBgYAphbmQgd29yZHM=\a"]


async def test_what_the_mouse_selects_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    app = app_with()
    async with app.run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Hello there.")
        monkeypatch.setattr(app.chat, "_write_to_terminal", written.append)
        reply = app.screen.query_one(ReplyTurn)
        await pilot.mouse_down(reply, offset=(2, 1))
        await pilot.hover(reply, offset=(6, 1))
        await pilot.mouse_up(reply, offset=(6, 1))
        await pilot.press("ctrl+c")
        await shows(pilot, "Sent the selection")
    assert written == [osc52("Hello", {})]
