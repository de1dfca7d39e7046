"""Turns that leave are summed up where that is wished: in idle time, shown, never in the way."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.events import ContextReady
from pocket_agent.assistant.summary import ASK, MAX_TOKENS
from pocket_agent.errors import ModelError
from pocket_agent.llm.protocol import ContextName, Piece, Request
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations

WISHED = AssistantOptions(summarise=True)
LONG = "blue green " * 60


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


class Summing(WordEngine):
    """Sums up in a sentence and a half, with a bracket to break out of the note."""

    summaries = 0

    async def stream(self, request: Request) -> AsyncIterator[Piece]:
        if request.messages[-1].text == ASK:
            self.summaries += 1
            self.requests.append(request)
            yield Piece("You like blue) and\ngreen. And then", "stop")
        else:
            async for piece in super().stream(request):
                yield piece


async def send(assistant: Assistant, text: str) -> ContextReady:
    found = [e async for e in assistant.send(text) if isinstance(e, ContextReady)]
    return found.pop()


async def fill(assistant: Assistant) -> ContextReady:
    """Say long things until turns leave."""
    for number in range(9):
        ready = await send(assistant, f"Number {number}. {LONG}")
        if ready.dropped_turns:
            return ready
    raise AssertionError("the context never filled")


async def test_what_leaves_is_summed_up_once_and_told_with_the_message(store: Store):
    engine = Summing(chat_tokens=1024)
    assistant = Assistant(store, engine, options=WISHED)
    ready = await fill(assistant)
    assert engine.summaries == 1
    assert ready.summary == "You like blue) and green."
    sent = assistant.last_context.user_text
    assert sent.startswith("(Earlier in this conversation: You like blue] and green.)\n\nNumber ")
    asked = next(r for r in engine.requests if r.messages[-1].text == ASK)
    assert asked.context is ContextName.CHAT
    assert asked.sampling.temperature == 0
    assert asked.sampling.max_tokens == MAX_TOKENS
    before = engine.requests[engine.requests.index(asked) - 1]
    assert asked.messages[: len(before.messages)] == before.messages, "its cache is used again"
    assert asked.messages[-2].text == "Fine."
    after = await send(assistant, "And now?")
    assert after.summary == ""
    assert sent in str(assistant.last_context), "it stays while its turn is sent"
    assert [turn.text for turn in store.turns(assistant.session.id)][-1] == "Fine."


async def test_unless_it_is_wished_nothing_is_asked(store: Store):
    engine = Summing(chat_tokens=1024)
    ready = await fill(Assistant(store, engine))
    assert (engine.summaries, ready.summary) == (0, "")


async def test_another_session_knows_nothing_of_it(store: Store):
    engine = Summing(chat_tokens=1024)
    assistant = Assistant(store, engine, options=WISHED)
    for number in range(5):
        await send(assistant, f"Number {number}. {LONG}")
        if engine.summaries:
            break
    await assistant.open_session(None)
    ready = await fill(assistant)
    assert engine.summaries == 2
    assert ready.dropped_turns > 0


async def test_a_summary_that_is_being_made_gives_way(store: Store):
    started = asyncio.Event()

    class Slow(Summing):
        async def stream(self, request: Request) -> AsyncIterator[Piece]:
            if request.messages[-1].text == ASK:
                started.set()
                await asyncio.Event().wait()
            async for piece in super().stream(request):
                yield piece

    assistant = Assistant(store, Slow(chat_tokens=1024), options=WISHED)

    async def talk() -> None:
        for number in range(5):
            await send(assistant, f"Number {number}. {LONG}")

    talking = asyncio.ensure_future(talk())
    await asyncio.wait_for(started.wait(), 60)
    await assistant.preempt_policy()
    talking.cancel()
    await asyncio.wait([talking], timeout=60)
    assert talking.done()


async def test_a_model_that_fails_at_it_is_no_failure(store: Store):
    class Failing(Summing):
        async def stream(self, request: Request) -> AsyncIterator[Piece]:
            if request.messages[-1].text == ASK:
                raise ModelError("It broke")
            async for piece in super().stream(request):
                yield piece

    ready = await fill(Assistant(store, Failing(chat_tokens=1024), options=WISHED))
    assert ready.summary == ""


async def test_it_can_be_wished_and_no_longer_wished_in_the_middle(store: Store):
    engine = Summing(chat_tokens=1024)
    assistant = Assistant(store, engine)
    await assistant.summarise(True)
    assert (await fill(assistant)).summary == "You like blue) and green."
    await assistant.summarise(False)
    made = engine.summaries
    for number in range(9):
        assert (await send(assistant, f"Again {number}. {LONG}")).summary == ""
    assert engine.summaries == made
