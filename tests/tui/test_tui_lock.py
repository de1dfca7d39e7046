"""The passphrase at the start, and the lock after a while: nothing shows until it is typed."""

import asyncio
import time
from pathlib import Path

import pytest
from driving import prompt_of, say, screen_text, shows, shows_no, wait_until
from scripted import Encrypted, ScriptedBackend
from textual.pilot import Pilot
from tui_samples import exchanges

from pocket_agent.errors import StoreBusyError
from pocket_agent.memory import cipher
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.idle import Idle
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.passphrase import PassphraseScreen


async def unlock(pilot: Pilot[str]) -> None:
    await wait_until(pilot, lambda: asks(pilot), "the question")
    await pilot.press(*"sesame", "enter")
    await shows(pilot, "○ ready")


def asks(pilot: Pilot[str]) -> bool:
    return isinstance(pilot.app.screen, PassphraseScreen)


def go_away(pilot: Pilot[str]) -> None:
    """Let an hour pass in which nobody touches anything."""
    app = pilot.app
    assert isinstance(app, PocketApp)
    app._idle._steady -= 3600
    app._lock_if_idle()


def app_with(backend: ScriptedBackend, after: float = 1800.0) -> PocketApp:
    return PocketApp(backend, TuiOptions(session="s1", lock_after_s=after))


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_the_question_fits_and_hides_what_is_typed(size: tuple[int, int]) -> None:
    async with app_with(Encrypted()).run_test(size=size) as pilot:
        await shows(pilot, "It needs its passphrase")
        await shows(pilot, "Enter opens it · Esc leaves")
        await pilot.press(*"nope", "enter")
        await shows(pilot, "Not that one")
        assert "nope" not in screen_text(pilot.app)
        await unlock(pilot)
        await shows(pilot, "Question 2?")


async def test_it_locks_after_a_while_and_goes_on_where_it_was() -> None:
    backend = Encrypted()
    async with app_with(backend).run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        prompt_of(pilot).insert("half a thought")
        await pilot.press("f2")
        await shows(pilot, "Porto")
        go_away(pilot)
        await shows(pilot, "Locked, because nobody was there")
        assert backend.locks == 1
        shown = screen_text(pilot.app)
        assert not any(word in shown for word in ("Question", "Porto", "half a thought"))
        assert pilot.app.chat.dialogue.conversation.entries == []
        await pilot.press("escape")  # who comes back to a dark screen presses anything
        assert asks(pilot)
        await pilot.press(*"wrong", "enter")
        await shows(pilot, "Not that one")
        await unlock(pilot)
        await shows(pilot, "Question 2?")
        assert prompt_of(pilot).text == "half a thought"


async def test_no_key_leads_past_the_lock() -> None:
    backend = Encrypted()
    async with app_with(backend).run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await say(pilot, "/lock")
        await wait_until(pilot, lambda: asks(pilot), "the lock")
        for key in ("ctrl+p", "f2", "f3", "f4", "ctrl+n", "pageup", "ctrl+u", "tab"):
            await pilot.press(key)
            await pilot.pause()
            assert asks(pilot), key
            assert "Question" not in screen_text(pilot.app)
        await pilot.press("f1")
        await shows(pilot, "Commands")
        await pilot.press("escape")
        assert asks(pilot)


async def test_the_lock_comes_by_itself() -> None:
    async with app_with(Encrypted(), after=1.0).run_test() as pilot:
        await wait_until(pilot, lambda: asks(pilot), "the question")
        await pilot.press(*"sesame", "enter")
        await shows(pilot, "Locked, because", 60)


async def test_zero_means_never() -> None:
    async with app_with(Encrypted(), after=0.0).run_test() as pilot:
        await unlock(pilot)
        await pilot.pause(1.0)
        assert not asks(pilot)


async def test_a_key_or_the_mouse_shows_that_somebody_is_there() -> None:
    backend = Encrypted()
    async with app_with(backend).run_test() as pilot:
        await unlock(pilot)
        app = pilot.app
        assert isinstance(app, PocketApp)
        for touch in (lambda: pilot.press("x"), lambda: pilot.click("#prompt")):
            app._idle._steady -= 3600
            await touch()
            app._lock_if_idle()
            await pilot.pause()
            assert not asks(pilot)
        assert backend.locks == 0


async def test_a_reply_is_not_cut_off_by_the_lock() -> None:
    gate = asyncio.Event()
    backend = Encrypted(gate=gate)
    async with app_with(backend).run_test() as pilot:
        await unlock(pilot)
        await say(pilot, "Tell me")
        await shows(pilot, "Hello")
        go_away(pilot)
        await pilot.pause()
        assert not asks(pilot)
        gate.set()
        await shows(pilot, "○ ready")
        go_away(pilot)
        await shows(pilot, "Locked, because")
        await shows_no(pilot, "Hello")


async def test_a_plain_profile_is_never_locked() -> None:
    backend = ScriptedBackend(turns=exchanges(1))
    async with app_with(backend).run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        go_away(pilot)
        await pilot.pause()
        assert not asks(pilot)
        await say(pilot, "/lock")
        await shows(pilot, "This profile is not encrypted")


def test_sleep_and_a_clock_set_back_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = Idle()
    wall = time.time()
    monkeypatch.setattr(time, "time", lambda: wall + 3600)  # the computer slept an hour
    assert idle.seconds >= 3590
    monkeypatch.setattr(time, "time", lambda: wall - 3600)
    assert 0 <= idle.seconds < 3590
    idle.touch()
    assert idle.seconds < 60


def nobody_holds(path: Path) -> bool:
    try:
        Store.open(path, key="sesame").close()
    except StoreBusyError:
        return False
    return True


@pytest.mark.slow
async def test_the_real_thing_is_closed_while_it_is_locked(
    locations: Locations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cipher._COST, "n", 16)
    path = locations.profile("default")
    with Store.open(path, key="sesame") as store:
        session = store.new_session()
        store.add_user_turn(session.id, "We met at the harbour.")
    options = TuiOptions(
        session=session.id, key="sesame", lock_after_s=1800, model=str(tmp_path / "none.gguf")
    )
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test(size=(100, 30)) as pilot:
        await shows(pilot, "We met at the harbour.", 60)
        await shows(pilot, "✗ no model", 60)
        go_away(pilot)
        await shows(pilot, "Locked, because", 60)
        await wait_until(pilot, lambda: not app.chat.dialogue.backend.encrypted, "closed", 60)
        assert "harbour" not in screen_text(app)
        await wait_until(pilot, lambda: nobody_holds(path), "the file let go", 60)
        await pilot.press(*"sesam", "enter")
        await shows(pilot, "The passphrase is wrong", 60)
        await pilot.press(*"sesame", "enter")
        await shows(pilot, "We met at the harbour.", 60)
