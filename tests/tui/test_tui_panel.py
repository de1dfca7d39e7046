"""The side panel: true to the profile, marked where it has just changed, never in the way."""

import asyncio
from pathlib import Path

import pytest
from driving import app_with, open_by, say, screen_text, shows, shows_no, wait_until
from running import Running
from scripted import Encrypted, ScriptedBackend
from textual.pilot import Pilot
from tui_samples import FACTS, fact

from pocket_agent.cli.chat import tui_options
from pocket_agent.cli.main import _parser
from pocket_agent.config import load_settings
from pocket_agent.errors import ConfigError, StoreError
from pocket_agent.profile.facts import Fact
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.factpanel import Known, Mark, known, rows, settled
from pocket_agent.tui.widgets.panel import FactPanel

WIDE = (120, 30)
TITLE = "What I know of you"
MANY = [fact(f"m{n}", "hobby", f"thing {n}", "") for n in range(60)]


# --- what it shows, without a screen ---------------------------------------------------------


def told(now: Known, height: int = 40) -> list[str]:
    shown = rows(now, height)[0]
    return [" ".join(filter(None, (row.mark, row.slot, row.text))) for row in shown]


def test_it_shows_what_the_profile_screen_does_and_marks_nothing_at_first() -> None:
    assert told(known(FACTS)) == [
        "WAITING FOR YOUR YES OR NO",
        "hobby ♥ likes pottery",
        "IDENTITY",
        "name Anna · locked",
        "home Porto",
        "LIFE",
        "pet a tabby called Miso",
        "TASTES",
        "food ♥ likes olives",
        "food ⊘ avoids cilantro",
        "STYLE",
        "length short · by hand",
    ]


def test_what_is_new_changed_or_gone_is_marked_by_a_sign() -> None:
    before = known([FACTS[1], FACTS[2]])
    moved = fact("f2", "home", "Porto", "", locked=True)
    now = known([moved, FACTS[3]], before)
    assert told(now)[1::2] == [
        "~ home Porto · locked",
        "- pet a tabby called Miso",
        "+ food ♥ likes olives",
    ]
    assert told(settled(now)) == told(known([moved, FACTS[3]]))
    assert settled(now).fresh == {}


def test_marks_of_one_change_stay_through_the_next() -> None:
    now = known(FACTS[1:3], known(FACTS[1:2], known([])))
    assert now.fresh == {"f2": Mark.NEW, "f3": Mark.NEW}
    back = known([FACTS[1]], known([], now))
    assert (back.fresh["f2"], set(back.gone)) == (Mark.NEW, {"f3"})


def test_of_what_was_forgotten_only_the_number_is_told() -> None:
    taken_out = known(FACTS[:2], known(FACTS[:3]))
    now = known(FACTS[:1], taken_out, forgotten=True)
    assert told(now) == ["- 1 fact forgotten", "IDENTITY", "name Anna · locked"]
    assert (now.gone, settled(now).erased) == ({}, 0)


@pytest.mark.parametrize("height", [1, 2, 3, 4, 12, 13, 61, 62])
def test_a_long_profile_is_cut_to_the_height_and_what_is_left_out_is_counted(height: int) -> None:
    shown, left = rows(known(MANY), height)
    assert len(shown) + bool(left) <= max(height, 1)
    assert sum(not row.heading for row in shown) + left == len(MANY)
    assert (left == 0) is (height >= 61)


def test_what_has_just_changed_is_never_cut() -> None:
    new = fact("new", "hobby", "juggling", "")
    shown, left = rows(known([*MANY, new], known(MANY)), 6)
    assert [row.text.removeprefix("♥ likes ") for row in shown[1:]] == [
        "thing 0",
        "thing 1",
        "thing 2",
        "juggling",
    ]
    assert left == 57


# --- when the dialogue tells of facts --------------------------------------------------------


async def test_the_view_is_told_of_what_is_learnt_taken_back_and_answered() -> None:
    running = Running(ScriptedBackend(learns=("remembered: home · Porto",)))
    await running.start()
    listener, dialogue = running.listener, running.dialogue
    before = listener.facts
    dialogue.submit("I live in Porto")
    await running.settle()
    assert listener.facts == before + 1
    await dialogue.undo()
    assert listener.facts == before + 2
    dialogue.backend.asks = "f7"
    dialogue.submit("Pottery?")
    await running.settle()
    await dialogue.answer(True)
    assert listener.facts == before + 4


# --- on the screen ---------------------------------------------------------------------------


class Learning(ScriptedBackend):
    """Its facts change as it learns and is undone; counts how often they are read."""

    def __init__(self, facts: list[Fact] | None = None) -> None:
        super().__init__(learns=("remembered: home · Porto",), facts=facts or [FACTS[0]])
        self.reads = 0

    async def facts(self) -> list[Fact]:
        self.reads += 1
        return list(self._facts)

    def _learn(self, line, user):
        self._facts.append(FACTS[1])
        return super()._learn(line, user)

    async def undo(self, seq: int | None = None) -> str:
        self._facts.pop()
        return await super().undo(seq)


def panel_of(pilot: Pilot[str]) -> FactPanel:
    assert isinstance(pilot.app, PocketApp)
    return pilot.app.chat.query_one(FactPanel)


def line_with(pilot: Pilot[str], text: str) -> str:
    """What the panel has on the line with that text."""
    lines = [line.rpartition("│")[2] for line in screen_text(pilot.app).splitlines()]
    return next((line.strip() for line in lines if text in line), "")


async def panel_has(pilot: Pilot[str], text: str) -> None:
    await wait_until(pilot, lambda: line_with(pilot, text) != "", f"{text!r} in the panel")


async def test_facts_come_and_go_in_it_with_a_sign_that_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pocket_agent.tui.widgets.panel.MARKED_S", 60.0)
    backend = Learning()
    async with app_with(backend, panel=True).run_test(size=WIDE) as pilot:
        await panel_has(pilot, "Anna")
        assert not panel_of(pilot).known.fresh
        await say(pilot, "I live in Porto")
        await wait_until(pilot, lambda: line_with(pilot, "+ home") != "", "the new fact")
        await pilot.press("ctrl+u")
        await wait_until(pilot, lambda: line_with(pilot, "- home") != "", "the fact taken back")
        monkeypatch.setattr("pocket_agent.tui.widgets.panel.MARKED_S", 0.05)
        await say(pilot, "I live in Porto")
        await wait_until(pilot, lambda: line_with(pilot, "home").startswith("home"), "no sign")
        assert panel_of(pilot).known.fresh == {}


async def test_what_is_changed_on_the_profile_screen_stands_in_it_after() -> None:
    async with app_with(panel=True).run_test(size=WIDE) as pilot:
        await panel_has(pilot, "olives")
        await pilot.press("f2")
        await shows(pilot, "Profile · default")
        await pilot.press("down", "d")
        await shows(pilot, "forgot: ")
        await pilot.press("escape")
        await wait_until(pilot, lambda: bool(panel_of(pilot).known.fresh), "the mark")
        assert list(panel_of(pilot).known.fresh.values()) == [Mark.GONE]


async def test_of_what_is_forgotten_nothing_stays_in_it() -> None:
    async with app_with(panel=True).run_test(size=WIDE) as pilot:
        await panel_has(pilot, "Porto")
        await pilot.press("f2", "down", "down", "x")
        await shows(pilot, "This erases")
        await pilot.press("y")
        await shows(pilot, "forgotten: ")
        await pilot.press("escape")
        await panel_has(pilot, "- 1 fact forgotten")
        assert line_with(pilot, "Porto") == ""


@pytest.mark.parametrize("how", ["key", "command", "palette"])
async def test_it_is_shown_and_hidden_and_that_is_remembered(how: str) -> None:
    saved: list[bool] = []
    app = app_with(save=lambda _, shown: saved.append(shown))

    async def toggle(pilot: Pilot[str]) -> None:
        if how == "key":
            await pilot.press("f7")
        elif how == "command":
            await say(pilot, "/panel")
        else:
            await pilot.press("ctrl+p", *"panel")
            await shows(pilot, "beside the chat (F7)")
            await pilot.press("down", "enter")

    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "○ ready")
        assert TITLE not in screen_text(app)
        await toggle(pilot)
        await panel_has(pilot, "Porto")
        await wait_until(pilot, lambda: saved == [True], "it saved")
        await toggle(pilot)
        await shows_no(pilot, TITLE)
        await wait_until(pilot, lambda: saved == [True, False], "it saved")


async def test_its_key_can_be_changed_and_is_told() -> None:
    async with app_with(panel=True, keys={"panel": "f9"}).run_test(size=WIDE) as pilot:
        await shows(pilot, "F9 hides")
        await pilot.press("f7")
        await panel_has(pilot, "Porto")
        await pilot.press("f9")
        await shows_no(pilot, TITLE)


async def test_where_it_has_no_room_it_is_hidden_reads_nothing_and_says_so() -> None:
    saved: list[bool] = []
    backend = Learning()
    app = app_with(backend, panel=True, save=lambda _, shown: saved.append(shown))
    async with app.run_test(size=(99, 30), notifications=True) as pilot:
        await open_by(pilot, "f7", "The panel needs a terminal")
        (told,) = [note.message for note in app._notifications]
        assert told.endswith("100 columns; this one has 99.")
        assert TITLE not in screen_text(app)
        assert (backend.reads, saved) == (0, [])
        await pilot.resize_terminal(100, 30)
        await panel_has(pilot, "Anna")
        await pilot.resize_terminal(80, 30)
        await shows_no(pilot, TITLE)


async def test_hidden_it_reads_nothing() -> None:
    backend = Learning()
    async with app_with(backend).run_test(size=WIDE) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "I live in Porto")
        await shows(pilot, "ctrl+u undo")
        assert backend.reads == 0


async def test_many_changes_at_once_are_read_once() -> None:
    backend = Learning()
    async with app_with(backend, panel=True).run_test(size=WIDE) as pilot:
        await panel_has(pilot, "Anna")
        before = backend.reads
        for _ in range(50):
            pilot.app.chat.facts_changed()
        await wait_until(pilot, lambda: backend.reads > before, "a read")
        await pilot.pause(0.2)
        assert backend.reads - before <= 2


async def test_a_long_profile_ends_with_where_the_rest_is() -> None:
    async with app_with(Learning(MANY), panel=True).run_test(size=WIDE) as pilot:
        await panel_has(pilot, "thing 0")
        left = next(line for line in screen_text(pilot.app).splitlines() if "more: F2" in line)
        assert "…" in left


async def test_nothing_stands_in_it_in_a_blank_chat() -> None:
    backend = Learning()
    app = app_with(backend, panel=True, incognito=True, blank=True)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "Blank: nothing that is known")
        await shows(pilot, "○ ready")
        assert (backend.reads, panel_of(pilot).known) == (0, None)


async def test_nothing_stands_in_it_once_the_profile_is_locked() -> None:
    backend = Encrypted()
    async with app_with(backend, panel=True).run_test(size=WIDE) as pilot:
        await shows(pilot, "passphrase")
        assert panel_of(pilot).known is None
        await pilot.press(*"sesame", "enter")
        await panel_has(pilot, "Porto")
        await shows(pilot, "○ ready")
        await say(pilot, "/lock")
        await shows(pilot, "Locked")
        pilot.app.chat.facts_changed()
        await pilot.pause(0.1)
        assert panel_of(pilot).known is None
        await pilot.press(*"sesame", "enter")
        await panel_has(pilot, "Porto")
        assert not panel_of(pilot).known.fresh


async def test_a_fact_can_not_write_to_the_terminal_or_the_markup() -> None:
    evil = fact("e", "home", "[red]Por\x1b[31mto\n[/red]", "")
    async with app_with(Learning([evil]), panel=True).run_test(size=WIDE) as pilot:
        await panel_has(pilot, "[red]Por␛[31mto")


async def test_facts_that_can_not_be_read_are_no_end_of_the_chat() -> None:
    class Closed(ScriptedBackend):
        async def facts(self) -> list[Fact]:
            raise StoreError("The profile is not open yet")

    async with app_with(Closed(), panel=True).run_test(size=WIDE) as pilot:
        await shows(pilot, "Nothing yet.")
        await shows(pilot, "○ ready")


async def test_a_wish_that_can_not_be_saved_is_one_line() -> None:
    def refuse(name: str, shown: str | bool) -> None:
        raise ConfigError("config.toml can't be written", "Check the permissions.")

    app = app_with(save=refuse)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await open_by(pilot, "f7", "config.toml can't be written")
        await panel_has(pilot, "Porto")


async def test_slow_facts_hold_up_no_key() -> None:
    gate = asyncio.Event()

    class Slow(ScriptedBackend):
        async def facts(self) -> list[Fact]:
            await gate.wait()
            return FACTS

    async with app_with(Slow(), panel=True).run_test(size=WIDE) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "Hello")
        await shows(pilot, "Hello there.")
        gate.set()
        await panel_has(pilot, "Porto")


def test_the_setting_reaches_the_chat_and_a_toggle_the_setting(tmp_path: Path) -> None:
    home = tmp_path / "home"

    def options(*words: str):
        return tui_options(_parser("").parse_args(["--home", str(home), *words]))[2]

    given = options()
    assert (given.panel, given.save is None) == (False, False)
    given.save("panel", True)
    assert load_settings(home / "config.toml").panel
    assert options().panel
    assert options("--incognito").save is None
