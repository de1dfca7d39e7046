"""The walk of a message, on the real model and a real store."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.events import (
    AssistantEvent,
    ContextReady,
    Learnt,
    PolicyIdle,
    ReplyDelta,
    ReplyDone,
    UserSaved,
)
from pocket_agent.errors import ContextOverflowError, ModelError, UsageError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.protocol import Sampling
from pocket_agent.memory.records import TurnRole, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.policy.reader import Reading
from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Actor, Op, OpKind

SHORT = AssistantOptions(sampling=Sampling(temperature=0.0, max_tokens=12))
LONG = AssistantOptions(sampling=Sampling(temperature=0.0, max_tokens=400))


class ScriptedPolicy:
    """A policy whose decisions are known beforehand: what is tested is what becomes of them."""

    version = "scripted"

    def __init__(self, *readings: Reading, delay: float = 0.0):
        self.readings = list(readings)
        self.delay = delay
        self.seen: list[tuple[list[Known], str, str]] = []

    async def read(self, known: list[Known], assistant: str, turn: str) -> Reading:
        self.seen.append((known, assistant, turn))
        await asyncio.sleep(self.delay)
        return self.readings.pop(0) if self.readings else Reading(())


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


async def collect(stream: AsyncIterator[AssistantEvent]) -> list[AssistantEvent]:
    return [event async for event in stream]


def of(events: list[AssistantEvent], kind: type) -> list[AssistantEvent]:
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.slow
async def test_a_message_is_saved_answered_and_learnt_from(store: Store, engine: LlamaEngine):
    policy = ScriptedPolicy(Reading((Op(OpKind.ADD, "home", "Porto"),)))
    assistant = Assistant(store, engine, policy=policy, options=SHORT)
    events = await collect(assistant.send("I live in Porto now."))
    kinds = [type(event) for event in events if not isinstance(event, ReplyDelta)]
    assert kinds == [UserSaved, ContextReady, ReplyDone, Learnt, PolicyIdle]
    (done,) = of(events, ReplyDone)
    text = "".join(event.text for event in of(events, ReplyDelta))
    assert done.usage.completion == sum(event.tokens for event in of(events, ReplyDelta))
    assert done.turn.text == text != ""
    assert store.turn(done.turn.id).text == text
    (learnt,) = of(events, Learnt)
    assert learnt.line == "remembered: home · Porto"
    assert learnt.event.source.quote == "I live in Porto now."
    assert await assistant.undo() == "undone: forgot home · Porto"
    assert store.profile().active() == []


@pytest.mark.slow
async def test_the_next_session_knows(store: Store, engine: LlamaEngine):
    store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER, source=None)
    assistant = Assistant(store, engine, options=SHORT)
    await collect(assistant.send("Where do I live?"))
    prompt = assistant.last_context
    assert [fact.value for fact in prompt.facts] == ["Porto"]
    assert prompt.user_text == "(I live in Porto.)\n\nWhere do I live?"
    await collect(assistant.send("And where do I live now?"))
    assert assistant.last_context.facts == ()  # it is in the context already: not said twice
    assert "(I live in Porto.)" in str(assistant.last_context)


@pytest.mark.slow
async def test_history_is_not_computed_twice(store: Store, engine: LlamaEngine):
    assistant = Assistant(store, engine, options=SHORT)
    usages = []
    for number in range(4):
        events = await collect(assistant.send(f"Please count on from {number}."))
        (done,) = of(events, ReplyDone)
        usages.append(done.usage)
    for before, after in pairwise(usages):
        assert after.cached >= before.prompt
        assert after.prompt - after.cached < 60


@pytest.mark.slow
async def test_a_reply_that_reaches_its_limit_is_stored_as_cut(store: Store, engine: LlamaEngine):
    assistant = Assistant(store, engine, options=SHORT)
    events = await collect(assistant.send("Tell me a very long story about the sea."))
    (done,) = of(events, ReplyDone)
    assert (done.finish, done.turn.status) == ("length", TurnStatus.CUT)
    assert store.turn(done.turn.id).status is TurnStatus.CUT


@pytest.mark.slow
async def test_stop_keeps_what_was_said(store: Store, engine: LlamaEngine):
    assistant = Assistant(store, engine, options=LONG)
    said = ""
    async for event in assistant.send("Tell me a very long story about the sea."):
        if isinstance(event, ReplyDelta):
            said += event.text
            if len(said) > 30:
                await assistant.stop()
        if isinstance(event, ReplyDone):
            assert event.turn.status is TurnStatus.STOPPED
            assert event.turn.text.startswith(said[:30])
            assert event.finish == "cancelled"
    turns = store.turns(assistant.session.id)
    assert [turn.status for turn in turns] == [TurnStatus.COMPLETE, TurnStatus.STOPPED]


@pytest.mark.slow
async def test_a_new_message_pre_empts_the_policy_which_catches_up(
    store: Store, engine: LlamaEngine
):
    policy = ScriptedPolicy(delay=60)
    assistant = Assistant(store, engine, policy=policy, options=SHORT)
    events: list[AssistantEvent] = []

    async def first() -> None:
        events.extend([event async for event in assistant.send("I like ramen.")])

    task = asyncio.create_task(first())
    while not policy.seen:
        await asyncio.sleep(0.01)
    policy.delay = 0.0
    policy.readings = [Reading((Op(OpKind.ADD, "food", "ramen"),)), Reading(())]
    second = await collect(assistant.send("Thanks!"))
    await asyncio.wait_for(task, 5)
    assert of(events, Learnt) == [] == of(events, PolicyIdle)
    assert [event.line for event in of(second, Learnt)] == ["remembered: food · likes ramen"]
    assert [seen[2] for seen in policy.seen] == ["I like ramen.", "I like ramen.", "Thanks!"]
    assert store.unread_turns() == []


@pytest.mark.slow
async def test_the_policy_sees_what_the_assistant_said_before(store: Store, engine: LlamaEngine):
    policy = ScriptedPolicy()
    assistant = Assistant(store, engine, policy=policy, options=SHORT)
    await collect(assistant.send("Hello there."))
    reply = store.turns(assistant.session.id)[-1]
    assert reply.role is TurnRole.ASSISTANT
    await collect(assistant.send("Yes, both."))
    assert [seen[1] for seen in policy.seen] == ["", reply.text]


@pytest.mark.slow
async def test_incognito_writes_nothing(store: Store, engine: LlamaEngine):
    policy = ScriptedPolicy(Reading((Op(OpKind.ADD, "home", "Porto"),)))
    options = AssistantOptions(sampling=SHORT.sampling, remember=False)
    assistant = Assistant(store, engine, policy=policy, options=options)
    await collect(assistant.send("I live in Porto."))
    await collect(assistant.send("Where do I live?"))
    assert len(assistant.last_context.messages) == 4
    assert store.sessions() == []
    assert store.events() == []
    assert policy.seen == []


@pytest.mark.slow
async def test_what_can_not_be_sent(store: Store, engine: LlamaEngine):
    assistant = Assistant(store, engine, options=SHORT)
    with pytest.raises(UsageError):
        await collect(assistant.send("  \n "))
    with pytest.raises(ContextOverflowError):
        await collect(assistant.send("word " * 5000))
    assert len(store.turns(assistant.session.id)) == 1  # it is kept all the same
    events = await collect(assistant.send("Hello again."))
    assert of(events, ReplyDone)


async def test_without_a_model_the_turn_is_kept_and_nothing_is_answered(store: Store):
    with pytest.raises(ModelError, match="not loaded"):
        await collect(Assistant(store, LlamaEngine()).send("hello"))
    (session,) = store.sessions()
    assert [turn.text for turn in store.turns(session.id)] == ["hello"]


@pytest.mark.slow
async def test_the_smallest_context_that_can_be_set_answers(store: Store, locations: Locations):
    engine = LlamaEngine()
    await engine.load(ModelShelf(locations).load_spec(chat_tokens=256))
    try:
        events = await collect(Assistant(store, engine, options=SHORT).send("What is a fox?"))
    finally:
        await engine.close()
    (ready,) = of(events, ContextReady)
    assert ready.limit == 256
    assert of(events, ReplyDone)


@pytest.mark.slow
async def test_a_long_session_drops_its_oldest_turns_visibly(store: Store, engine: LlamaEngine):
    assistant = Assistant(store, engine, options=SHORT)
    dropped = []
    for number in range(8):
        events = await collect(assistant.send(f"Number {number}. " + "blue green " * 130))
        (ready,) = of(events, ContextReady)
        dropped.append(ready.dropped_turns)
        assert ready.tokens <= ready.limit
    assert dropped[0] == 0
    assert dropped[-1] > 0


@pytest.mark.slow
async def test_a_session_is_gone_on_with(store: Store, engine: LlamaEngine):
    first = Assistant(store, engine, options=SHORT)
    await collect(first.send("My favourite number is forty-two."))
    session = first.session.id
    again = Assistant(store, engine, options=SHORT)
    turns = await again.open_session(session)
    assert [turn.role for turn in turns] == [TurnRole.USER, TurnRole.ASSISTANT]
    await collect(again.send("Which number?"))
    assert len(again.last_context.messages) == 4
    assert store.session(session).title == "My favourite number is forty-two"
