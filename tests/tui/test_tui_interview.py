"""A first conversation: offered in one line, each question passed over by one key."""

from driving import say, screen_text, shows, shows_no
from scripted import ScriptedBackend

from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.options import TuiOptions


async def test_it_is_offered_once_and_answered_line_by_line() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend, TuiOptions(welcomes=True)).run_test(
        size=(90, 30), notifications=True
    ) as pilot:
        await shows(pilot, "○ ready")
        await shows(pilot, "/interview")
        await say(pilot, "/interview")
        await shows(pilot, "Enter begins")
        assert "Up to 2 short questions" in screen_text(pilot.app)
        await pilot.press("enter")
        await shows(pilot, "What should I call you?")
        await pilot.press(*"Bernie", "enter")
        await shows(pilot, "Where do you live?")
        await pilot.press("enter")  # passed over
        await shows_no(pilot, "Where do you live?")
        await shows(pilot, "remembered: address · Bernie")
    assert backend.questions.answers == [("address", "Bernie"), ("home", "")]


async def test_never_and_leaving_end_it() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend, TuiOptions()).run_test(
        size=(90, 30), notifications=True
    ) as pilot:
        await shows(pilot, "○ ready")
        assert "/interview" not in screen_text(pilot.app)
        await say(pilot, "/interview")
        await shows(pilot, "Enter begins")
        await pilot.press("escape")
        await shows_no(pilot, "Enter begins")
        assert backend.questions.answers == []
        await say(pilot, "/interview")
        await shows(pilot, "Enter begins")
        await pilot.press("enter", *"never", "enter")
        await shows_no(pilot, "What should I call you?")
        await say(pilot, "/interview")
        await shows(pilot, "nothing that I would ask")
        await say(pilot, "/questions off")
        await shows(pilot, "no more questions")
        await say(pilot, "/questions maybe")
        await shows(pilot, "/questions on, or")
    assert backend.questions.allowed == [False]
