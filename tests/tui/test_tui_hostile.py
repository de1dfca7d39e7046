"""Text that would give orders to the terminal or to the markup is shown as signs."""

from driving import app_with, prompt_of, say, screen_text, shows
from scripted import ScriptedBackend
from textual.events import Paste

from pocket_agent.errors import DiskFullError

ESC = "\x1b"
HOSTILE = f"{ESC}[2J{ESC}]0;owned\a [red]loud[/red] [@click=app.quit]x[/] [/] [[[ \u202egnp"


async def test_hostile_text_changes_nothing_but_itself() -> None:
    backend = ScriptedBackend((HOSTILE,), (f"remembered: {HOSTILE}",))
    async with app_with(backend).run_test(notifications=True, size=(120, 30)) as pilot:
        await say(pilot, HOSTILE)
        await shows(pilot, "remembered")
        text = screen_text(pilot.app)
        assert ESC not in text
        assert "\a" not in text
        assert text.count("␛[2J␛]0;owned␇") == 4, "title, message, reply and memory line show signs"
        assert text.count("[red]loud[/red]") >= 3


async def test_hostile_names_and_errors_are_plain_text() -> None:
    failure = DiskFullError(f"[bold]no{ESC}[31m", "[/]")
    backend = ScriptedBackend(fail=lambda text: failure)
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "✗ [bold]no␛[31m. [/]")
        assert prompt_of(pilot).text == "hi", "what was not saved is not lost"


async def test_a_pasted_escape_sequence_is_shown_as_signs() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        prompt_of(pilot).post_message(Paste(f"{ESC}[31mred"))
        await shows(pilot, "␛[31mred")
