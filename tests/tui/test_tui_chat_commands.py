"""What is asked for by a command, by its key or from the palette."""

import pytest
from driving import app_with, prompt_of, say, shows, shows_no
from scripted import ScriptedBackend
from tui_samples import exchanges


async def test_slash_commands() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await say(pilot, "/nosuch thing")
        await shows(pilot, "There is no /nosuch")
        assert prompt_of(pilot).text == "/nosuch thing"
        prompt_of(pilot).clear()
        await pilot.press(*"/pro", "tab")
        assert prompt_of(pilot).text == "/profile"
        await pilot.press("enter")
        await shows(pilot, "Profile · default")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("/help", "what is remembered about you"),
        ("/profile", "I moved to Porto last month"),
        ("/sessions", "Moving to Porto"),
        ("/context", "Nothing has been sent"),
        ("/theme nosuch", "There is no theme"),
        ("/copy", "There is no reply to copy"),
        ("/title X", "Say something first"),
        ("/undo", "undone: home · Porto"),
    ],
)
async def test_each_command_does_what_it_says(command: str, shown: str) -> None:
    async with app_with().run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, command)
        await shows(pilot, shown)


async def test_quit_by_command_and_by_key() -> None:
    for keys in (("/", "q", "u", "i", "t", "enter"), ("ctrl+q",)):
        backend = ScriptedBackend()
        app = app_with(backend)
        async with app.run_test(notifications=True) as pilot:
            await pilot.press(*keys)
        assert backend.closed
        assert app.return_code == 0


async def test_new_conversation_and_title() -> None:
    backend = ScriptedBackend(turns=exchanges(1))
    async with app_with(backend, session="s1").run_test(notifications=True) as pilot:
        await shows(pilot, "default · Moving to Porto")
        await say(pilot, "/title Off to Porto")
        await shows(pilot, "default · Off to Porto")
        await pilot.press("ctrl+n")
        await shows(pilot, "default · New conversation")
        await shows_no(pilot, "Question 0?")
    assert backend.changes == [("rename", "s1", "Off to Porto")]


async def test_the_palette_runs_the_same_commands() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("ctrl+p")
        await pilot.press(*"profile")
        await shows(pilot, "what is remembered about you")
        await pilot.press("enter")
        await pilot.press("enter")
        await shows(pilot, "I moved to Porto last month")


async def test_what_becomes_of_turns_that_leave_is_chosen_and_kept() -> None:
    backend, saved = ScriptedBackend(dropped=4), []
    app = app_with(backend, save=lambda name, value: saved.append((name, value)))
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "(when_full)")
        await say(pilot, "/full summarise")
        await shows(pilot, "turns that leave the context are summed up in idle time from now on")
        await say(pilot, "/full drop")
        await shows(pilot, "turns that leave the context are left out from now on")
        await say(pilot, "/full of it")
        await shows(pilot, "/full drop, or /full summarise")
    assert backend.changes == [("summarise", "True"), ("summarise", "False")]
    assert saved == [("when_full", "summarise"), ("when_full", "drop")]


async def test_a_chat_that_writes_nothing_chooses_it_for_itself() -> None:
    async with app_with(incognito=True).run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "/full drop")
        await shows(pilot, "turns that leave the context are left out in this chat")
