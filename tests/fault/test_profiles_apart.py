"""Two profiles of one home: nothing of the one is in a file, a prompt or a search of the other."""

import json
import sys
from pathlib import Path

import pytest

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.context import AssembledPrompt
from pocket_agent.memory import cipher
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Drawn
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "assistant"), str(TESTS / "tui")]

A = [f"Quixovar{number:02}" for number in range(12)]
"""Words that only the one profile holds, one for each way in."""
ASKED = f"What do you know of {A[0][:4]}: my home, my name, my food, my pet and my secret?"
KEYS = ("first brass lamps", "second tin whistle")


def fill(store: Store) -> None:
    """Turns, a reply, a title, facts, quotes, a message that waits, a vectorless turn."""
    session = store.new_session(f"About {A[0]}")
    said = store.add_user_turn(session.id, f"My name is {A[1]}, my secret is {A[2]}.")
    reply = store.open_reply(session.id, Drawn((A[3],), (A[4],)))
    store.close_reply(reply.id, f"Noted, {A[5]}.")
    for slot, value in (("name", A[6]), ("tone", A[7]), ("food", A[8])):
        store.record(Op(OpKind.ADD, slot, value), actor=Actor.USER)
    store.record(Op(OpKind.ADD, "home", A[9]), actor=Actor.USER)
    store.undo()
    store.set_meta("waiting", json.dumps([A[10]]))
    store.rename_session(session.id, f"About {A[11]} and {said.id}")


async def chat(store: Store) -> AssembledPrompt:
    from word_engine import WordEngine

    options = AssistantOptions(recall_floor=0.0)
    assistant = Assistant(store, WordEngine(), Recaller(store), None, options)
    async for _ in assistant.send(ASKED):
        pass
    assert assistant.last_context is not None
    return assistant.last_context


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_nothing_leaks_between_profiles(
    locations: Locations, encrypted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cipher._COST, "n", 16)
    keys = KEYS if encrypted else (None, None)
    one, other = locations.profile("one"), locations.profile("other")
    with Store.open(one, key=keys[0]) as store:
        fill(store)
        assert A[6] in str(await chat(store))  # the same chat does find it where it is
    with Store.open(other, key=keys[1]) as store:
        prompt = await chat(store)
        assert (prompt.facts, prompt.recalled) == ((), ())
        told = [str(prompt), *(t.text for s in store.sessions() for t in store.turns(s.id))]
        told += [s.title for s in store.sessions()]
        told += [m.turn.text for word in A for m in Recaller(store).recall(word)]
        assert not [word for word in A for text in told if word in text]
    for file in other.parent.glob("other*"):
        content = file.read_bytes()
        assert not [word for word in A if word.encode() in content], file
    if encrypted:
        assert one.read_bytes()[:16] != other.read_bytes()[:16]  # each has a salt of its own
        with pytest.raises(Exception, match="passphrase is wrong"):
            Store.open(other, key=keys[0])


async def test_the_other_profile_has_another_history_and_no_messages_that_wait(
    locations: Locations, tmp_path: Path
) -> None:
    from driving import shows
    from textual.pilot import Pilot

    from pocket_agent.tui.app import PocketApp
    from pocket_agent.tui.widgets.prompt import Prompt

    with Store.open(locations.profile("one")) as store:
        fill(store)
    Store.open(locations.profile("other")).close()
    options = TuiOptions(model=str(tmp_path / "none.gguf"))

    async def look(pilot: Pilot[str], app: PocketApp) -> str:
        await shows(pilot, "✗ no model", 60)
        before = app.screen.query_one(Prompt).text
        await pilot.press("up")
        return before + app.screen.query_one(Prompt).text

    for name, held in (("one", A[10]), ("other", "")):
        app = PocketApp(LiveBackend(locations, name, options), options)
        async with app.run_test(size=(80, 24)) as pilot:
            assert (await look(pilot, app)).startswith(held)
            seen = str(app.chat.dialogue.conversation.history)
            assert not [word for word in A if word in seen]
            if name == "other":
                assert app.screen.query_one(Prompt).text == ""
                assert await app.chat.dialogue.backend.sessions(9) == []
