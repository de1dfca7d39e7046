"""Vectors of facts: of the words as they are now, and gone with the fact."""

from array import array
from pathlib import Path

import pytest

from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.indexer import Indexer
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind

MODEL = "a model"


def vector(at: int) -> bytes:
    values = [0.0] * 384
    values[at] = 1.0
    return array("f", values).tobytes()


def hold(store: Store, slot: str, value: str) -> None:
    store.record(Op(OpKind.ADD, slot, value), actor=Actor.USER)


def index(store: Store) -> None:
    facts = store.unembedded_facts(MODEL)
    store.put_fact_vectors(MODEL, [(fact, vector(n)) for n, fact in enumerate(facts)])


def rows(store: Store) -> int:
    with store.database.reading() as connection:
        return int(str(connection.execute("SELECT count(*) FROM fact_vectors").get))


def test_a_vector_is_made_of_slot_and_value_and_changes_with_them(store: Store) -> None:
    hold(store, "home", "Leeds")
    hold(store, "pet", "dog")
    assert [str(fact) for fact in store.unembedded_facts(MODEL)] == ["home: Leeds", "pet: dog"]
    index(store)
    assert store.unembedded_facts(MODEL) == []
    assert len(store.unembedded_facts("another model")) == 2
    store.record(Op(OpKind.UPDATE, "home", "Porto", "Leeds"), actor=Actor.USER)
    assert [str(fact) for fact in store.unembedded_facts(MODEL)] == ["home: Porto"]
    store.record(Op(OpKind.REMOVE, "pet", "dog"), actor=Actor.USER)
    assert rows(store) == 0


def test_one_that_comes_late_is_not_kept(store: Store) -> None:
    hold(store, "home", "Leeds")
    (text,) = store.unembedded_facts(MODEL)
    store.record(Op(OpKind.UPDATE, "home", "Porto", "Leeds"), actor=Actor.USER)
    store.put_fact_vectors(MODEL, [(text, vector(0))])
    (text,) = store.unembedded_facts(MODEL)
    store.put_fact_vectors(MODEL, [(text, vector(0))], store.forgettings - 1)
    assert rows(store) == 0


@pytest.mark.parametrize("wish", [Wish(slot="home", value="Leeds"), Wish(everything=True)])
def test_forgetting_a_fact_takes_its_vector_out_of_the_file(path: Path, wish: Wish) -> None:
    with Store.open(path) as store:
        hold(store, "home", "Leeds")
        index(store)
        assert vector(0) in b"".join(each.read_bytes() for each in path.parent.iterdir())
        store.forget(wish)
        assert rows(store) == 0
        assert store.problems() == []
    assert not [each for each in path.parent.iterdir() if vector(0) in each.read_bytes()]


def test_it_is_encrypted_with_the_file(path: Path) -> None:
    with Store.open(path, key="seven lamps") as store:
        hold(store, "home", "Leeds")
        index(store)
    assert not [each for each in path.parent.iterdir() if vector(0) in each.read_bytes()]
    with Store.open(path, key="seven lamps") as store:
        assert rows(store) == 1


def test_those_of_another_model_are_dropped(store: Store) -> None:
    hold(store, "home", "Leeds")
    index(store)
    store.forget_other_vectors(MODEL)
    assert rows(store) == 1
    store.forget_other_vectors("another model")
    assert rows(store) == 0


@pytest.mark.slow
def test_facts_are_embedded_as_they_come_and_found_by_meaning(
    store: Store, embedder: Embedder
) -> None:
    hold(store, "home", "Leeds")
    hold(store, "pet", "a greyhound called Rex")
    indexer = Indexer(store, embedder)
    try:
        assert indexer.wait_idle(60)
        hold(store, "occupation", "nurse")
        indexer.wake()
        assert indexer.wait_idle(60)
    finally:
        indexer.close()
    recaller = Recaller(store, embedder)
    query = recaller.embed("I need to get my beast to the vet", timeout=30)
    assert query is not None
    near = recaller.near_facts(query)
    slots = {fact.id: fact.slot for fact in store.profile().active()}
    assert len(near) == 3
    assert slots[max(near, key=lambda name: near[name])] == "pet"
