"""What lies near a topic, by words and by meaning, and forgetting what was chosen of it."""

import pytest

from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.indexer import Indexer
from pocket_agent.memory.store import Store
from pocket_agent.memory.topic import Near, near_topic, wish_for
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.sources import ground


def told(near: list[Near]) -> list[str]:
    return [
        each.turn.text if each.turn else each.fact.value for each in near if each.turn or each.fact
    ]


@pytest.fixture
def life(store: Store) -> Store:
    session = store.new_session()
    for text in ("My ex moved out", "Jim and I broke up", "my exam is in May", "Will it rain?"):
        store.add_user_turn(session.id, text)
    turn = store.turns(session.id)[0]
    op = Op(OpKind.ADD, "housing", "moved out")
    source = ground(turn.id, turn.text, "moved out")
    store.record(op, actor=Actor.POLICY, source=source, policy="v1")
    for slot, value in (("past", "married to Jim"), ("food", "figs"), ("other", "flat of my ex")):
        store.record(Op(OpKind.ADD, slot, value), actor=Actor.USER)
    return store


def test_by_words_alone_it_proposes_what_holds_them_or_rests_on_it(life: Store) -> None:
    found = near_topic(life, "my ex")
    assert told(found) == ["moved out", "flat of my ex", "My ex moved out"]
    receipt = life.forget(wish_for([found[1], found[2]]))
    assert (receipt.turns, receipt.facts) == (1, 2)
    assert [fact.value for fact in life.profile().active()] == ["married to Jim", "figs"]
    assert told(near_topic(life, "my ex")) == []


def test_nothing_is_near_in_an_empty_profile(store: Store) -> None:
    assert near_topic(store, "my ex") == []


@pytest.mark.slow
def test_by_meaning_too(life: Store, embedder: Embedder) -> None:
    indexer = Indexer(life, embedder)
    try:
        assert indexer.wait_idle(120)
    finally:
        indexer.close()
    found = told(near_topic(life, "my ex-husband", embedder, patience=60))
    assert {"married to Jim", "Jim and I broke up"} <= set(found)
    assert not {"figs", "Will it rain?"} & set(found)
