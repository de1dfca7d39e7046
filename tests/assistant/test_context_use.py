"""How full the context is, known before anything is said; and where what is read begins."""

from collections.abc import Iterator

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant
from pocket_agent.assistant.context import TEMPLATE_TOKENS
from pocket_agent.assistant.events import ContextReady
from pocket_agent.memory.records import TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


async def ready(assistant: Assistant, text: str) -> ContextReady:
    found = [e async for e in assistant.send(text) if isinstance(e, ContextReady)]
    return found.pop()


async def test_a_new_session_takes_nothing_and_without_a_model_nothing_is_known(store: Store):
    engine = WordEngine()
    use = await Assistant(store, engine).context_use()
    assert use is not None
    assert (use.tokens, use.limit, use.dropped_turns, use.first) == (0, 2048, 0, "")
    engine.info = None
    assert await Assistant(store, engine).context_use() is None


async def test_a_session_that_is_gone_on_with_takes_what_its_next_prompt_will(store: Store):
    first = Assistant(store, WordEngine(chat_tokens=1024))
    for number in range(8):
        last = await ready(first, f"Number {number}. " + "blue green " * 60)
    assert first.session is not None
    turns = store.turns(first.session.id)
    assert last.dropped_turns > 0
    assert turns[last.dropped_turns].id == last.first
    again = Assistant(store, WordEngine(chat_tokens=1024))
    await again.open_session(first.session.id)
    use = await again.context_use()
    assert use is not None
    kept = [turn.id for turn in turns].index(use.first)
    assert kept == use.dropped_turns > 0
    assert turns[kept].role is TurnRole.USER
    said = await ready(again, "Short.")
    assert said.first == use.first
    assert said.tokens == use.tokens + TEMPLATE_TOKENS + 1
