"""What is sent: which turns stay, what their notes say (never twice), and how much it all is.

On a real store and real recall by words; a word is a token.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.context import TEMPLATE_TOKENS, AssembledPrompt
from pocket_agent.assistant.events import AssistantEvent, ContextReady
from pocket_agent.assistant.sending import Sending
from pocket_agent.errors import ContextOverflowError
from pocket_agent.llm.protocol import Piece, Request
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Op, OpKind, Source
from pocket_agent.profile.sources import ground


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


class SlowEngine(WordEngine):
    """Says a word, then waits to be told to end."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def stream(self, request: Request) -> AsyncIterator[Piece]:
        yield Piece("Well, ")
        self.begun.set()
        await self.may_end.wait()
        yield Piece("bees.", "cancelled")


async def drain(events: AsyncIterator[AssistantEvent]) -> None:
    async for _ in events:
        pass


@pytest.mark.parametrize("remember", [True, False])
async def test_a_reply_that_still_streams_stays_in_its_own_conversation(
    store: Store, remember: bool
):
    engine = SlowEngine()
    assistant = Assistant(store, engine, options=AssistantOptions(remember=remember))
    first = asyncio.create_task(drain(assistant.send("Tell me of bees.")))
    await engine.begun.wait()
    held = assistant.session
    await assistant.open_session(None)
    engine.may_end.set()
    await first
    use = await assistant.context_use()
    assert use is not None
    assert (use.tokens, use.dropped_turns) == (0, 0)
    assert assistant.session is None
    assert texts(await send(assistant, "Hello again, you.")) == ["Hello again, you."]
    if held is not None:
        assert [turn.text for turn in store.turns(held.id)] == ["Tell me of bees.", "Well, bees."]


async def test_a_conversation_opened_while_the_prompt_is_made_stays_empty(store: Store):
    assistant = Assistant(store, WordEngine())
    events = assistant.send("Tell me of bees.")
    await anext(events)
    held = assistant.session
    await assistant.open_session(None)
    await drain(events)
    assert texts(await send(assistant, "Another thing, then.")) == ["Another thing, then."]
    assert held is not None
    assert [turn.text for turn in store.turns(held.id)] == ["Tell me of bees.", "Fine."]


def hold(store: Store, slot: str, value: str, source: Source | None = None) -> None:
    store.record(Op(OpKind.ADD, slot, value), actor=Actor.USER, source=source)


async def test_a_value_inside_another_word_does_not_tell_the_fact(store: Store):
    hold(store, "drink", "tea")
    assistant = Assistant(store, WordEngine())
    await send(assistant, "Tell me about steak.")
    prompt = await send(assistant, "What shall I drink?")
    assert prompt.user_text == "(I like tea.)\n\nWhat shall I drink?"


async def test_the_value_in_a_question_does_not_tell_the_fact(store: Store):
    assistant = Assistant(store, WordEngine())
    await send(assistant, "Is Porto far?")
    hold(store, "home", "Porto")
    assert (await send(assistant, "Where do I live?")).user_text.startswith("(I live in Porto.)")
    assert (await send(assistant, "Where do I live now?")).facts == ()


async def test_the_words_that_a_fact_was_learnt_from_tell_it(store: Store):
    assistant = Assistant(store, WordEngine())
    await send(assistant, "I live in Porto.")
    said = store.turns(assistant.session.id)[0]
    hold(store, "home", "Porto", ground(said.id, said.text, "Porto", ""))
    assert (await send(assistant, "Where do I live?")).facts == ()


async def test_a_fact_is_noted_again_when_its_note_leaves(store: Store):
    hold(store, "home", "Porto")
    assistant = Assistant(store, WordEngine(chat_tokens=1024))
    assert [f.value for f in (await send(assistant, "Where do I live?")).facts] == ["Porto"]
    long = "Where do I live? " + "blue green " * 100
    noted = []
    for _ in range(6):
        prompt = await send(assistant, long)
        assert str(prompt).count("(I live in Porto.)") == 1
        noted.append(bool(prompt.facts))
    assert prompt.dropped > 0
    assert any(noted)
    assert not all(noted)


async def test_a_message_that_takes_all_the_room_is_still_there_for_the_next(store: Store):
    assistant = Assistant(store, WordEngine(chat_tokens=1024))
    await send(assistant, "One. " * 30)
    whole = "word " * 690
    assert texts(await send(assistant, whole)) == [whole]
    assert texts(await send(assistant, "Two.")) == [whole, "Fine.", "Two."]


def past(store: Store, *texts: str) -> None:
    store.add_turns(
        Turn(f"past{n}", f"earlier{n}", TurnRole.USER, text, "2026-05-12T10:00:00Z")
        for n, text in enumerate(texts)
    )


async def test_a_past_turn_is_noted_once_while_its_note_is_sent(store: Store):
    past(store, "I adopted a greyhound called Pepper", "We bought a boat in Genoa")
    assistant = Assistant(store, WordEngine(), Recaller(store))
    first = await send(assistant, "What is my greyhound called?")
    assert [memory.turn.id for memory in first.recalled] == ["past0"]
    again = await send(assistant, "So what is my greyhound called?")
    assert "past0" not in {memory.turn.id for memory in again.recalled}
    assert str(again).count("adopted a greyhound called Pepper") == 1


async def test_what_has_left_the_context_is_recalled_in_the_same_session(store: Store):
    assistant = Assistant(store, WordEngine(chat_tokens=1024), Recaller(store))
    told = "I adopted a greyhound called Pepper"
    await send(assistant, told)
    asked = await send(assistant, "What is my greyhound called?")
    assert told not in asked.user_text  # it is still sent as it was said
    for number in range(6):
        prompt = await send(assistant, f"Number {number}. " + "blue green " * 100)
    assert prompt.dropped > 0
    assert told in (await send(assistant, "What is my greyhound called?")).user_text


async def test_a_turn_is_recalled_by_the_very_message_that_pushes_it_out(store: Store):
    assistant = Assistant(store, WordEngine(chat_tokens=1024), Recaller(store))
    told = "I adopted a greyhound called Pepper"
    await send(assistant, told)
    await send(assistant, "blue " * 60)
    prompt = await send(assistant, "What is my greyhound called? " + "so " * 620)
    assert prompt.kept == ()
    assert told in prompt.user_text


async def test_a_refused_message_is_not_noted_by_its_shorter_version(store: Store):
    assistant = Assistant(store, WordEngine(), Recaller(store))
    with pytest.raises(ContextOverflowError):
        await send(assistant, "Describe the harbour of Genoa. " + TOO_LONG)
    assert (await send(assistant, "Describe the harbour of Genoa.")).recalled == ()


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


def words(number: int, count: int = 1) -> Turn:
    """A message of the person's that takes so many tokens."""
    return Turn(f"t{number}", "s1", TurnRole.USER, "word " * count, "2026-11-03T12:00:00Z")


def sending(store: Store, chat_tokens: int = 2048) -> Sending:
    return Sending(store, WordEngine(chat_tokens), None, AssistantOptions(remember=False))


async def test_a_reply_that_goes_on_has_the_very_prompt_that_it_began_with(store: Store):
    sent = sending(store)
    sent.take_up([words(1)])
    prompt = await sent.prompt(words(1))
    hold(store, "home", "Porto")
    assert await sent.prompt(words(1), "One, two,") is prompt
    assert sent.last is prompt


async def test_a_reply_that_fills_the_context_goes_on_behind_fewer_turns(store: Store):
    sent = sending(store, chat_tokens=600)
    history = [words(number, 40) for number in range(6)]
    history.insert(1, replace(words(9), role=TurnRole.ASSISTANT))
    sent.take_up(list(history))
    prompt = await sent.prompt(history[-1])
    again = await sent.prompt(history[-1], "more " * 200)
    assert again.kept == prompt.kept[-len(again.kept) :] != prompt.kept
    assert sent.last is again


async def test_what_was_sent_since_a_place_does_not_count(store: Store):
    sent = sending(store)
    sent.take_up([words(1)], dropped=3)
    place = sent.place()
    sent.history.append(words(2))
    await sent.prompt(words(2))
    sent.go_back(place)
    assert (sent.history, sent.dropped) == ([words(1)], 3)
    sent.forget()
    assert (sent.dropped, sent.last) == (0, None)
