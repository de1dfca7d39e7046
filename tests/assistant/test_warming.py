"""After a restart the history is read ahead, gives way at once, and is what is sent then."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant
from pocket_agent.assistant.events import ReplyDone
from pocket_agent.errors import EngineDiedError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import ContextName, Piece, Request
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


async def talk(assistant: Assistant, *said: str) -> ReplyDone:
    done = [e for text in said async for e in assistant.send(text) if isinstance(e, ReplyDone)]
    return done[-1]


async def resumed(store: Store, engine: WordEngine) -> Assistant:
    """A session of some turns, as another start of the program finds it."""
    first = Assistant(store, WordEngine())
    await talk(first, "One.", "Two.", "Three.")
    assert first.session is not None
    again = Assistant(store, engine)
    await again.open_session(first.session.id)
    return again


class Endless(WordEngine):
    """Reads for ever, until it is told to stop; the requests that were closed are kept."""

    closed = 0

    async def stream(self, request: Request) -> AsyncIterator[Piece]:
        self.requests.append(request)
        if request.sampling.max_tokens == 0:
            try:
                await asyncio.sleep(3600)
            finally:
                self.closed += 1
        yield Piece("Fine.", "stop")


async def test_what_is_read_ahead_is_what_is_sent(store: Store) -> None:
    engine = WordEngine()
    assistant = await resumed(store, engine)
    assistant.warm_up()
    await assistant.warming.done()
    (ahead,) = engine.requests
    assert (ahead.context, ahead.sampling.max_tokens) == (ContextName.CHAT, 0)
    await talk(assistant, "Four.")
    sent = engine.requests[-1].messages
    assert [m.text for m in sent[1:]] == [
        "One.",
        "Fine.",
        "Two.",
        "Fine.",
        "Three.",
        "Fine.",
        "Four.",
    ]
    assert sent[:-1] == ahead.messages[:-1]
    assert ahead.messages[-1].text == ""


async def test_what_the_reading_dropped_stays_dropped(store: Store) -> None:
    first = Assistant(store, WordEngine())
    await talk(first, *("word " * 90 + str(number) for number in range(12)))
    assert first.session is not None
    engine = WordEngine(chat_tokens=1024)
    again = Assistant(store, engine)
    await again.open_session(first.session.id)
    again.warm_up()
    await again.warming.done()
    await talk(again, "Now.")
    ahead, sent = engine.requests
    assert 3 < len(sent.messages) < 24
    assert sent.messages[:-1] == ahead.messages[:-1]


async def test_a_message_stops_it_at_once(store: Store) -> None:
    engine = Endless()
    assistant = await resumed(store, engine)
    assistant.warm_up()
    while not engine.requests:
        await asyncio.sleep(0)
    assert (await talk(assistant, "Four.")).turn.text == "Fine."
    assert engine.closed == 1


async def test_another_session_and_the_end_stop_it_too(store: Store) -> None:
    engine = Endless()
    assistant = await resumed(store, engine)
    for number in (1, 2):
        assistant.warm_up()
        assistant.warm_up()
        while len(engine.requests) < number:
            await asyncio.sleep(0)
        assert assistant.session is not None
        await assistant.open_session(assistant.session.id)
        assert engine.closed == number
    await assistant.close()


async def test_without_a_history_or_a_model_nothing_is_read(store: Store) -> None:
    engine = WordEngine()
    Assistant(store, engine).warm_up()
    assistant = await resumed(store, engine)
    engine.info = None
    assistant.warm_up()
    await assistant.warming.done()
    assert engine.requests == []


async def test_a_failure_waits_for_the_message_that_meets_it(store: Store) -> None:
    class Dying(WordEngine):
        async def stream(self, request: Request) -> AsyncIterator[Piece]:
            if request.sampling.max_tokens == 0:
                raise EngineDiedError("gone")
            yield Piece("Fine.", "stop")

    assistant = await resumed(store, Dying())
    assistant.warm_up()
    await assistant.warming.done()
    assert (await talk(assistant, "Four.")).turn.text == "Fine."


@pytest.mark.slow
async def test_the_first_reply_after_a_restart_computes_only_what_is_new(
    store: Store, engine: LlamaEngine
) -> None:
    assistant = await resumed(store, WordEngine())
    assert assistant.session is not None
    real = Assistant(store, engine)
    await real.open_session(assistant.session.id)
    real.warm_up()
    await real.warming.done()
    done = await talk(real, "Say yes.")
    assert done.usage is not None
    assert done.usage.prompt - done.usage.cached < 20
