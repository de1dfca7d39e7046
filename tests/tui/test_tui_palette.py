"""The command palette: what finds which command, and what becomes of it."""

import pytest
from driving import app_with, prompt_of, say, shows, wait_until
from scripted import ScriptedBackend
from tui_samples import exchanges

from pocket_agent.tui.commands import BY_NAME, COMMANDS, Entry, entries


def best(query: str) -> str:
    """The row that a query finds first."""
    return max(entries(), key=lambda entry: entry.score(query)).name


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("rename", "Title"),
        ("search", "Find"),
        ("code", "Copy code"),
        ("copy", "Copy"),
        ("COPY code", "Copy code"),
        ("code copy", "Copy code"),
        ("exit", "Quit"),
        ("questions of", "Questions off"),
        ("title conversation", "Title"),
    ],
)
def test_a_command_is_found_by_its_words_and_by_what_it_does(query: str, name: str) -> None:
    assert best(query) == name


def test_what_nothing_says_finds_nothing() -> None:
    assert [entry.name for entry in entries() if entry.score("xyzzy")] == []
    assert Entry(BY_NAME["title"]).score("itle") == 0.0, "a word is sought from its beginning"
    assert Entry(BY_NAME["title"]).score(".*") == 0.0


def test_every_command_is_in_it() -> None:
    assert {entry.command for entry in entries()} == set(COMMANDS)
    assert len({entry.name for entry in entries()}) == len(list(entries()))


async def test_a_command_that_needs_an_argument_is_typed_into_the_field() -> None:
    backend = ScriptedBackend(turns=exchanges(1))
    async with app_with(backend, session="s1").run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        prompt_of(pilot).insert("half a message")
        await pilot.press("ctrl+p", *"rename")
        await shows(pilot, "give this conversation a title")
        await pilot.press("enter", "enter")
        await wait_until(pilot, lambda: prompt_of(pilot).text == "/title ", "the command")
        await say(pilot, "Bread")
        await wait_until(pilot, lambda: bool(backend.changes), "the title")
        assert backend.changes == [("rename", "s1", "Bread")]
        assert prompt_of(pilot).text == "half a message"


async def test_a_choice_is_a_row_of_its_own() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("ctrl+p", *"code")
        await shows(pilot, "Copy code")
        await pilot.press("enter", "enter")
        await shows(pilot, "There is no code block to copy.")
