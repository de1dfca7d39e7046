"""Questions behind replies: stored as part of them, remembered over a restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.asker import Asker
from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.events import ReplyDelta
from pocket_agent.memory.store import Store
from pocket_agent.policy.asking import GAP
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.slots import BY_NAME

DINNER = "Can you suggest something for dinner?"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "anna.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


async def say(assistant: Assistant, text: str) -> str:
    """What is shown of the reply; the same is stored."""
    shown = ""
    async for event in assistant.send(text):
        shown += event.text if isinstance(event, ReplyDelta) else ""
    assert assistant.session is not None
    assert assistant._store.turns(assistant.session.id)[-1].text == shown
    return shown


async def test_the_reply_comes_first_then_one_question(store: Store) -> None:
    assistant = Assistant(store, WordEngine(), options=AssistantOptions(ask=True))
    reply, question = (await say(assistant, DINNER)).split("\n\n")
    assert reply == "Fine."
    assert sum(slot.question in question for slot in BY_NAME.values()) == 1
    assert await say(assistant, "vegan, since you ask. suggest a dinner then") == "Fine."


async def test_the_model_reads_its_question_in_the_next_prompt(store: Store) -> None:
    engine = WordEngine()
    assistant = Assistant(store, engine, options=AssistantOptions(ask=True))
    shown = await say(assistant, DINNER)
    await say(assistant, "vegan")
    assert engine.requests[-1].messages[-2].text == shown


async def test_no_question_where_none_is_wanted(store: Store) -> None:
    for options in (AssistantOptions(), AssistantOptions(ask=True, learn=False)):
        assert await say(Assistant(store, WordEngine(), options=options), DINNER) == "Fine."


async def test_incognito_asks_nothing(store: Store) -> None:
    assistant = Assistant(store, WordEngine(), options=AssistantOptions(ask=True, remember=False))
    shown = [e.text async for e in assistant.send(DINNER) if isinstance(e, ReplyDelta)]
    assert shown == ["Fine."]


def test_what_was_asked_outlives_a_restart(path: Path) -> None:
    with Store.open(path) as store:
        first = Asker(store).follow_up(DINNER)
        assert first
    with Store.open(path) as store:
        asker = Asker(store)
        assert asker.follow_up("stop asking") == ""
        for _ in range(100):
            assert asker.follow_up(DINNER) == ""
        asker.resume()
        assert asker.follow_up(DINNER)


def test_known_slots_are_not_asked(store: Store) -> None:
    for slot in ("diet", "allergy"):
        store.record(Op(OpKind.ADD, slot, "none at all"), actor=Actor.USER)
    assert BY_NAME["food"].question in Asker(store).follow_up(DINNER)


def test_a_broken_note_is_none(store: Store) -> None:
    for text in ("", "{", "[1]", '[0,null,"",0,{"diet":["eaten",3]},false]'):
        store.set_meta("asking", text)
        assert Asker(store).follow_up(DINNER)


def test_a_stopped_reply_takes_no_question_but_counts(store: Store) -> None:
    asker = Asker(store)
    assert asker.follow_up(DINNER, may_ask=False) == ""
    assert asker.follow_up(DINNER)
    for _ in range(GAP - 1):
        assert asker.follow_up(DINNER) == ""
    assert asker.follow_up(DINNER)


def test_answers_of_the_interview_are_facts_by_hand(store: Store) -> None:
    asker = Asker(store)
    first, second, third, *_ = (slot.name for slot in asker.interview())
    applied = asker.answer(first, " Bernie. ")
    assert applied is not None
    assert applied.changed
    assert asker.answer(second, "no idea") is None
    assert asker.answer(third, "") is None
    (fact,) = store.profile().active()
    assert (fact.slot, fact.value, fact.actor) == (first, "Bernie", Actor.USER)
    assert not {first, second, third} & {slot.name for slot in asker.interview()}
    assert asker.answer(asker.interview()[0].name, "never") is None
    assert asker.interview() == []
    assert asker.follow_up(DINNER) == ""
