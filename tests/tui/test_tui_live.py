"""The whole thing: the real store, the real model in its child, the real app, driven by keys."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from driving import prompt_of, say, screen_text, shows, wait_until
from textual.pilot import Pilot

from pocket_agent.memory.records import TurnRole, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.conversation import Said, SaidState
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions

pytestmark = pytest.mark.slow
LONG = 120.0


def live_app(locations: Locations, **options: Any) -> PocketApp:
    chosen = TuiOptions(seed=1, chat_tokens=1024, **options)
    return PocketApp(LiveBackend(locations, "default", chosen), chosen)


@pytest.fixture
async def pilot(locations: Locations) -> AsyncIterator[Pilot[str]]:
    app = live_app(locations)
    async with app.run_test(size=(100, 30)) as pilot:
        yield pilot


def dialogue_of(pilot: Pilot[str]):
    assert isinstance(pilot.app, PocketApp)
    return pilot.app.chat.dialogue


async def settled(pilot: Pilot[str]) -> None:
    """Wait until the reply is there and everything was read."""
    dialogue = dialogue_of(pilot)
    await wait_until(
        pilot,
        lambda: not dialogue.replying and not dialogue.status.doing,
        "the assistant at rest",
        LONG,
    )


async def test_a_first_message_is_queued_answered_saved_and_comes_back(
    locations: Locations,
) -> None:
    app = live_app(locations)
    async with app.run_test(size=(100, 30)) as pilot:
        await say(pilot, "My name is Anna. Say hello.")
        await shows(pilot, "1 queued")
        conversation = app.chat.dialogue.conversation
        await wait_until(pilot, lambda: conversation.last_reply is not None, "a reply", LONG)
        await settled(pilot)
        assert "tok/s" in screen_text(app)
        assert "CPU" in screen_text(app) or "layers" in screen_text(app)
        reply = app.chat.dialogue.conversation.last_reply
        assert reply is not None
        answer = reply.text
        await pilot.press("f4")
        await shows(pilot, "My name is Anna. Say hello.")
        await pilot.press("escape")
        session = app.chat.dialogue.backend.session
        assert session is not None
    with Store.open(locations.profile("default")) as store:
        turns = store.turns(session.id)
        assert [turn.role for turn in turns] == [TurnRole.USER, TurnRole.ASSISTANT]
        assert turns[1].text == answer
    again = live_app(locations, session=session.id)
    async with again.run_test(size=(100, 30)) as pilot:
        await shows(pilot, "My name is Anna. Say hello.", LONG)
        await shows(pilot, "default · My name is Anna")


async def test_escape_stops_the_model_and_the_next_message_is_answered(
    pilot: Pilot[str], locations: Locations
) -> None:
    await say(pilot, "Write a very long story about a lighthouse, with many chapters.")
    dialogue = dialogue_of(pilot)
    await wait_until(
        pilot,
        lambda: len(getattr(dialogue.conversation.last_reply, "text", "")) > 40,
        "some text",
        LONG,
    )
    await say(pilot, "Now say only: yes.")
    await shows(pilot, "You · queued")
    await pilot.press("escape")
    await shows(pilot, "Pocket · stopped")
    await settled(pilot)
    turns = await asyncio.to_thread(dialogue.backend._open.store.turns, dialogue.backend.session.id)
    first, second = (turn.status for turn in turns if turn.role is TurnRole.ASSISTANT)
    assert first is TurnStatus.STOPPED
    assert second in (TurnStatus.COMPLETE, TurnStatus.CUT)  # this model rambles at times
    assert turns[1].text
    assert dialogue.conversation.last_reply.text == turns[3].text


async def test_a_model_that_dies_is_one_line_and_comes_back(pilot: Pilot[str]) -> None:
    dialogue = dialogue_of(pilot)
    await say(pilot, "Write a very long story about a lighthouse, with many chapters.")
    await wait_until(
        pilot,
        lambda: len(getattr(dialogue.conversation.last_reply, "text", "")) > 40,
        "some text",
        LONG,
    )
    psutil.Process(dialogue.backend._open.engine.pid).kill()
    await shows(pilot, "Pocket · interrupted")
    await shows(pilot, "✗")
    await say(pilot, "Are you back?")
    await settled(pilot)
    replies = [e.state for e in dialogue.conversation.entries if isinstance(e, Said)]
    first, second = replies[1::2]
    assert first is SaidState.INTERRUPTED
    assert second in (SaidState.COMPLETE, SaidState.CUT)  # this model rambles at times


async def test_facts_are_edited_locked_deleted_and_undone_in_the_file(
    pilot: Pilot[str],
) -> None:
    await wait_until(pilot, lambda: dialogue_of(pilot).opened, "the profile", LONG)
    backend = dialogue_of(pilot).backend
    store: Store = backend._open.store
    store.record(Op(OpKind.ADD, "home", "Leeds"), actor=Actor.USER)
    await pilot.press("f2")
    await shows(pilot, "Leeds")
    await pilot.press("e", "ctrl+u", *"Porto", "enter")
    await shows(pilot, "remembered: home · Porto (was Leeds)")
    assert [fact.value for fact in store.profile().active("home")] == ["Porto"]
    await pilot.press("l")
    await shows(pilot, "Porto   locked · by hand")
    await pilot.press("u")
    await shows(pilot, "undone")
    await pilot.press("d")
    await shows(pilot, "Nothing is remembered yet")
    assert store.profile().active() == []
    await pilot.press("u")
    await shows(pilot, "Porto")
    assert [fact.value for fact in store.profile().active("home")] == ["Porto"]


async def test_a_broken_model_is_one_line_and_the_rest_goes_on(
    locations: Locations, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 40)
    app = live_app(locations, model=str(broken))
    async with app.run_test(size=(100, 30)) as pilot:
        await shows(pilot, "✗ no model", LONG)
        notes = "✗ broken.gguf"
        for count, text in enumerate(("anyone there?", "and now?"), start=2):
            await say(pilot, text)
            await wait_until(pilot, lambda n=count: screen_text(app).count(notes) == n, "the line")
            await shows(pilot, "✗ no model")
        assert prompt_of(pilot).text == ""
        await pilot.press("f2")
        await shows(pilot, "Nothing is remembered yet")
    with Store.open(locations.profile("default")) as store:
        turns = store.turns(store.sessions()[0].id)
    assert [turn.text for turn in turns] == ["anyone there?", "and now?"]


async def test_a_second_app_on_the_same_profile_is_refused_in_one_line(
    locations: Locations,
) -> None:
    with Store.open(locations.profile("default")):
        app = live_app(locations)
        async with app.run_test() as pilot:
            await wait_until(pilot, lambda: app.return_code == 1, "the end")
    assert app.return_value
    assert "\n" not in app.return_value


def picture(*folders: Path) -> dict[str, tuple[int, int, bytes]]:
    """Name, size, time of change and bytes of all that is in folders."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {
        str(path): (
            path.stat().st_size,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in paths
    }


@pytest.mark.parametrize("mode", ["incognito", "blank"])
async def test_a_chat_that_leaves_no_trace_changes_no_byte(locations: Locations, mode: str) -> None:
    """Not of the home, nor of the cache; blank, it doesn't know what the profile holds either."""
    with Store.open(locations.profile("default"), key="seven lamps") as store:
        store.record(Op(OpKind.ADD, "name", "Zanzibarrow"), actor=Actor.USER)
        store.set_meta("waiting", json.dumps(["Zanzibarrow unsent"]))
    before = picture(locations.home, locations.cache)
    blank = mode == "blank"
    app = live_app(locations, incognito=True, blank=blank, key=None if blank else "seven lamps")
    async with app.run_test(size=(100, 30)) as pilot:
        await shows(pilot, f"○ ready · {mode}", LONG)
        prompt_of(pilot).clear()
        await say(pilot, "My secret name is Bartholomew. Who am I?")
        await settled(pilot)
        await wait_until(
            pilot, lambda: app.chat.dialogue.conversation.last_reply is not None, "a reply", LONG
        )
        sent = str(await app.chat.dialogue.backend.sent_prompt())
        assert ("Zanzibarrow" in sent) is not blank
        await pilot.press("f2")
        await shows(pilot, "Nothing is remembered" if blank else "Zanzibarrow")
        await pilot.press("d")
        await shows(pilot, "Nothing is remembered" if blank else "Incognito writes nothing")
        if blank:
            await pilot.press("escape")
            assert "Zanzibarrow" not in screen_text(app)
    assert picture(locations.home, locations.cache) == before


async def test_incognito_makes_no_profile(locations: Locations) -> None:
    before = picture(locations.home)
    async with live_app(locations, incognito=True).run_test() as pilot:
        await wait_until(pilot, lambda: dialogue_of(pilot).opened, "the profile", LONG)
    assert picture(locations.home) == before


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_the_program_paints_in_a_terminal_and_leaves_when_told(tmp_path: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    try:
        from benchmarks.ui import first_paint
    finally:
        sys.path.pop(0)
    assert first_paint(tmp_path / "home", timeout=60) > 0
    assert [path.name for path in (tmp_path / "home" / "logs").iterdir()] == []
