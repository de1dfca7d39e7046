"""What a conversation sends: which turns stay in it, and what their notes say (never twice).

On a real store and real recall by words; a word is a token.
"""

from collections.abc import Iterator

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant
from pocket_agent.assistant.context import AssembledPrompt
from pocket_agent.errors import ContextOverflowError
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


async def send(assistant: Assistant, text: str) -> AssembledPrompt:
    async for _ in assistant.send(text):
        pass
    assert assistant.last_context is not None
    return assistant.last_context


def texts(prompt: AssembledPrompt) -> list[str]:
    return [message.text for message in prompt.messages[1:]]


TOO_LONG = "word " * 3000


async def test_a_refused_message_leaves_the_conversation_as_it_was(store: Store):
    assistant = Assistant(store, WordEngine())
    await send(assistant, "One.")
    with pytest.raises(ContextOverflowError):
        await send(assistant, TOO_LONG)
    prompt = await send(assistant, "Two.")
    assert texts(prompt) == ["One.", "Fine.", "Two."]
    assert prompt.dropped == 0
    assert assistant.session is not None
    assert len(store.turns(assistant.session.id)) == 5  # it is kept all the same


async def test_a_refused_message_is_not_sent_after_a_restart_either(store: Store):
    first = Assistant(store, WordEngine())
    await send(first, "One.")
    with pytest.raises(ContextOverflowError):
        await send(first, TOO_LONG)
    assert first.session is not None
    again = Assistant(store, WordEngine())
    assert len(await again.open_session(first.session.id)) == 3
    assert texts(await send(again, "Two.")) == ["One.", "Fine.", "Two."]
    assert texts(await send(again, "Three.")) == ["One.", "Fine.", "Two.", "Fine.", "Three."]
