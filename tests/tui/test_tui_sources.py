"""Under a reply stands what it was made from; a key shows it, and Enter goes there."""

from pathlib import Path

import pytest
from driving import prompt_of, say, screen_text, shows, wait_until
from scripted import ScriptedBackend
from textual.widgets import OptionList
from tui_samples import FACTS, exchanges, turn

from pocket_agent.memory.records import Drawn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.conversation import Conversation, Sources
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.profile import ProfileScreen
from pocket_agent.tui.widgets.entries import SourcesLine

PAST = turn(0, TurnRole.USER, "Question 0?")


@pytest.mark.parametrize(
    ("facts", "turns", "line"),
    [
        (3, 2, "with 3 facts, 2 past turns"),
        (1, 0, "with 1 fact"),
        (0, 1, "with 1 past turn"),
    ],
)
def test_the_line_counts(facts: int, turns: int, line: str) -> None:
    names = tuple(map(str, range(5)))
    assert Sources(Drawn(names[:facts], names[:turns])).line == line


def test_the_line_of_the_last_reply_alone_is_the_last() -> None:
    conversation = Conversation()
    for drawn in (Drawn(("f1",)), Drawn()):
        reply = conversation.begin_reply(conversation.say("hello"))
        conversation.drew(reply, drawn)
    assert sum(isinstance(entry, Sources) for entry in conversation.entries) == 1
    assert conversation.last_sources() is None


async def test_a_reply_without_any_has_no_line() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Hello there.")
        await pilot.press("f5")
        await shows(pilot, "made from no fact")
        assert not pilot.app.screen.query(SourcesLine)


async def test_a_key_shows_them_and_enter_goes_to_a_fact() -> None:
    backend = ScriptedBackend(draws=tuple(FACTS[:3]), recalls=(PAST,), turns=exchanges(3))
    async with PocketApp(backend).run_test(size=(80, 24)) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "with 3 facts, 1 past turn")
        await pilot.press("f5")
        await shows(pilot, "home · Porto")
        await shows(pilot, "Question 0?")
        await pilot.press("f4")
        await shows(pilot, "512 of 4,096 tokens")
        await pilot.press("escape", "down", "enter")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ProfileScreen), "the profile")
        await shows(pilot, "Porto")
        chosen = pilot.app.screen.query_one(OptionList)
        await wait_until(pilot, lambda: chosen.highlighted is not None, "a fact")
        assert chosen.get_option_at_index(chosen.highlighted).id == "f2"


async def test_enter_goes_to_a_past_turn_however_far_back_it_is() -> None:
    backend = ScriptedBackend(recalls=(PAST,), turns=exchanges(60))
    async with PocketApp(backend).run_test(size=(80, 24)) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "with 1 past turn")
        line = pilot.app.screen.query_one(SourcesLine)
        line.focus()
        await pilot.press("enter")
        await shows(pilot, "past turn Question 0?")
        await pilot.press("enter")
        await shows(pilot, "Moving to Porto")
        await shows(pilot, "Question 0?")
        assert "Question 59?" not in screen_text(pilot.app)


@pytest.mark.parametrize("incognito", [False, True])
async def test_the_real_line_is_there_again_after_reopening(
    locations: Locations, tmp_path: Path, incognito: bool
) -> None:
    """On the real store, with a reply written as the assistant writes it."""
    with Store.open(locations.profile("default")) as store:
        past = store.add_user_turn(store.new_session("Bees").id, "I keep [b]bees[/b]")
        fact = store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER).fact
        assert fact is not None
        session = store.new_session("Now")
        store.add_user_turn(session.id, "Where do I live?")
        gone = Drawn((fact.id, "gone"), (past.id, "erased"))
        store.close_reply(store.open_reply(session.id, gone).id, "In Porto.")
    model = str(tmp_path / "none.gguf")
    options = TuiOptions(session=session.id, model=model, incognito=incognito)
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test(size=(100, 30)) as pilot:
        await shows(pilot, "with 2 facts, 2 past turns", 60)
        await pilot.press("f5")
        await shows(pilot, "home · Porto")
        await shows(pilot, "past turn I keep [b]bees[/b]")
        await shows(pilot, "a fact that is no longer there")
        await shows(pilot, "a past turn that is no longer there")
        rows = app.screen.query_one(OptionList)
        told = [rows.get_option_at_index(at).prompt for at in range(rows.option_count)]
        await pilot.press(*["down"] * next(n for n, t in enumerate(told) if "bees" in str(t)))
        await pilot.press("enter")
        await shows(pilot, "Bees")
        assert app.chat.dialogue.conversation.said(past.id) is not None
        assert prompt_of(pilot).text == ""
