"""Stopping before the model has the message: while it is saved, recalled for, counted.

On a real store; a word is a token.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.events import (
    AssistantEvent,
    ContextReady,
    ReplyDelta,
    ReplyDone,
    UserSaved,
)
from pocket_agent.llm.protocol import Message
from pocket_agent.memory.records import Recalled, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


class SlowCounting(WordEngine):
    """Counts once it is let: a dead child that is started again takes as long."""

    def __init__(self) -> None:
        super().__init__()
        self.counting, self.go = asyncio.Event(), asyncio.Event()

    async def count(self, messages: tuple[Message, ...]) -> list[int]:
        self.counting.set()
        await self.go.wait()
        return await super().count(messages)


class StopsWhileRecalling:
    """Recall during which the person presses Esc."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.assistant: Assistant | None = None

    def embed(self, text: str) -> bytes | None:
        return None

    def recall_vector(
        self, query: str, vector: bytes | None, k: int = 5, *, exclude_turns: Sequence[str] = ()
    ) -> list[Recalled]:
        assert self.assistant is not None
        asyncio.run_coroutine_threadsafe(self.assistant.stop(), self.loop).result()
        return []


def stopped_with_nothing(events: list[AssistantEvent], store: Store, engine: WordEngine) -> bool:
    """Whether the model was asked nothing, and an empty reply is kept as stopped."""
    done = events[-1]
    assert isinstance(done, ReplyDone)
    kept = store.turns(done.turn.session)[-1]
    said_nothing = not any(isinstance(event, ReplyDelta) for event in events)
    status = done.turn.status is kept.status is TurnStatus.STOPPED
    return said_nothing and status and kept.text == "" and engine.requests == []


@pytest.mark.parametrize("at", [UserSaved, ContextReady])
async def test_a_message_is_stopped_before_the_model_has_it(store: Store, at: type) -> None:
    engine = WordEngine()
    assistant = Assistant(store, engine)
    events = []
    async for event in assistant.send("Tell me a story."):
        events.append(event)
        if isinstance(event, at):
            await assistant.stop()
    assert stopped_with_nothing(events, store, engine)


async def test_it_is_stopped_while_recalling(store: Store) -> None:
    engine, recaller = WordEngine(), StopsWhileRecalling()
    recaller.assistant = assistant = Assistant(store, engine, recaller)
    assert stopped_with_nothing([e async for e in assistant.send("A story?")], store, engine)


async def test_it_is_stopped_while_counting(store: Store) -> None:
    engine = SlowCounting()
    assistant = Assistant(store, engine)
    sending = asyncio.ensure_future(collect(assistant.send("A story?")))
    await engine.counting.wait()
    await assistant.stop()
    engine.go.set()
    assert stopped_with_nothing(await sending, store, engine)


async def test_incognito_too(store: Store) -> None:
    engine = WordEngine()
    assistant = Assistant(store, engine, options=AssistantOptions(remember=False))
    async for event in assistant.send("A story?"):
        if isinstance(event, UserSaved):
            await assistant.stop()
        if isinstance(event, ReplyDone):
            assert (event.turn.text, event.turn.status) == ("", TurnStatus.STOPPED)
    assert engine.requests == []


async def test_the_next_message_is_answered_and_another_reply_can_be_stopped(store: Store) -> None:
    engine = WordEngine()
    assistant = Assistant(store, engine)
    await assistant.stop()  # nothing is under way: it concerns no later message
    events = await collect(assistant.send("A story?"))
    assert isinstance(events[-1], ReplyDone)
    assert events[-1].turn.text == "Fine."
    async for event in assistant.regenerate():
        if isinstance(event, ContextReady):
            await assistant.stop()
        if isinstance(event, ReplyDone):
            assert (event.turn.text, event.turn.status) == ("", TurnStatus.STOPPED)
    assert len(engine.requests) == 1
    events = await collect(assistant.send("And now?"))
    assert isinstance(events[-1], ReplyDone)
    assert events[-1].turn.text == "Fine."


async def collect(events: AsyncIterator[AssistantEvent]) -> list[AssistantEvent]:
    return [event async for event in events]
