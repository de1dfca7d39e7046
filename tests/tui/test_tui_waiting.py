"""What waits for a yes or no, in the chat and on the profile screen: by key, by command, once."""

from pathlib import Path

from driving import open_by, say, screen_text, shows, wait_until
from scripted import ScriptedBackend

from pocket_agent.paths import Locations
from pocket_agent.portable.importers.registry import IMPORTERS
from pocket_agent.portable.importers.taking import take_in
from pocket_agent.profile.facts import Actor, FactState, Op, OpKind, Source
from pocket_agent.profile.waiting import waiting
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.profile import ProfileScreen


def asking() -> ScriptedBackend:
    backend = ScriptedBackend(learns=("home · Porto, not home · Leeds?",))
    backend.asks = "f7"
    return backend


async def test_a_line_that_asks_is_answered_by_its_key_and_asks_no_more() -> None:
    backend = asking()
    async with PocketApp(backend).run_test() as pilot:
        await say(pilot, "I moved to Porto")
        await shows(pilot, "↳ home · Porto, not home · Leeds?   /yes · /no")
        await pilot.press("shift+tab", "y")
        await shows(pilot, "↳ remembered: hobby · pottery   ctrl+u undo")
        await pilot.press("shift+tab", "n", "y", "u")
        await wait_until(pilot, lambda: backend.undone == [900], "the undo of the answer")
    assert backend.changes == [("confirm", "f7")]


async def test_a_line_that_asks_is_answered_by_a_command() -> None:
    backend = asking()
    async with PocketApp(backend).run_test() as pilot:
        await say(pilot, "I moved to Porto")
        await shows(pilot, "/yes · /no")
        await say(pilot, "/no")
        await shows(pilot, "left out: hobby · pottery")
        await say(pilot, "/yes")
        await shows(pilot, "nothing here asks for a yes or no")
    assert backend.changes == [("reject", "f7")]


async def test_imports_are_told_of_in_one_line() -> None:
    backend = ScriptedBackend()
    backend.imports = 3
    async with PocketApp(backend).run_test() as pilot:
        await shows(pilot, "– 3 imported facts wait for your yes or no: F2")


async def test_yes_no_and_delete_on_the_profile_screen() -> None:
    for key, change in (("y", "confirm"), ("n", "reject"), ("d", "reject")):
        backend = ScriptedBackend()
        async with PocketApp(backend).run_test() as pilot:
            await open_by(pilot, "f2", "WAITING FOR YOUR YES OR NO")
            await pilot.press(key)
            await wait_until(pilot, lambda b=backend: bool(b.changes), "the answer")
            assert backend.changes == [(change, "f7")]
            await pilot.press("down", "n", "y")
            await pilot.pause()
            assert len(backend.changes) == 1, "only what waits is answered"


async def test_the_real_backend_asks_answers_and_remembers(
    locations: Locations, tmp_path: Path
) -> None:
    memories = tmp_path / "mem0.json"
    memories.write_text('[{"memory": "Loves hiking"}, {"memory": "Has a cat"}]', "utf-8")
    backend = LiveBackend(locations, "default", TuiOptions())
    await backend.open(None, lambda _: None)
    try:
        store = backend._open.store
        take_in(memories, IMPORTERS["mem0"], store)
        assert await backend.unseen_imports() == 2
        assert await backend.unseen_imports() == 0, "told of once"
        store.record(Op(OpKind.ADD, "home", "Leeds"), actor=Actor.USER)
        session = store.new_session("Moving")
        turn = store.add_user_turn(session.id, "I left Leeds, I live in Porto")
        said = Source(turn.id, 0, len(turn.text), turn.text)
        for op in (Op(OpKind.ADD, "home", "Porto"), Op(OpKind.REMOVE, "home", "Leeds")):
            store.record(op, actor=Actor.POLICY, source=said)
        later = store.add_user_turn(session.id, "Porto!")
        again = Source(later.id, 0, len(later.text), later.text)
        store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.POLICY, source=again)
        await backend.open_session(session.id)
        rows = (await backend.page(None, 10)).memories
        assert [row.line for row in rows] == [
            "home · Porto, not home · Leeds?",
            "no longer home · Leeds?",
        ]
        states = [fact.state for fact in await backend.facts()]
        assert states.count(FactState.CANDIDATE) == 3
        assert states.count(FactState.DOUBT) == 1
        done = await backend.answer_fact(rows[0].waits, True)
        assert done.line == "remembered: home · Porto"
        assert [f.value for f in waiting(store.profile())] == ["Loves hiking", "Has a cat"]
        assert await backend.undo(done.seq) == "undone: no longer confirmed home · Porto"
        no = await backend.answer_fact(rows[1].waits, False)
        assert no.line == "kept: home · Leeds"
        rows = (await backend.page(None, 10)).memories
        assert rows[1].line == "you said no: home · Leeds"
        assert rows[1].waits == ""
    finally:
        await backend.close()


async def test_candidates_of_a_real_profile_are_answered_by_key(
    locations: Locations, tmp_path: Path
) -> None:
    from pocket_agent.memory.store import Store

    memories = tmp_path / "mem0.json"
    memories.write_text('[{"memory": "Loves hiking"}, {"memory": "Has a cat"}]', "utf-8")
    with Store.open(locations.profile("default")) as store:
        take_in(memories, IMPORTERS["mem0"], store)
    options = TuiOptions()
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test(size=(100, 30)) as pilot:
        await shows(pilot, "2 imported facts wait for your yes or no: F2", 60)
        await pilot.press("f2")
        await shows(pilot, "WAITING FOR YOUR YES OR NO", 60)
        assert "imported from mem0" in screen_text(app)
        await pilot.press("y")
        await shows(pilot, "remembered: other · Loves hiking · u undo", 60)
        await wait_until(pilot, lambda: "by hand" in screen_text(app), "the fact among the others")
        assert isinstance(app.screen, ProfileScreen)
        await pilot.press("home", "n")
        await shows(pilot, "left out: other · Has a cat · u undo", 60)
    with Store.open(locations.profile("default")) as store:
        assert [fact.value for fact in store.profile().active()] == ["Loves hiking"]
        assert waiting(store.profile()) == []


async def test_all_that_was_imported_is_answered_at_once(
    locations: Locations, tmp_path: Path
) -> None:
    from pocket_agent.memory.store import Store

    memories = tmp_path / "mem0.json"
    memories.write_text('[{"memory": "Loves hiking"}, {"memory": "Has a cat"}]', "utf-8")
    with Store.open(locations.profile("default")) as store:
        take_in(memories, IMPORTERS["mem0"], store)
    options = TuiOptions()
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test(size=(100, 30)) as pilot:
        await shows(pilot, "2 imported facts wait", 60)
        await pilot.press("f2")
        await shows(pilot, "WAITING FOR YOUR YES OR NO", 60)
        await pilot.press("Y")
        await shows(pilot, "This says yes to 2: facts that wait", 60)
        await pilot.press("escape")
        await shows(pilot, "WAITING FOR YOUR YES OR NO", 60)
        await pilot.press("Y", "y")
        await shows(pilot, "remembered: 2 imported facts · u undo", 60)
        await pilot.press("u")
        await shows(pilot, "WAITING FOR YOUR YES OR NO", 60)
        await pilot.press("N", "y")
        await shows(pilot, "left out: 2 imported facts · u undo", 60)
        await pilot.press("N")
        await shows(pilot, "Nothing that was imported waits.", 60)
