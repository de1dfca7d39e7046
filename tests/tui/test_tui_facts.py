"""The profile screen beyond the list: by hand, to the words, the history of a fact, another day."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
from driving import open_by, screen_text, shows, shows_no, wait_until
from scripted import ScriptedBackend
from tui_samples import exchanges

from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.portable.archive import export_profile, import_profile
from pocket_agent.profile.facts import Actor, Fact, FactState, Op, OpKind, Polarity
from pocket_agent.profile.sources import ground
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.factsheet import marks
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.remembered import read_edit
from pocket_agent.tui.screens.chat import ChatScreen
from pocket_agent.tui.screens.profile import ProfileScreen


async def test_by_hand_history_another_day_and_to_the_words() -> None:
    backend = ScriptedBackend(turns=exchanges(3))
    async with PocketApp(backend).run_test(size=(100, 40)) as pilot:
        await open_by(pilot, "f2", "TASTES")
        await pilot.press("a", *"food: soup", "enter")
        await shows(pilot, "remembered: food: soup · u undo")
        assert backend.changes == [("add", "food: soup")]

        await pilot.press("h")
        await shows(pilot, "update home: Leeds > Porto")
        assert "add home: Leeds   undone" in screen_text(pilot.app)
        assert "policy · “I live in [b]Leeds[/b]”" in screen_text(pilot.app)
        await pilot.press("escape")

        await pilot.press("t", *"yesterday", "enter")
        await shows(pilot, "'yesterday' is no date. Write 2026-11-03.")
        await pilot.press("t", *"2026-11-03", "enter")
        await shows(pilot, "as it was on 2026-11-03")
        await shows(pilot, "Leeds")
        await pilot.press("e", "d", "u", "l", "p", "x", "a", "enter")
        await shows_no(pilot, "TASTES")
        assert len(backend.changes) == 1, "the past is not changed"
        assert backend.undone == []
        await pilot.press("escape")
        await shows_no(pilot, "as it was on")
        await shows(pilot, "TASTES")
        assert isinstance(pilot.app.screen, ProfileScreen)

        await pilot.press("slash", *"short", "enter", "w")
        await shows(pilot, "It rests on no turn that is here.")
        await pilot.press("escape", "slash", *"olives", "enter", "w")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen), "the chat")
        await shows(pilot, "Question 0?")


async def test_the_real_backend_knows_the_past_of_a_fact(locations: Locations) -> None:
    backend = LiveBackend(locations, "default", TuiOptions())
    await backend.open(None, lambda _: None)
    try:
        store = backend._open.store
        session = store.new_session("Moving")
        turn = store.add_user_turn(session.id, "I live in Porto")
        source = ground(turn.id, turn.text, "Porto")
        store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.POLICY, source=source)
        (home,) = await backend.facts()
        row = await backend.said_at(home.id)
        assert row is not None
        assert (row.session, row.turn) == (session.id, turn.id)
        assert await backend.add_fact("Avoid food: olives") == "remembered: food · avoids olives"
        assert await backend.add_fact("avoid food: olives") == "that is remembered already"
        olives = store.profile().active("food")[0]
        assert await backend.said_at(olives.id) is None
        await backend.edit_fact(home.id, "Lagos")
        await backend.undo()
        told = [(change.what, change.undone) for change in await backend.history(home.id)]
        assert told == [
            ("add home: Porto", False),
            ("update home: Porto > Lagos", True),
            ("undo 3", False),
        ]
        assert await backend.facts_at("2020-01-01") == []
        assert len(await backend.facts_at("2099-01-01")) == 2
        said = await backend.edit_fact(home.id, "origin: Porto")
        assert said == "remembered: origin · Porto"
        (moved,) = store.profile().active("origin")
        assert (moved.learnt, moved.sources[-1].turn) == (home.learnt, turn.id)
        assert await backend.edit_fact(olives.id, "like olives") == (
            "remembered: food · likes olives"
        )
        await backend.undo()
        for text in ("nothing", "food:", "nowhere: x"):
            with pytest.raises(PocketAgentError):
                await backend.add_fact(text)
        assert Path(locations.profiles).exists()
    finally:
        await backend.close()


async def test_each_place_where_it_was_said_and_what_is_undone_since(locations: Locations) -> None:
    backend = LiveBackend(locations, "default", TuiOptions())
    await backend.open(None, lambda _: None)
    try:
        store = backend._open.store
        session = store.new_session("Moving")
        turns = [store.add_user_turn(session.id, f"{n}: I live in Porto") for n in range(3)]
        for turn in turns:
            source = ground(turn.id, turn.text, "Porto")
            store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.POLICY, source=source)
        (home,) = await backend.facts()
        rows = [await backend.said_at(home.id, back) for back in range(4)]
        assert [row.turn if row else "" for row in rows] == [turns[n].id for n in (2, 1, 0, 2)]
        assert rows[1] is not None
        assert rows[1].about.endswith(" · 2 of 3 places")
        before = datetime.now().astimezone().isoformat()
        await asyncio.sleep(0.01)
        await backend.undo(1)
        await backend.undo(2)
        await backend.undo(3)
        assert await backend.facts() == []
        (then,) = await backend.facts_at(before)
        row = await backend.said_at(then.id)
        assert row is not None
        assert row.turn == turns[2].id
        assert (await backend.history(then.id))[0].what == "add home: Porto"
    finally:
        await backend.close()


async def test_a_wish_of_somebody_elses_file_is_marked_until_it_is_kept(
    locations: Locations, tmp_path: Path
) -> None:
    with Store.open(tmp_path / "theirs.db") as theirs:
        made = theirs.record(Op(OpKind.ADD, "tone", "dry"), actor=Actor.USER).fact
        assert made is not None
        theirs.record(Op(OpKind.PIN, fact=made.id), actor=Actor.USER)
        export_profile(theirs, tmp_path / "theirs.jsonl")
    with Store.open(locations.profile("default")) as store:
        import_profile(store, tmp_path / "theirs.jsonl")
    backend = LiveBackend(locations, "default", TuiOptions())
    await backend.open(None, lambda _: None)
    try:
        (tone,) = await backend.facts()
        assert "told, not obeyed" in marks(tone)
        assert not tone.pinned, "that their file has it pinned is no wish of this person's"
        await backend.pin_fact(tone.id, not tone.pinned)
        (tone,) = await backend.facts()
        assert "told, not obeyed" not in marks(tone)
        assert tone.pinned
    finally:
        await backend.close()


@pytest.mark.parametrize(
    ("slot", "value", "sign", "text", "meant"),
    [
        ("home", "Leeds", "+", "Porto", ("home", "Porto", "+")),
        ("home", "Leeds", "+", "Origin: Leeds", ("origin", "Leeds", "+")),
        ("food", "olives", "+", "avoid olives", ("food", "olives", "-")),
        ("food", "olives", "-", "green olives", ("food", "green olives", "-")),
        ("food", "olives", "-", "likes olives", ("food", "olives", "+")),
        ("food", "tea", "-", "drink: tea", ("drink", "tea", "-")),
        ("food", "tea", "+", "avoid drink: tea", ("drink", "tea", "-")),
        ("food", "tea", "+", "drink: avoid tea", ("drink", "tea", "-")),
        ("food", "Leeds", "-", "home: Leeds", ("home", "Leeds", "+")),
        ("food", "sugar", "-", "goal: avoid sugar", ("goal", "avoid sugar", "+")),
        ("goal", "avoid sugar", "+", "avoid sugar and salt", ("goal", "avoid sugar and salt", "+")),
        ("goal", "sleep", "+", "avoid late nights", ("goal", "avoid late nights", "+")),
        ("manner", "like a pal", "+", "like an old pal", ("manner", "like an old pal", "+")),
        ("other", "note", "+", "todo: call Ann", ("other", "todo: call Ann", "+")),
        ("food", "olives", "+", "avoid", ("food", "avoid", "+")),
    ],
)
def test_what_is_typed_over_a_fact(
    slot: str, value: str, sign: str, text: str, meant: tuple[str, str, str]
) -> None:
    held = Fact("f", slot, value, Polarity(sign), 1.0, FactState.ACTIVE, Actor.USER, "2026")
    assert read_edit(held, text) == meant
