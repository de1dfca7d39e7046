"""Contradictions of what was set by hand: asked in one line, once, whatever is said later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pocket_agent.assistant.events import Learnt
from pocket_agent.assistant.learning import Learner
from pocket_agent.memory.records import Session, Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.policy.reader import Reading
from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.waiting import answers, waiting

PORTO = Op(OpKind.UPDATE, "home", "Porto", old="Leeds")
GONE = Op(OpKind.REMOVE, "home", "Leeds")


class Decided:
    """A policy whose decisions are known beforehand."""

    version = "scripted"

    def __init__(self, *readings: Reading) -> None:
        self.readings = list(readings)

    async def read(self, known: list[Known], assistant: str, turn: str) -> Reading:
        return self.readings.pop(0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anna.db") as opened:
        opened.record(Op(OpKind.ADD, "home", "Leeds"), actor=Actor.USER)
        yield opened


async def learn(store: Store, text: str, reading: Reading) -> list[Learnt]:
    session = store.new_session()
    store.add_user_turn(session.id, text)
    return [learnt async for learnt in Learner(store, Decided(reading)).catch_up()]


def say(store: Store, yes: bool) -> None:
    for op in answers(waiting(store.profile()), store.events(), yes=yes):
        store.record(op, actor=Actor.USER)


async def test_a_contradiction_is_one_line_once(store: Store) -> None:
    (asked,) = await learn(store, "I moved to Porto", Reading((PORTO,)))
    assert asked.line == "home · Porto, not home · Leeds?"
    assert asked.waits == waiting(store.profile())[0].id
    assert await learn(store, "Here in Porto it rains", Reading((PORTO,))) == []
    say(store, False)
    assert await learn(store, "Porto, Porto, Porto", Reading((PORTO,))) == []
    assert [fact.value for fact in store.profile().active()] == ["Leeds"]


async def test_taking_back_is_one_line_once(store: Store) -> None:
    (asked,) = await learn(store, "I don't live in Leeds any more", Reading((GONE,)))
    assert asked.line == "no longer home · Leeds?"
    assert await learn(store, "I left Leeds", Reading((GONE,))) == []
    say(store, False)
    assert await learn(store, "I left Leeds", Reading((GONE,))) == []
    assert [fact.value for fact in store.profile().active()] == ["Leeds"]


async def test_a_yes_is_remembered_as_yours(store: Store) -> None:
    await learn(store, "I moved to Porto", Reading((PORTO,)))
    say(store, True)
    (held,) = store.profile().active()
    assert (held.value, held.actor) == ("Porto", Actor.USER)
    assert [source.quote for source in held.sources] == ["I moved to Porto"]
    store.undo()
    assert [fact.value for fact in store.profile().active()] == ["Leeds"]


async def test_what_the_policy_is_unsure_of_waits(store: Store) -> None:
    maybe = Op(OpKind.ADD, "hobby", "pottery")
    reading = Reading((), unsure=(maybe,))
    (asked,) = await learn(store, "I might try pottery", reading)
    assert asked.line == "maybe: hobby · likes pottery?"
    assert [fact.value for fact in store.profile().active()] == ["Leeds"]
    say(store, False)
    (again,) = await learn(store, "pottery it is, perhaps", reading)
    assert again.waits, "another turn may ask"


async def test_what_an_imported_conversation_says_is_read_last_and_waits(store: Store) -> None:
    other = Session("s-1", "Bees", "2024-05-01", "2024-05-01", 0)
    said = Turn("t-1", "s-1", TurnRole.USER, "I keep bees in Porto", "2024-05-01")
    store.add_conversations([(other, [said])], learn=True)
    bees = Op(OpKind.ADD, "pet", "bees")
    keep = Reading((Op(OpKind.ADD, "hobby", "chess"),))
    store.add_user_turn(store.new_session().id, "I play chess")
    policy = Decided(keep, Reading((bees, PORTO)))
    first = [learnt async for learnt in Learner(store, policy, imported=False).catch_up()]
    assert [learnt.line for learnt in first] == ["remembered: hobby · likes chess"]
    assert [turn.id for turn in store.turns_read_later()] == ["t-1"]
    assert [learnt async for learnt in Learner(store, policy).catch_up()] == [], "no news here"
    assert [fact.value for fact in store.profile().active()] == ["Leeds", "chess"]
    asked = waiting(store.profile())
    assert [(fact.value, fact.sources[0].turn) for fact in asked] == [
        ("bees", "t-1"),
        ("Porto", "t-1"),
    ]
    assert store.turns_read_later() == []
