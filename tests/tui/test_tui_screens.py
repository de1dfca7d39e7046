"""Profile, conversations, context, help and passphrase, driven by keys."""

import pytest
from driving import open_by, say, screen_text, shows, shows_no, wait_until
from scripted import ScriptedBackend
from textual.binding import Binding
from tui_samples import AT, FACTS, exchanges, fact

from pocket_agent.keys import DEFAULT_KEYS, key_name
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Session
from pocket_agent.profile.facts import Fact
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.backend import NeedsKeyError, Preview, Report
from pocket_agent.tui.commands import COMMANDS
from pocket_agent.tui.screens.chat import ChatScreen
from pocket_agent.tui.screens.confirm import ConfirmScreen
from pocket_agent.tui.screens.help import HelpScreen, blocks
from pocket_agent.tui.screens.models import ModelsScreen
from pocket_agent.tui.screens.profile import ProfileScreen
from pocket_agent.tui.screens.sessions import SessionsScreen
from pocket_agent.tui.widgets.entries import MemoryLine
from pocket_agent.tui.widgets.prompt import Prompt

# Profile


async def test_facts_are_shown_with_quote_and_date() -> None:
    async with PocketApp(ScriptedBackend()).run_test() as pilot:
        await open_by(pilot, "f2", "TASTES")
        text = screen_text(pilot.app)
        for part in (
            "WAITING FOR YOUR YES OR NO",
            "Anna   locked",
            "“I moved to Porto last month” · 3 Nov 2026",
            "♥ likes olives",
            "⊘ avoids cilantro",
            "short   by hand",
        ):
            assert part in text


async def test_a_fact_is_edited() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f2", "TASTES")
        await pilot.press("down", "down", "e", "end", *" City", "enter")
        await shows(pilot, "remembered: Porto City · u undo")
    assert backend.changes == [("edit", "f2", "Porto City")]


async def test_escape_leaves_an_edit_alone() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f2", "TASTES")
        await pilot.press("e", *"xyz", "escape")
        await shows_no(pilot, "xyz")
        assert isinstance(pilot.app.screen, ProfileScreen)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ChatScreen)
    assert backend.changes == []


async def test_a_fact_is_deleted_and_undone() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f2", "TASTES")
        await pilot.press("down", "down", "d")
        await shows(pilot, "forgot: home · Porto · u undo")
        await shows_no(pilot, "last month")
        await pilot.press("u")
        await wait_until(pilot, lambda: backend.undone == [None], "the undo")
    assert backend.changes == [("remove", "f2")]


async def test_lock_and_confirm() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f2", "TASTES")
        await pilot.press("c")
        await wait_until(pilot, lambda: backend.changes == [("confirm", "f7")], "the yes")
        await pilot.press("down", "c", "l")
        await wait_until(pilot, lambda: len(backend.changes) == 2, "the lock")
    assert backend.changes[1] == ("unlock", "f1"), "only a fact that waits can be confirmed"


async def test_pin() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f2", "TASTES")
        await pilot.press("down", "down", "p")
        await wait_until(pilot, lambda: backend.changes == [("pin", "f2")], "the pin")


async def test_a_fact_is_forgotten_only_after_a_yes() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f2", "TASTES")
        await pilot.press("down", "down", "x")
        await shows(pilot, "This erases: 2 turns, 1 fact")
        await shows(pilot, "turn · I moved [b]to[/b] Porto")
        await pilot.press("escape")
        await shows(pilot, "nothing was forgotten")
        assert backend.wishes == []
        await pilot.press("x")
        await shows(pilot, "This erases")
        await pilot.press("y")
        await shows(pilot, "forgotten: 2 turns, 1 fact")
        await shows_no(pilot, "last month")
    assert backend.wishes == [Wish(slot="home", value="Porto")]


async def test_a_conversation_is_forgotten() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f3", "Moving to Porto")
        await pilot.press("x")
        await shows(pilot, "This erases")
        await pilot.press("y")
        await shows_no(pilot, "Moving to Porto")
    assert backend.wishes == [Wish(session="s1")]


async def test_a_text_is_forgotten_from_the_chat() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await say(pilot, "I moved to Porto")
        await shows(pilot, "Hello there.")
        await say(pilot, "/forget nowhere")
        await shows(pilot, "nothing holds that")
        await say(pilot, "/forget Porto")
        await shows(pilot, "This erases")
        await pilot.press("y")
        await shows(pilot, "forgotten: 2 turns")
        await shows_no(pilot, "I moved")
    assert backend.wishes == [Wish(matching="Porto")]


async def test_what_is_near_a_topic_is_ticked_one_by_one() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await say(pilot, "I moved to Porto")
        await shows(pilot, "Hello there.")
        await say(pilot, "/forget --about")
        await shows(pilot, "say of what")
        await say(pilot, "/forget --about nowhere")
        await shows(pilot, "nothing is near that")
        await say(pilot, "/forget --about the move")
        await shows(pilot, "Near the move")
        await pilot.press("enter")
        await shows(pilot, "nothing was forgotten")
        await say(pilot, "/forget --about the move")
        await shows(pilot, "turn · I moved [b]to[/b] Porto")
        await pilot.press("space", "end", "space", "enter")
        await shows(pilot, "This erases")
        await pilot.press("y")
        await shows(pilot, "forgotten: 2 turns")
        await say(pilot, "/forget --substring ex")
        await shows(pilot, "This erases")
        await pilot.press("y")
    fact, turn = backend._facts[0], backend.wishes[0].turns
    assert backend.wishes == [
        Wish(turns=turn, facts=((fact.slot, fact.value),)),
        Wish(matching="ex", substring=True),
    ]


async def test_replies_elsewhere_may_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = ScriptedBackend()

    async def plan(wish: Wish) -> Preview:
        return Preview("1 turn, 1 reply elsewhere that repeated it", ("reply elsewhere · Fish",), 1)

    monkeypatch.setattr(backend, "plan_forgetting", plan)
    async with PocketApp(backend).run_test() as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "/forget heron")
        await shows(pilot, "reply elsewhere · Fish")
        await shows(pilot, "k erase it, keep the replies")
        await pilot.press("k")
        await shows(pilot, "forgotten: 2 turns")
    assert backend.wishes == [Wish(matching="heron", keep_replies=True)]


async def test_all_that_would_go_can_be_paged_through() -> None:
    rows = [f"turn · number {number}" for number in range(250)]
    async with PocketApp(ScriptedBackend()).run_test() as pilot:
        pilot.app.push_screen(ConfirmScreen("250 turns", rows))
        await shows(pilot, "1 to 100 of 250")
        await pilot.press("left")
        await shows(pilot, "turn · number 0")
        await pilot.press("right", "right", "right")
        await shows(pilot, "201 to 250 of 250")
        await shows(pilot, "turn · number 200")


async def test_a_filter_narrows_and_escape_widens() -> None:
    async with PocketApp(ScriptedBackend()).run_test() as pilot:
        await open_by(pilot, "f2", "TASTES")
        await pilot.press("slash", *"olives")
        await shows_no(pilot, "Porto")
        await pilot.press("enter")
        await shows(pilot, "♥ likes olives")
        await pilot.press("escape")
        await shows(pilot, "Porto")


async def test_an_empty_profile_says_so() -> None:
    async with PocketApp(ScriptedBackend(facts=[])).run_test() as pilot:
        await open_by(pilot, "f2", "Nothing is remembered yet.")
        await pilot.press("e", "d", "l", "c")
        await shows(pilot, "Nothing is remembered yet.")


async def test_hostile_facts_are_plain_text() -> None:
    facts = [fact("f1", "other", "[red]x[/red]\x1b[2J [/]", "a\x1b]0;t\a [@click=app.quit]q[/]")]
    async with PocketApp(ScriptedBackend(facts=facts)).run_test() as pilot:
        await open_by(pilot, "f2", "[red]x[/red]␛[2J [/]")
        assert "\x1b" not in screen_text(pilot.app)
        assert "[@click=app.quit]q[/]" in screen_text(pilot.app)
        await pilot.press("e", "end", "x")
        await shows(pilot, "␛[2J [/]x")


async def test_a_thousand_facts_stay_quick_to_walk() -> None:
    many = [fact(f"f{n}", "other", f"value {n}", f"quote {n}") for n in range(1000)]
    async with PocketApp(ScriptedBackend(facts=many)).run_test() as pilot:
        await open_by(pilot, "f2", "value 0")
        await pilot.press("end")
        await shows(pilot, "value 999")


@pytest.mark.parametrize("size", [(80, 24), (40, 20)])
async def test_profile_fits_its_terminal(size: tuple[int, int]) -> None:
    async with PocketApp(ScriptedBackend()).run_test(size=size) as pilot:
        await open_by(pilot, "f2", "IDENTITY")
        for line in screen_text(pilot.app).splitlines():
            assert len(line) <= size[0]
        await shows(pilot, "Esc back")


class Refusing(ScriptedBackend):
    """Can't read or change anything."""

    async def facts(self) -> list[Fact]:
        raise NeedsKeyError("[no]", "Try again.")

    async def sessions(self, limit: int, offset: int = 0) -> list[Session]:
        raise NeedsKeyError("[no]", "Try again.")


@pytest.mark.parametrize("key", ["f2", "f3"])
async def test_a_failure_is_one_line_of_the_screen(key: str) -> None:
    async with PocketApp(Refusing()).run_test() as pilot:
        await open_by(pilot, key, "[no]. Try again.")


# Conversations


async def test_a_conversation_is_gone_on_with() -> None:
    backend = ScriptedBackend(turns=exchanges(2))
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f3", "Moving to Porto")
        text = screen_text(pilot.app)
        assert "3 Nov 2026 12:00 · 12 turns" in text
        assert "A cake without [b]eggs[/b]" in text
        assert "Untitled" in text
        await pilot.press("enter")
        await shows(pilot, "Question 1?")
        await shows(pilot, "default · Moving to Porto")


async def test_new_rename_filter_and_back() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f3", "Moving to Porto")
        await pilot.press("down", "r", "end", *"!", "enter")
        await shows(pilot, "A cake without [b]eggs[/b]!")
        await pilot.press("slash", *"porto")
        await shows_no(pilot, "cake")
        await pilot.press("escape")
        await shows(pilot, "cake")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ChatScreen)
        await pilot.press("f3")
        await shows(pilot, "cake")
        await pilot.press("n")
        await shows(pilot, "New conversation")
    assert backend.changes == [("rename", "s2", "A cake without [b]eggs[/b]!")]


async def test_many_conversations_come_page_by_page() -> None:
    backend = ScriptedBackend()
    backend.all_sessions = [Session(f"s{n}", f"Talk {n}", AT, AT, 2) for n in range(130)]
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f3", "Talk 0")
        for _ in range(3):
            await pilot.press("end")
            await pilot.pause(0.05)
        await pilot.press("end")
        await shows(pilot, "Talk 129")


async def test_a_filter_finds_what_was_not_loaded_yet() -> None:
    backend = ScriptedBackend()
    backend.all_sessions = [Session(f"s{n}", f"Talk {n}", AT, AT, 2) for n in range(130)]
    async with PocketApp(backend).run_test() as pilot:
        await open_by(pilot, "f3", "Talk 0")
        await pilot.press("slash", *"129")
        await shows(pilot, "Talk 129")


# Context


async def test_the_prompt_is_shown_as_it_was_sent() -> None:
    async with PocketApp(ScriptedBackend(dropped=2)).run_test() as pilot:
        await say(pilot, "hi\x1b[1m")
        await shows(pilot, "Hello there.")
        await pilot.press("f4")
        await shows(pilot, "512 of 4,096 tokens · the oldest 2 turns did not fit")
        await shows(pilot, "I live in Porto.")
        await shows(pilot, "hi␛[1m [red]not markup[/red]")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ChatScreen)


# Help


def test_help_names_every_command_and_every_key() -> None:
    told = [(key, about) for _, rows in blocks() for key, about in rows]
    for command in COMMANDS:
        assert (command.usage, command.about) in told
    owners = (
        PocketApp,
        ChatScreen,
        Prompt,
        ProfileScreen,
        SessionsScreen,
        MemoryLine,
        ModelsScreen,
    )
    for owner in (*owners, ConfirmScreen):
        for binding in Binding.make_bindings(owner.__dict__["BINDINGS"]):
            assert binding.description, binding
            assert (binding.key_display or key_name(binding.key), binding.description) in told


def test_the_keys_in_the_command_table_are_bound() -> None:
    bound = {
        binding.id: binding
        for owner in (PocketApp, ChatScreen, Prompt)
        for binding in Binding.make_bindings(owner.__dict__["BINDINGS"])
        if binding.id
    }
    assert {name: binding.key for name, binding in bound.items()} == DEFAULT_KEYS
    for command in COMMANDS:
        if command.key:
            assert command.action in bound[command.key].action, command


@pytest.mark.parametrize("size", [(80, 24), (40, 20)])
async def test_f1_opens_help_from_anywhere(size: tuple[int, int]) -> None:
    async with PocketApp(ScriptedBackend()).run_test(size=size) as pilot:
        await open_by(pilot, "f2", "IDENTITY")
        await pilot.press("f1")
        await shows(pilot, "Commands")
        assert isinstance(pilot.app.screen, HelpScreen)
        await pilot.press("f1")
        assert isinstance(pilot.app.screen, HelpScreen)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ProfileScreen)


# Passphrase


class Locked(ScriptedBackend):
    """Opens with one passphrase only."""

    async def open(self, session: str | None, report: Report, key: str | None = None) -> None:
        if key != "sesame":
            raise NeedsKeyError("It needs its passphrase" if key is None else "Not that one")
        await super().open(session, report)


async def test_an_encrypted_profile_asks_until_it_opens() -> None:
    async with PocketApp(Locked()).run_test() as pilot:
        await shows(pilot, "It needs its passphrase")
        await pilot.press(*"nope", "enter")
        await shows(pilot, "Not that one")
        assert "nope" not in screen_text(pilot.app)
        await pilot.press(*"sesame", "enter")
        await shows(pilot, "○ ready")


async def test_giving_up_on_the_passphrase_ends_the_app() -> None:
    app = PocketApp(Locked())
    async with app.run_test() as pilot:
        await shows(pilot, "It needs its passphrase")
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.return_code == 1, "the end")
    assert app.return_value == "It needs its passphrase"


def test_the_script_holds_a_fact_of_each_kind() -> None:
    assert {fact.state.value for fact in FACTS} == {"active", "candidate"}
