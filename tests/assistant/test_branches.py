"""Other replies, replies that go on, messages said anew: what is sent, and what is stored.

On a real store and real recall by words; a word is a token.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.events import AssistantEvent
from pocket_agent.errors import ContextOverflowError, EngineDiedError, UsageError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import FinishReason, Piece, Request, Role, Sampling
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations


class ScriptedEngine(WordEngine):
    """Answers with the next of its answers; one that ends in … was cut."""

    def __init__(self, *answers: str, chat_tokens: int = 2048):
        super().__init__(chat_tokens)
        self.answers = list(answers)

    async def stream(self, request: Request) -> AsyncIterator[Piece]:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else "Fine."
        if answer == "dies":
            raise EngineDiedError("The model's process ended")
        finish: FinishReason = "length" if answer.endswith("…") else "stop"
        yield Piece(answer.removesuffix("…"), finish)

    @property
    def sent(self) -> list[str]:
        """The texts of the last request, without the system's."""
        return [message.text for message in self.requests[-1].messages[1:]]


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


async def run(events: AsyncIterator[AssistantEvent]) -> None:
    async for _ in events:
        pass


def stored(assistant: Assistant, store: Store) -> list[str]:
    assert assistant.session is not None
    return [turn.text for turn in store.turns(assistant.session.id)]


async def test_another_reply_is_made_without_the_first_and_both_are_kept(store: Store) -> None:
    engine = ScriptedEngine("First.", "Second.", "Third.")
    assistant = Assistant(store, engine, Recaller(store))
    await run(assistant.send("Say a zebra word"))
    await run(assistant.regenerate())
    assert engine.sent == ["Say a zebra word"]
    assert stored(assistant, store) == ["Say a zebra word", "Second."]
    await run(assistant.send("Another zebra word"))
    assert engine.sent == ["Say a zebra word", "Second.", "Another zebra word"]
    assert assistant.session is not None
    first = next(t for t in store.all_turns(assistant.session.id) if t.text == "First.")
    await assistant.choose(first.id)
    await run(assistant.send("Go on"))
    assert engine.sent == ["Say a zebra word", "First.", "Go on"]
    again = Assistant(store, engine)
    await again.open_session(assistant.session.id)
    await run(again.send("Still there?"))
    assert engine.sent == ["Say a zebra word", "First.", "Go on", "Fine.", "Still there?"]


async def test_a_cut_reply_goes_on_where_it_ended_and_is_one_from_then_on(store: Store) -> None:
    engine = ScriptedEngine("One, two,…", " three,…", " four.", "Yes.")
    assistant = Assistant(store, engine)
    await run(assistant.send("Count"))
    await run(assistant.go_on())
    last = engine.requests[-1]
    assert last.continue_last
    assert last.messages[-1].role is Role.ASSISTANT
    assert engine.sent == ["Count", "One, two,"]
    assert last.messages[:-1] == engine.requests[0].messages
    await run(assistant.go_on())
    assert engine.sent == ["Count", "One, two, three,"]
    with pytest.raises(UsageError, match="came to its end"):
        await run(assistant.go_on())
    await run(assistant.send("Right?"))
    whole = ["Count", "One, two, three, four.", "Right?"]
    assert engine.sent == whole
    assert assistant.session is not None
    other = ScriptedEngine()
    again = Assistant(store, other)
    await again.open_session(assistant.session.id)
    await run(again.send("More"))
    assert other.sent == [*whole, "Yes.", "More"]


async def test_a_reply_that_a_crash_cut_off_goes_on_after_a_restart(store: Store) -> None:
    session = store.new_session()
    store.add_user_turn(session.id, "Count")
    store.close_reply(store.open_reply(session.id).id, "One, two", TurnStatus.INTERRUPTED)
    engine = ScriptedEngine(", three.")
    assistant = Assistant(store, engine)
    await assistant.open_session(session.id)
    await run(assistant.go_on())
    assert engine.sent == ["Count", "One, two"]
    assert stored(assistant, store) == ["Count", "One, two", ", three."]


async def test_a_long_reply_that_goes_on_makes_room_for_itself(store: Store) -> None:
    engine = ScriptedEngine(*(["word " * 60] * 6), "long " * 120 + "…", "end.", chat_tokens=600)
    assistant = Assistant(store, engine)
    for number in range(6):
        await run(assistant.send(f"Question {number}"))
    await run(assistant.send("The last"))
    await run(assistant.go_on())
    sizes = await engine.count(engine.requests[-1].messages)
    assert sum(sizes) + 8 * len(sizes) <= 600 - 150
    assert engine.sent[-2:] == ["The last", "long " * 120]


async def test_a_message_said_anew_cuts_the_context_and_recall_can_not_bring_it_back(
    store: Store,
) -> None:
    engine = ScriptedEngine()
    assistant = Assistant(
        store, engine, Recaller(store), options=AssistantOptions(recall=10, recall_floor=-9.0)
    )
    await run(assistant.send("I had a kayak once"))
    await run(assistant.send("My zebra kayak was purple"))
    await run(assistant.send("The purple zebra kayak sank"))
    assert assistant.session is not None
    edited = store.turns(assistant.session.id)[2].id
    await run(assistant.send("Tell me of a purple zebra kayak", instead_of=edited))
    assert engine.sent == ["I had a kayak once", "Fine.", "Tell me of a purple zebra kayak"]
    await run(assistant.send("What of the purple zebra kayak that sank?"))
    sent = "\n".join(engine.sent)
    assert "was purple" not in sent
    assert "The purple zebra kayak sank" not in sent
    assert len(store.all_turns(assistant.session.id)) == 10
    # The old branch is whole, and the new one is not in it.
    await assistant.choose(edited)
    await run(assistant.send("What of the purple zebra kayak?"))
    assert engine.sent[2:5] == ["My zebra kayak was purple", "Fine.", "The purple zebra kayak sank"]
    assert "Tell me of a purple" not in "\n".join(engine.sent)


async def test_the_first_message_can_be_said_anew(store: Store) -> None:
    engine = ScriptedEngine()
    assistant = Assistant(store, engine)
    await run(assistant.send("One"))
    await run(assistant.send("Two"))
    assert assistant.session is not None
    first = store.turns(assistant.session.id)[0].id
    await run(assistant.send("Uno", instead_of=first))
    assert engine.sent == ["Uno"]
    assert stored(assistant, store) == ["Uno", "Fine."]


async def test_a_message_that_left_the_context_can_be_said_anew(store: Store) -> None:
    engine = ScriptedEngine(chat_tokens=600)
    assistant = Assistant(store, engine)
    for number in range(12):
        await run(assistant.send(f"Number {number} " + "word " * 50))
    assert "Number 2 " not in "".join(engine.sent)
    assert assistant.session is not None
    second = store.turns(assistant.session.id)[4].id
    await run(assistant.send("Said anew", instead_of=second))
    assert [text.split("word")[0] for text in engine.sent] == [
        "Number 0 ",
        "Fine.",
        "Number 1 ",
        "Fine.",
        "Said anew",
    ]


async def test_without_a_trace_it_works_in_memory_alone(store: Store) -> None:
    engine = ScriptedEngine("One…", " two.", "Three.")
    assistant = Assistant(store, engine, options=AssistantOptions(remember=False))
    await run(assistant.send("Count"))
    await run(assistant.go_on())
    await run(assistant.regenerate())
    assert engine.sent == ["Count"]
    await run(assistant.send("Anew", instead_of="scratch-1"))
    assert engine.sent == ["Anew"]
    with pytest.raises(UsageError):
        await run(assistant.send("Anew", instead_of="scratch-1"))
    assert store.sessions() == []


async def test_what_can_not_be_done_is_said_and_changes_nothing(store: Store) -> None:
    engine = ScriptedEngine("First.", "dies", "Third.")
    assistant = Assistant(store, engine)
    with pytest.raises(UsageError, match="no message yet"):
        await run(assistant.regenerate())
    await run(assistant.send("Hello"))
    with pytest.raises(UsageError, match="came to its end"):
        await run(assistant.go_on())
    other = store.add_user_turn(store.new_session().id, "Elsewhere")
    with pytest.raises(UsageError, match="another conversation"):
        await run(assistant.send("Anew", instead_of=other.id))
    with pytest.raises(EngineDiedError):
        await run(assistant.regenerate())
    await run(assistant.regenerate())  # the dead one is a version of its own
    assert engine.sent == ["Hello"]
    assert stored(assistant, store) == ["Hello", "Third."]


async def test_an_overlong_message_said_anew_is_refused(store: Store) -> None:
    engine = ScriptedEngine(chat_tokens=600)
    assistant = Assistant(store, engine)
    await run(assistant.send("One"))
    await run(assistant.send("Two"))
    assert assistant.session is not None
    second = store.turns(assistant.session.id)[2].id
    with pytest.raises(ContextOverflowError):
        await run(assistant.send("word " * 700, instead_of=second))
    await run(assistant.send("Three"))
    assert engine.sent == ["One", "Fine.", "Three"]


async def test_a_failed_reply_can_be_asked_for_again(store: Store) -> None:
    engine = ScriptedEngine("dies", "Back.")
    assistant = Assistant(store, engine)
    with pytest.raises(EngineDiedError):
        await run(assistant.send("Hello"))
    await run(assistant.regenerate())
    assert stored(assistant, store) == ["Hello", "Back."]
    assert engine.requests[-1].messages[-1].text == "Hello"


@pytest.mark.slow
async def test_the_model_goes_on_as_if_it_had_never_been_cut(
    store: Store, engine: LlamaEngine
) -> None:
    def saying(tokens: int) -> AssistantOptions:
        return AssistantOptions(
            sampling=Sampling(temperature=0.0, repeat_penalty=1.0, max_tokens=tokens)
        )

    question = "Tell me three things about the sea."
    whole = Assistant(store, engine, options=saying(40))
    await run(whole.send(question))
    parted = Assistant(store, engine, options=saying(20))
    await run(parted.send(question))
    await run(parted.go_on())
    said, begun, rest = stored(parted, store)
    assert said == question
    assert begun + rest == stored(whole, store)[1]
    await run(parted.regenerate())
    assert stored(parted, store) == [question, begun]
