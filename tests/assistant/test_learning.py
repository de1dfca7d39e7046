"""Learning from turns: what becomes of a turn that the policy can't read."""

from collections.abc import AsyncIterator, Iterator

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant
from pocket_agent.assistant.events import AssistantEvent, ReplyDone
from pocket_agent.errors import EngineDiedError, ModelError, PocketAgentError
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.policy.reader import Reading
from pocket_agent.policy.state import Known

DEADLY = "The deadly one."


class FailingPolicy:
    """Fails over one message, and reads all others."""

    version = "failing"

    def __init__(self, error: PocketAgentError) -> None:
        self.error = error
        self.seen: list[str] = []

    async def read(self, known: list[Known], assistant: str, turn: str) -> Reading:
        self.seen.append(turn)
        if turn == DEADLY:
            raise self.error
        return Reading(())


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


async def collect(stream: AsyncIterator[AssistantEvent], answered: list[str]) -> None:
    async for event in stream:
        answered += [event.turn.text] if isinstance(event, ReplyDone) else []


def unread(store: Store) -> list[str]:
    return [turn.text for turn in store.unread_turns()]


async def test_a_turn_that_kills_the_model_twice_is_passed_over_with_a_line(store: Store) -> None:
    policy = FailingPolicy(EngineDiedError("llama.cpp ended unexpectedly"))
    answered: list[str] = []
    with pytest.raises(EngineDiedError, match="unexpectedly"):
        await collect(Assistant(store, WordEngine(), policy=policy).send(DEADLY), answered)
    assert unread(store) == [DEADLY]
    again = Assistant(store, WordEngine(), policy=policy)  # a restart forgets no death
    with pytest.raises(EngineDiedError, match="twice over one of your messages") as caught:
        await collect(again.send("Another."), answered)
    assert "Nothing is learnt from that one" in caught.value.todo
    assert unread(store) == ["Another."]
    await collect(again.send("A third."), answered)
    assert unread(store) == []
    assert policy.seen == [DEADLY, DEADLY, "Another.", "A third."]
    assert answered == ["Fine."] * 3


async def test_deaths_over_different_turns_pass_none_over(store: Store) -> None:
    policy = FailingPolicy(EngineDiedError("llama.cpp ended unexpectedly"))
    assistant = Assistant(store, WordEngine(), policy=policy)
    with pytest.raises(EngineDiedError, match="unexpectedly"):
        await collect(assistant.send(DEADLY), [])
    store.set_meta("learning.died", "another turn")
    with pytest.raises(EngineDiedError, match="unexpectedly"):
        await collect(assistant.learn(), [])
    assert unread(store) == [DEADLY]


async def test_a_policy_that_can_not_be_loaded_leaves_every_turn_in_the_queue(
    store: Store,
) -> None:
    assistant = Assistant(store, WordEngine(), policy=FailingPolicy(ModelError("It is broken")))
    for _ in range(3):
        with pytest.raises(ModelError, match="broken"):
            await collect(assistant.send(DEADLY), [])
    assert unread(store) == [DEADLY] * 3
