"""Keys that a person changed: they work, the usual ones don't, and everything that tells keys
tells them."""

from driving import app_with, prompt_of, say, screen_text, shows, wait_until
from scripted import ScriptedBackend
from tui_samples import exchanges

from pocket_agent.tui.screens.help import blocks


async def test_changed_keys_work_and_are_told_everywhere() -> None:
    keys = {
        "regenerate": "f8",
        "help": "f9",
        "undo": "alt+z",
        "profile": "ctrl+g",
        "continue": "f2",
    }
    backend = ScriptedBackend(learns=("remembered: home · Porto",))
    app = app_with(backend, keys=keys)
    async with app.run_test(notifications=True, size=(110, 34)) as pilot:
        await shows(pilot, "○ ready")
        assert "F9 help" in screen_text(app)
        assert "F1" not in screen_text(app)
        await say(pilot, "Hello")
        await shows(pilot, "alt+z undo")
        await shows(pilot, "○ ready")
        await pilot.press("ctrl+r")
        await pilot.press("f8")
        await wait_until(pilot, lambda: len(backend.redone) == 2, "another reply")
        await shows(pilot, "○ ready")
        assert backend.redone == [("send", ""), ("regenerate", "")]
        await pilot.press("alt+z")
        await shows(pilot, "undone")
        await pilot.press("ctrl+g")
        await shows(pilot, "Profile · default")
        await pilot.press("escape", "f9")
        await shows(pilot, "Commands")
        await pilot.press("escape", "ctrl+p", *"regen")
        await shows(pilot, "another reply to your last message (F8)")


def test_the_help_tells_the_keys_in_force() -> None:
    told = {about: key for _, rows in blocks({"regenerate": "f9"}) for key, about in rows}
    assert told["another reply to your last message"] == "F9"
    assert told["new conversation"] == "ctrl+n"


async def test_the_keys_for_a_new_line_and_many_lines_pasted() -> None:
    backend = ScriptedBackend(turns=exchanges(1))
    async with app_with(backend, session="s1").run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("a", "shift+enter", "b", "alt+enter", "c", "ctrl+j", "d")
        assert prompt_of(pilot).text == "a\nb\nc\nd"
        assert backend.said == []
        await pilot.press("enter")
        await shows(pilot, "○ ready")
    assert backend.said == ["a\nb\nc\nd"]
