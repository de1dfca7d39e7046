"""Drives the app as a person would, and reads what is on its screen."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from scripted import ScriptedBackend
from textual import events
from textual.pilot import Pilot

from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.prompt import Prompt


def app_with(backend: ScriptedBackend | None = None, **options: Any) -> PocketApp:
    """The app over a scripted backend; the options are those of `TuiOptions`."""
    return PocketApp(backend or ScriptedBackend(), TuiOptions(**options))


async def wait_until(
    pilot: Pilot[str], done: Callable[[], bool], what: str, timeout: float = 20.0
) -> None:
    """Wait for something to come true, rather than for a time to pass."""
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what}\n{screen_text(pilot.app)}")
        await pilot.pause()
        await asyncio.sleep(0.01)


async def shows(pilot: Pilot[str], text: str, timeout: float = 20.0) -> None:
    """Wait until the text is on the screen."""
    await wait_until(pilot, lambda: text in screen_text(pilot.app), f"{text!r}", timeout)


async def shows_no(pilot: Pilot[str], text: str) -> None:
    """Wait until the text is no longer on the screen."""
    await wait_until(pilot, lambda: text not in screen_text(pilot.app), f"no {text!r}")


async def open_by(pilot: Pilot[str], key: str, sign: str) -> None:
    """Wait until the app is ready, press the key, and wait for what then stands there."""
    await shows(pilot, "○ ready")
    await pilot.press(key)
    await shows(pilot, sign)


def type_before_the_first_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody have typed "early", Enter and "next" while the app was starting."""

    def on_load(app: PocketApp) -> None:
        for letter in "early":
            app.post_message(events.Key(letter, letter))
        # Before the terminal is set up, it makes this of Enter.
        app.post_message(events.Key("ctrl+j", "\n"))
        for letter in "next":
            app.post_message(events.Key(letter, letter))

    monkeypatch.setattr(PocketApp, "on_load", on_load, raising=False)


async def say(pilot: Pilot[str], text: str) -> None:
    """Type a message and send it."""
    app = pilot.app
    assert isinstance(app, PocketApp)
    await wait_until(pilot, lambda: bool(app.chat.query(Prompt)), "the field")
    prompt_of(pilot).insert(text)
    await pilot.press("enter")
    await pilot.pause()


def lines_told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that screens tell for a moment, whole, in the place of showing them."""
    told: list[str] = []

    def tell(_screen: Frame, line: str, *, failure: bool = False) -> None:
        told.append(line)

    monkeypatch.setattr(Frame, "tell", tell)
    return told


def prompt_of(pilot: Pilot[str]) -> Prompt:
    """The field one types into."""
    assert isinstance(pilot.app, PocketApp)
    return pilot.app.chat.query_one(Prompt)


def screen_text(app: object) -> str:
    """Every line that is painted, as plain text."""
    assert isinstance(app, PocketApp)
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)
