"""All conversations together, driven by keys: search and go there, archive, export, resume."""

from pathlib import Path

import pytest
from driving import app_with, screen_text, shows, shows_no, wait_until
from scripted import ScriptedBackend
from tui_samples import exchanges

from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.chat import ChatScreen


@pytest.mark.parametrize("size", [(80, 24), (40, 20)])
async def test_a_search_finds_and_goes_to_the_turn(size: tuple[int, int]) -> None:
    backend = ScriptedBackend(turns=exchanges(200))
    async with app_with(backend).run_test(size=size) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("f6")
        await shows(pilot, "Enter searches")
        await pilot.press(*"question 1", "enter")
        await shows(pilot, "30 found")
        await shows(pilot, "Moving to Porto")
        await pilot.press("down", "down", "enter")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen), "the chat")
        await shows(pilot, "Question 11?")
        assert "Question 199?" not in screen_text(pilot.app)
        await pilot.press("f6")
        await shows(pilot, "Enter searches")
        await pilot.press(*"nowhere", "enter")
        await shows(pilot, "Nothing was found")
        backend.library.by_meaning = False
        await pilot.press("ctrl+u", *"question 7", "enter")
        await shows(pilot, "by words alone")
        for line in screen_text(pilot.app).splitlines():
            assert len(line) <= size[0]
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_the_command_searches_at_once() -> None:
    async with app_with(ScriptedBackend(turns=exchanges(3))).run_test() as pilot:
        await shows(pilot, "○ ready")
        await pilot.press(*"/find question 2", "enter")
        await shows(pilot, "1 found")


async def test_archive_view_and_export() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(size=(100, 24)) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("f3")
        await shows(pilot, "Moving to Porto")
        await pilot.press("a")
        await shows(pilot, "Moving to Porto · archived")
        await wait_until(pilot, lambda: len(backend.all_sessions) == 2, "the archive")
        await pilot.press("v")
        await shows(pilot, "default · archived")
        await shows(pilot, "3 Nov 2026 12:00 · 12 turns")
        await pilot.press("a")
        await shows(pilot, "brought back")
        await pilot.press("v", "e")
        await shows(pilot, "file to export it to")
        await pilot.press("ctrl+u", *"x.md", "enter")
        await shows(pilot, "exported 2 turns to x.md")
        await pilot.press("e", "ctrl+u", *"x/", "enter")
        await shows(pilot, "✗ x/ is a folder")
        await pilot.press("r", "ctrl+u", *"New", "enter")
        await wait_until(pilot, lambda: len(backend.changes) == 1, "the title")
    assert len(backend.library.exported) == 2
    assert backend.changes[0][0] == "rename"


async def test_the_real_store_is_searched_archived_exported_and_resumed(
    locations: Locations, tmp_path: Path
) -> None:
    """Without a model: none of it needs one."""
    with Store.open(locations.profile("default")) as store:
        bees = store.new_session("Bees")
        said = store.add_user_turn(bees.id, "I keep [b]bees[/b] in four hives")
        other = store.new_session("Boats")
        store.add_user_turn(other.id, "We bought a boat in Genoa")
        store.archive_session(store.new_session("Away").id)
    options = TuiOptions(model=str(tmp_path / "none.gguf"), resume=True)
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test(size=(100, 30)) as pilot:
        await shows(pilot, "We bought a boat", 60)
        await shows(pilot, "✗ no model", 60)
        await pilot.press("f6")
        await shows(pilot, "Enter searches")
        await pilot.press(*"hives", "enter")
        await shows(pilot, "keep [b]bees[/b]", 60)
        await pilot.press("enter")
        await shows(pilot, "default · Bees")
        assert app.chat.dialogue.conversation.said(said.id) is not None
        await pilot.press("f3")
        await shows(pilot, "Boats")
        await shows_no(pilot, "Away")
        await pilot.press("home", "e", "ctrl+u", *str(tmp_path / "out.md"), "enter")
        await shows(pilot, "exported 1 turn to")
        await pilot.press("e", "ctrl+u", *str(tmp_path / "out.age"), "enter")
        await shows(pilot, "No passphrase can be asked for here")
        await pilot.press("v")
        await shows(pilot, "Away")
    assert "boat in Genoa" in (tmp_path / "out.md").read_text()


async def test_the_chat_opens_at_a_turn(locations: Locations, tmp_path: Path) -> None:
    with Store.open(locations.profile("default")) as store:
        session = store.new_session("Long")
        turns = [store.add_user_turn(session.id, f"Message {n}.") for n in range(80)]
    options = TuiOptions(
        model=str(tmp_path / "none.gguf"), session=session.id, turn=turns[5].id, incognito=True
    )
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Message 5.", 60)
        await pilot.press("f3")
        await shows(pilot, "Long")
        await pilot.press("e", "enter")
        await shows(pilot, "Incognito writes nothing")
