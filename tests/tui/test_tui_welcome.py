"""The very first start: a key a step, Esc skips all of it, and it is asked once."""

import pytest
from driving import app_with, prompt_of, screen_text, shows, shows_no, wait_until
from scripted import HOME
from test_tui_offer import LONG, Opens, options_for

from pocket_agent.config import load_settings
from pocket_agent.errors import ConfigError
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.welcome import WelcomeScreen

WELCOME, NAME, MODEL = "Welcome to Pocket Agent", "shall this profile be called?", "Which model"
ENCRYPT = "Encrypt what you will say here?"


class First:
    """The app at its first start, and what it saved."""

    def __init__(self) -> None:
        self.backend = Opens()
        self.noes: list[int] = []
        self.names: list[str] = []
        self.app = app_with(
            self.backend,
            offers_encryption=True,
            introduces=True,
            decline_encryption=lambda: self.noes.append(1),
            save=lambda _, name: self.names.append(name),
        )


@pytest.fixture
def first() -> First:
    return First()


async def test_enter_goes_through_all_of_it_and_takes_what_is_there(first: First) -> None:
    async with first.app.run_test(size=(80, 24)) as pilot:
        for step in (WELCOME, NAME, MODEL, ENCRYPT):
            await shows(pilot, step)
            assert first.backend.keys == []  # nothing is made before the last answer
            await pilot.press("enter")
        await shows(pilot, "○ ready")
        await wait_until(pilot, lambda: first.noes == [1], "the no")
        assert prompt_of(pilot).text == ""
    assert (first.backend.keys, first.names) == ([None], [])
    assert first.backend.profile_name == "default"


async def test_it_says_what_is_remembered_and_where_it_lies(first: First) -> None:
    async with first.app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, WELCOME)
        text = " ".join(screen_text(first.app).split())
        for part in ("is remembered", "ctrl+u takes it back", "F2 shows", "leaves this computer"):
            assert part in text
        assert str(HOME / "profiles" / "default.db") in text.replace(" ", "")


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_esc_skips_all_that_follows_and_for_good(first: First, steps: int) -> None:
    async with first.app.run_test() as pilot:
        for step in (WELCOME, NAME, MODEL)[:steps]:
            await shows(pilot, step)
            await pilot.press("enter")
        await shows(pilot, (WELCOME, NAME, MODEL)[steps])
        await pilot.press("escape")
        await shows(pilot, "○ ready")
        assert ENCRYPT not in screen_text(first.app)
        await wait_until(pilot, lambda: first.noes == [1], "the no")
    assert first.backend.keys == [None]


async def test_the_profile_gets_the_name_that_is_typed(first: First) -> None:
    async with first.app.run_test() as pilot:
        await shows(pilot, WELCOME)
        await pilot.press("enter")
        await shows(pilot, NAME)
        await pilot.press("ctrl+u", *"no/way", "enter")
        await shows(pilot, "can't be a profile's name")
        await pilot.press("ctrl+u", *"anna", "enter")
        await shows(pilot, MODEL)
        await pilot.press("escape")
        await shows(pilot, "○ ready")
        await shows(pilot, "anna · New conversation")
        await wait_until(pilot, lambda: first.names == ["anna"], "the name saved")


async def test_a_passphrase_can_be_chosen_at_its_end(first: First) -> None:
    async with first.app.run_test() as pilot:
        for step in (WELCOME, NAME, MODEL):
            await shows(pilot, step)
            await pilot.press("enter")
        await shows(pilot, ENCRYPT)
        await pilot.press("tab", *LONG, "enter", *LONG, "enter")
        await shows(pilot, "○ ready")
    assert (first.backend.keys, first.noes) == ([LONG], [])


async def test_tab_leads_to_the_models_and_fetches_none(first: First) -> None:
    pulled: list[str] = []

    async def pull(name: str, report: object) -> str:
        pulled.append(name)
        return name

    first.backend.models.pull = pull
    async with first.app.run_test(size=(100, 40)) as pilot:
        await shows(pilot, WELCOME)
        await pilot.press("tab", "enter")
        await shows(pilot, NAME)
        await pilot.press("tab", "enter")
        await shows(pilot, MODEL)
        await pilot.press("tab")
        await shows(pilot, ENCRYPT)
        await pilot.press("enter")
        await shows(pilot, "ON THIS COMPUTER")
        await pilot.press("escape")
        await shows(pilot, "○ ready")
    assert pulled == []


async def test_what_is_typed_over_it_goes_to_the_field_unsent(first: First) -> None:
    async with first.app.run_test() as pilot:
        await shows(pilot, WELCOME)
        await pilot.press(*"helloo", "backspace", "enter")
        await shows(pilot, NAME)
        await pilot.press("enter")
        await shows(pilot, MODEL)
        await pilot.press(*" you", "enter")
        await shows(pilot, ENCRYPT)
        await pilot.press("!", "escape")
        await wait_until(pilot, lambda: prompt_of(pilot).text == "hello you!", "the draft")
        await shows(pilot, "○ ready")
    assert first.backend.said == []


async def test_no_key_leads_past_it(first: First) -> None:
    async with first.app.run_test() as pilot:
        await shows(pilot, WELCOME)
        for key in ("ctrl+p", "f2", "f3", "f4", "f5", "f7", "ctrl+n", "pageup"):
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(first.app.screen, WelcomeScreen), key


@pytest.mark.parametrize("size", [(80, 24), (40, 20)])
async def test_every_step_fits_its_terminal(first: First, size: tuple[int, int]) -> None:
    async with first.app.run_test(size=size) as pilot:
        for step in (WELCOME, "be called?", MODEL):
            await shows(pilot, step)
            await shows(pilot, "Esc skips")
            await pilot.press("enter")


async def test_a_name_that_can_not_be_saved_is_one_line() -> None:
    def refuse(name: str, value: str | bool) -> None:
        raise ConfigError("config.toml can't be written", "Check the permissions.")

    app = app_with(Opens(), offers_encryption=True, introduces=True, save=refuse)
    async with app.run_test(notifications=True) as pilot:
        await shows(pilot, WELCOME)
        await pilot.press("enter")
        await shows(pilot, NAME)
        await pilot.press(*"anna", "enter", "escape")
        await shows(pilot, "config.toml can't be written")
        await shows(pilot, "anna · New conversation")


def test_it_comes_once_and_never_to_a_script(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    assert options_for(home).introduces
    for words in (("--plain",), ("--incognito",), ("--blank",), ("--profile", "work")):
        assert not options_for(home, *words).introduces
    with monkeypatch.context() as patch:
        patch.setenv("POCKET_AGENT_PASSPHRASE", LONG)
        assert not options_for(home).introduces
    given = options_for(home)
    given.save("profile", "anna")
    given.decline_encryption()
    assert load_settings(home / "config.toml").profile == "anna"
    assert not options_for(home).introduces
    (home / "config.toml").unlink()
    Store.open(home / "profiles" / "other.db").close()
    assert (options_for(home).introduces, options_for(home).offers_encryption) == (False, True)


async def test_the_real_profile_lies_where_it_said(locations: Locations, tmp_path) -> None:
    options = TuiOptions(offers_encryption=True, introduces=True, model=str(tmp_path / "none.gguf"))
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test() as pilot:
        await shows(pilot, WELCOME)
        await pilot.press("enter")
        await shows(pilot, NAME)
        await pilot.press("ctrl+u", *"anna", "enter", "escape")
        await shows_no(pilot, MODEL)
        await shows(pilot, "✗ no model", 60)
    assert [path.name for path in locations.profiles.glob("*.db")] == ["anna.db"]
