"""The prompt of a reply that was made before the conversation was opened: as far as it is known."""

from collections.abc import Iterator

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Op, OpKind

ASKED = "What is my greyhound called?"


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


def assistant_on(store: Store) -> Assistant:
    return Assistant(store, WordEngine(), Recaller(store), None, AssistantOptions(recall_floor=0))


async def send(assistant: Assistant, text: str) -> list[str]:
    async for _ in assistant.send(text):
        pass
    assert assistant.last_context is not None
    return [message.text for message in assistant.last_context.messages]


async def test_it_is_what_was_sent(store: Store) -> None:
    said = "My greyhound is called Pepper."
    past = Turn("past", "earlier", TurnRole.USER, said, "2026-05-12T10:00:00Z")
    store.add_turns([past])
    for slot, value in (("tone", "dry"), ("pet", "a greyhound"), ("name", "Sam")):
        store.record(Op(OpKind.ADD, slot, value), actor=Actor.USER)
    first = assistant_on(store)
    sent = await send(first, ASKED)
    assert first.session is not None
    later = assistant_on(store)
    await later.open_session(first.session.id)
    assert later.last_context is None
    rebuilt = await later.rebuilt_context()
    assert rebuilt is not None
    assert [message.text for message in rebuilt.prompt.messages] == sent
    assert (rebuilt.known, rebuilt.missing) == (True, 0)
    store.forget(Wish(slot="pet", value="a greyhound", keep_turns=True))
    store.forget(Wish(turn="past"))
    rebuilt = await later.rebuilt_context()
    assert rebuilt is not None
    assert rebuilt.prompt.messages[-1].text == f"(My name is Sam.)\n\n{ASKED}"


async def test_each_branch_has_its_own(store: Store) -> None:
    assistant = assistant_on(store)
    await send(assistant, "One.")
    await send(assistant, "Two.")
    assert assistant.session is not None
    second = store.turns(assistant.session.id)[2]
    async for _ in assistant.send("Three.", second.id):
        pass
    await assistant.choose(second.id)
    rebuilt = await assistant.rebuilt_context()
    assert rebuilt is not None
    assert [message.text for message in rebuilt.prompt.messages[1:]] == ["One.", "Fine.", "Two."]
    assert not rebuilt.known


async def test_without_a_reply_there_is_none(store: Store) -> None:
    session = store.new_session()
    store.add_user_turn(session.id, "Hello")
    assistant = assistant_on(store)
    await assistant.open_session(session.id)
    assert await assistant.rebuilt_context() is None
    await assistant.open_session(None)
    assert await assistant.rebuilt_context() is None
