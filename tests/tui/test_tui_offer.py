"""The offer to encrypt, at the very first start: short, skipped by one key, never in the way."""

from functools import partial
from pathlib import Path

import pytest
from driving import (
    app_with,
    prompt_of,
    screen_text,
    shows,
    shows_no,
    type_before_the_first_picture,
    wait_until,
)
from scripted import ScriptedBackend
from textual.pilot import Pilot

from pocket_agent.cli.chat import rewrite_under, tui_options
from pocket_agent.cli.main import _parser
from pocket_agent.config import load_settings, save_settings
from pocket_agent.errors import DiskFullError
from pocket_agent.memory import cipher
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.offer import OfferScreen

LONG = "four random brass words"


class Opens(ScriptedBackend):
    """Notes the key that it is opened with."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str | None] = []

    async def open(self, session: str | None, report: object, key: str | None = None) -> None:
        self.keys.append(key)
        await super().open(session, report)


def offering(backend: ScriptedBackend, noes: list[int] | None = None) -> PocketApp:
    said_no = noes if noes is not None else []
    return app_with(backend, offers_encryption=True, decline_encryption=lambda: said_no.append(1))


def offered(pilot: Pilot[str]) -> bool:
    return isinstance(pilot.app.screen, OfferScreen)


async def offer(pilot: Pilot[str]) -> None:
    await wait_until(pilot, lambda: offered(pilot), "the offer")
    await shows(pilot, "Tab chooses a passphrase")


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_one_key_skips_it(key: str) -> None:
    backend, noes = Opens(), []
    async with offering(backend, noes).run_test() as pilot:
        await offer(pilot)
        await shows(pilot, "data is lost")
        assert backend.keys == []  # nothing is made before the answer
        await pilot.press(key)
        await shows(pilot, "○ ready")
        await wait_until(pilot, lambda: noes == [1], "the no")
    assert backend.keys == [None]


async def test_a_passphrase_is_typed_twice_and_not_shown() -> None:
    backend, noes = Opens(), []
    async with offering(backend, noes).run_test() as pilot:
        await offer(pilot)
        await pilot.press("tab", *"short", "enter")
        await shows(pilot, "That is short")
        await pilot.press(*"other", "enter")
        await shows(pilot, "were not the same")
        await pilot.press(*LONG, "enter")
        shown = screen_text(pilot.app)
        assert LONG not in shown
        assert "data is lost" in shown.replace("\n", " ")
        await pilot.press(*LONG, "enter")
        await shows(pilot, "○ ready")
    assert backend.keys == [LONG]
    assert noes == []


async def test_after_tab_it_can_still_be_skipped() -> None:
    for keys in (("tab", *"half a passphrase", "escape"), ("tab", "enter")):
        backend = Opens()
        async with offering(backend).run_test() as pilot:
            await offer(pilot)
            await pilot.press(*keys)
            await shows(pilot, "○ ready")
            assert prompt_of(pilot).text == ""
        assert backend.keys == [None]


async def test_what_is_typed_over_the_offer_goes_to_the_field_unsent() -> None:
    backend = Opens()
    async with offering(backend).run_test() as pilot:
        await offer(pilot)
        await pilot.press(*"helloo", "backspace", "enter")
        await wait_until(pilot, lambda: prompt_of(pilot).text == "hello", "the draft")
        await shows(pilot, "○ ready")
        await pilot.press("enter")
        await wait_until(pilot, lambda: backend.said == ["hello"], "the message")


async def test_what_is_typed_before_the_first_picture_is_sent_once_it_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    type_before_the_first_picture(monkeypatch)
    backend = Opens()
    async with offering(backend).run_test() as pilot:
        await offer(pilot)
        assert backend.said == []
        await pilot.press("enter")
        await wait_until(pilot, lambda: backend.said == ["early"], "the message")
        assert prompt_of(pilot).text == "next"


async def test_no_key_leads_past_the_offer() -> None:
    async with offering(Opens()).run_test() as pilot:
        await offer(pilot)
        for key in ("ctrl+p", "f2", "f3", "f4", "f5", "ctrl+n", "pageup"):
            await pilot.press(key)
            await pilot.pause()
            assert offered(pilot), key


# --- when it is offered ---------------------------------------------------------------------


def options_for(home: Path, *words: str) -> TuiOptions:
    arguments = _parser("").parse_args(["--home", str(home), *words])
    return tui_options(arguments)[2]


def test_it_is_offered_where_there_is_no_profile_yet_and_nothing_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cipher._COST, "n", 16)
    home = tmp_path / "home"
    assert options_for(home).offers_encryption
    assert options_for(home, "--profile", "work").offers_encryption
    for words in (("--plain",), ("--incognito",), ("--blank",)):
        assert not options_for(home, *words).offers_encryption
    with monkeypatch.context() as patch:
        patch.setenv("POCKET_AGENT_PASSPHRASE", LONG)
        given = options_for(home)
        assert (given.offers_encryption, given.key) == (False, LONG)
    declined = options_for(home)
    assert declined.decline_encryption is not None
    declined.decline_encryption()
    assert not load_settings(home / "config.toml").offer_encryption
    assert not options_for(home).offers_encryption
    assert not options_for(home, "--profile", "work").offers_encryption
    save_settings(home / "config.toml", {"offer_encryption": None})
    assert options_for(home).offers_encryption
    assert options_for(home).encrypt_existing is None
    Store.open(home / "profiles" / "default.db").close()
    given = options_for(home)  # a command has made it: the question was never answered
    assert given.offers_encryption
    assert given.encrypt_existing is not None
    for words in (("--plain",), ("--incognito",), ("--blank",)):
        assert not options_for(home, *words).offers_encryption
    declined.decline_encryption()
    assert not options_for(home).offers_encryption
    save_settings(home / "config.toml", {"offer_encryption": None})
    given.encrypt_existing(LONG)
    assert cipher.is_encrypted(home / "profiles" / "default.db")
    assert not options_for(home).offers_encryption


async def test_a_yes_makes_an_encrypted_profile(
    locations: Locations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cipher._COST, "n", 16)
    options = TuiOptions(offers_encryption=True, model=str(tmp_path / "none.gguf"))
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test() as pilot:
        await offer(pilot)
        path = locations.profile("default")
        assert not path.exists()
        await pilot.press("tab", *LONG, "enter", *LONG, "enter")
        await shows_no(pilot, "Encrypt what")
        await shows(pilot, "✗ no model", 60)
        assert app.chat.dialogue.backend.encrypted
    assert cipher.is_encrypted(path)
    Store.open(path, key=LONG).close()


async def test_a_no_that_can_not_be_kept_is_one_line() -> None:
    from pocket_agent.errors import ConfigError

    def refuse() -> None:
        raise ConfigError("config.toml can't be written", "Check the permissions.")

    options = TuiOptions(offers_encryption=True, decline_encryption=partial(refuse))
    app = PocketApp(ScriptedBackend(), options)
    async with app.run_test(notifications=True) as pilot:
        await offer(pilot)
        await pilot.press("escape")
        await shows(pilot, "config.toml can't be written")
        await shows(pilot, "○ ready")


async def test_a_yes_encrypts_the_profile_that_is_there(
    locations: Locations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cipher._COST, "n", 16)
    path = locations.profile("default")
    with Store.open(path) as store:
        store.new_session("Zqjim")
    options = TuiOptions(
        offers_encryption=True,
        encrypt_existing=partial(rewrite_under, path),
        model=str(tmp_path / "none.gguf"),
    )
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test() as pilot:
        await offer(pilot)
        await shows(pilot, "This profile is plain")
        await pilot.press("tab", *LONG, "enter", *LONG, "enter")
        await shows(pilot, "✗ no model", 60)
        backend = app.chat.dialogue.backend
        assert backend.encrypted
        assert [session.title for session in await backend.sessions(10)] == ["Zqjim"]
    assert cipher.is_encrypted(path)
    assert b"Zqjim" not in path.read_bytes()


async def test_what_can_not_be_encrypted_opens_plain_and_says_so() -> None:
    def refuse(_passphrase: str) -> None:
        raise DiskFullError("The disk is full", "Make room.")

    backend = Opens()
    app = app_with(backend, offers_encryption=True, encrypt_existing=refuse)
    async with app.run_test(notifications=True) as pilot:
        await offer(pilot)
        await pilot.press("tab", *LONG, "enter", *LONG, "enter")
        await shows(pilot, "The disk is full")
        await shows(pilot, "○ ready")
    assert backend.keys == [None]
