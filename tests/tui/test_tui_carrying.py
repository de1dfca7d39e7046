"""From the chat to a file and back: the whole profile, and a conversation."""

import asyncio
from pathlib import Path

import pytest
from driving import app_with, say, screen_text, shows, wait_until
from scripted import ScriptedBackend

from pocket_agent.errors import UsageError
from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.portable.age import Keys
from pocket_agent.portable.archive import import_profile
from pocket_agent.portable.sessions import write_session
from pocket_agent.tui.live_library import LiveLibrary


def library(store: Store, *, writes: bool = True) -> LiveLibrary:
    return LiveLibrary(store, Recaller(store, Embedder()), writes=writes)


async def test_the_profile_is_exported_and_the_line_says_where() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "/export me.jsonl")
        await shows(pilot, "exported all of it to me.jsonl")
    assert backend.library.exported == [("", "me.jsonl")]


async def test_an_encrypted_file_asks_for_its_passphrase_twice() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "○ ready")
        for second, line in (
            ("other", "The two are not the same"),
            ("", "An encrypted file needs a passphrase"),
            ("sesame", "exported all of it to me.age"),
        ):
            await say(pilot, "/export me.age")
            await shows(pilot, "A passphrase for me.age")
            await shows(pilot, "Enter goes on")
            await pilot.press(*"sesame", "enter")
            await shows(pilot, "Once more")
            await pilot.press(*second, "enter" if second else "escape")
            await shows(pilot, line)
        assert "sesame" not in screen_text(pilot.app)
    assert backend.library.exported == [("sesame", "me.age")]


async def test_a_conversation_is_imported_unless_something_is_under_way() -> None:
    gate = asyncio.Event()
    backend = ScriptedBackend(gate=gate)
    async with app_with(backend, session="s1").run_test(
        notifications=True, size=(100, 30)
    ) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "/import none.json")
        await shows(pilot, "✗ none.json can't be read. Is there such a file?")
        await say(pilot, "/import bees.json")
        await shows(pilot, "imported 2 turns of 'Bees'; F3 shows it")
        await say(pilot, "hello")
        await wait_until(pilot, lambda: pilot.app.chat.dialogue.replying, "a reply")
        await say(pilot, "/import bees.json")
        await shows(pilot, "still under way")
        gate.set()
        await shows(pilot, "○ ready")


@pytest.mark.parametrize("name", ["me.jsonl", "me.age"])
async def test_what_is_exported_comes_back(locations: Locations, tmp_path: Path, name: str) -> None:
    word = "four random words" if name.endswith(".age") else ""
    with Store.open(locations.profile("one")) as store:
        said = store.add_user_turn(store.new_session("Bees").id, "I keep bees")
        line = await library(store).export_all(str(tmp_path / name), word)
        assert line == f"exported 1 sessions, 1 turns, 0 changes, to {tmp_path / name}"
        read = await library(store).export_all(str(tmp_path / "me.md"))
        assert read.startswith("exported 0 facts; conversations and the log are left out, to ")
    with Store.open(locations.profile("two")) as store:
        import_profile(store, tmp_path / name, keys=Keys(lambda: word))
        assert store.turn(said.id).text == "I keep bees"


async def test_a_conversation_comes_in_once(locations: Locations, tmp_path: Path) -> None:
    file = tmp_path / "bees.json"
    with Store.open(locations.profile("one")) as store:
        bees = store.new_session("Bees")
        store.add_user_turn(bees.id, "I keep bees")
        write_session(store, bees.id, file)
    with Store.open(locations.profile("two")) as store:
        first = await library(store).take_in(str(file))
        assert first == (bees.id, "imported 1 turn of 'Bees'")
        _, again = await library(store).take_in(str(file))
        assert again == "imported 0 turns of 'Bees'; 1 were here already"


async def test_a_chat_without_a_trace_does_neither(locations: Locations, tmp_path: Path) -> None:
    with Store.open(locations.profile("one")) as store:
        held = library(store, writes=False)
        with pytest.raises(UsageError, match="Incognito writes nothing"):
            await held.export_all(str(tmp_path / "me.jsonl"))
        with pytest.raises(UsageError, match="Incognito writes nothing"):
            await held.take_in(str(tmp_path / "bees.json"))
    assert list(tmp_path.glob("me*")) == []
