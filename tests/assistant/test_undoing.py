"""What an undo takes back, and how it says so."""

from collections.abc import Iterator

import pytest
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant
from pocket_agent.assistant.undoing import take_back
from pocket_agent.errors import ProfileError
from pocket_agent.memory.log import Entry
from pocket_agent.memory.records import Session, Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Op, OpKind, Source


@pytest.fixture
def store(locations: Locations) -> Iterator[Store]:
    with Store.open(locations.profile("test")) as opened:
        yield opened


def test_it_says_what_it_takes_back(store: Store) -> None:
    fact = store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER, source=None).fact
    assert fact is not None
    store.record(Op(OpKind.LOCK, fact=fact.id), actor=Actor.USER)
    assert take_back(store, None, "") == "undone: unlocked home · Porto"
    store.record(Op(OpKind.REMOVE, "home", "Porto", fact=fact.id), actor=Actor.USER)
    assert take_back(store, None, "") == "undone: remembered again home · Porto"
    assert take_back(store, None, "") == "undone: forgot home · Porto"
    assert store.profile().active() == []
    with pytest.raises(ProfileError):
        take_back(store, None, "")


def test_what_counts_no_longer_is_not_taken_back_again(store: Store) -> None:
    store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER)
    (added,) = store.events()
    assert take_back(store, added.seq, "") == "undone: forgot home · Porto"
    assert take_back(store, added.seq, "") == "that counts no longer"


def test_what_was_made_in_one_go_is_counted(store: Store) -> None:
    ops = (Op(OpKind.ADD, "home", "Porto"), Op(OpKind.ADD, "pet", "cat Miso"))
    store.record_together([Entry(op) for op in ops], actor=Actor.USER)
    assert take_back(store, None, "") == "undone: 2 changes that were made in one go"


async def test_it_says_when_it_reaches_into_another_conversation(store: Store) -> None:
    assistant = Assistant(store, WordEngine())
    session = store.new_session("Hello")
    turn = store.add_user_turn(session.id, "My name is Sam")
    op, source = Op(OpKind.ADD, "name", "Sam"), Source(turn.id, 11, 14, "Sam")
    store.record(op, actor=Actor.POLICY, source=source)
    await assistant.open_session(None)
    assert await assistant.undo() == "undone: forgot name · Sam (from another conversation)"
    store.record(op, actor=Actor.POLICY, source=source)
    await assistant.open_session(session.id)
    assert await assistant.undo() == "undone: forgot name · Sam"


def test_an_import_is_taken_back_in_a_profile_without_facts(store: Store) -> None:
    said = Turn("t-1", "s-1", TurnRole.USER, "I keep bees", "2024-05-01")
    store.add_conversations([(Session("s-1", "Bees", "2024-05-01", "2024-05-01", 0), [said])])
    assert take_back(store, None, "").startswith("undone: the import of 20")
    assert store.sessions() == []
