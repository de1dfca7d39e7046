"""Titles: of the first words that tell anything; a title by hand stays for ever."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant
from pocket_agent.assistant.titles import MAX_CHARACTERS, MAX_WORDS, first_words, title_of
from pocket_agent.llm.protocol import Piece, Request
from pocket_agent.memory.covering import Needle
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hi there! Can you help me plan a trip to Porto in May?", "Plan a trip to Porto in May?"),
        ("My name is Anna. Say hello.", "My name is Anna"),
        ("hello", ""),
        ("Hi!\n\nThanks", ""),
        ("please tell me what a monad is", "What a monad is"),
        ("```python\nx = 1\n```\nWhy does this fail here?", "Why does this fail here?"),
        ("# Notes on **bees**\n- one", "Notes on **bees"),
        ("Showing my work to you", "Showing my work to you"),
        ("one two three four five six seven eight nine", "One two three four five six seven"),
        ("supercalifragilisticexpialidocious " * 3, "Supercalifragilisticexpialidocious"),
        ("リスボンへの旅行を計画してください。五月です", "リスボンへの旅行を計画してください"),
        ("", ""),
    ],
)
def test_what_a_conversation_is_called(text: str, title: str) -> None:
    assert title_of(text) == title


@given(st.text(max_size=300))
def test_a_title_is_short_one_line_and_stands_in_its_text(text: str) -> None:
    for title in (title_of(text), first_words(text)):
        assert len(title) <= MAX_CHARACTERS
        assert len(title.split()) <= MAX_WORDS or title == title.strip()
        assert "\n" not in title
        assert Needle(title, substring=True).within(text), "forgetting finds it there"


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


class Telling(WordEngine):
    """Answers with something that tells what it is about."""

    async def stream(self, request: Request) -> AsyncIterator[Piece]:
        yield Piece("Hello! We could talk of bees today.", "stop")


async def send(assistant: Assistant, text: str) -> str:
    async for _ in assistant.send(text):
        pass
    assert assistant.session is not None
    return assistant.session.title


async def test_a_greeting_waits_for_the_answer_to_be_a_title(store: Store):
    assistant = Assistant(store, Telling())
    assert await send(assistant, "hi!") == "We could talk of bees today"
    assert (
        await send(assistant, "Tell me about wasps and hornets.") == "We could talk of bees today"
    )
    assert store.sessions()[0].title == "We could talk of bees today"
    await assistant.open_session(None)
    assert await send(assistant, "Tell me about wasps and hornets.") == "About wasps and hornets"


async def test_a_title_by_hand_wins_whenever_it_comes(store: Store):
    class Renaming(Telling):
        """The person gives a title while the first reply streams."""

        async def stream(self, request: Request) -> AsyncIterator[Piece]:
            store.rename_session(store.sessions()[0].id, "Mine")
            async for piece in super().stream(request):
                yield piece

    assert await send(Assistant(store, Renaming()), "hi!") == "Mine"
    session = store.sessions()[0]
    assert session.titled
    assert store.suggest_title(session.id, "Theirs").title == "Mine"
    again = Assistant(store, Telling())
    await again.open_session(session.id)
    assert await send(again, "hi!") == "Mine"
