"""Replies elsewhere that repeat what is forgotten: found, told, and erased unless they are kept."""

import pytest

from pocket_agent.memory.echoes import words_of
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Drawn, Session, Turn
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.sources import ground


def answered(
    store: Store, session: Session, text: str, reply: str, *drawn: str
) -> tuple[Turn, Turn]:
    """A turn and its reply, which was made from the facts and turns of these ids."""
    turn = store.add_user_turn(session.id, text)
    facts = [name for name in drawn if name in store.profile().facts]
    turns = [name for name in drawn if name not in facts]
    opened = store.open_reply(session.id, Drawn(tuple(facts), tuple(turns)))
    return turn, store.close_reply(opened.id, reply)


def texts(store: Store) -> list[str]:
    return [turn.text for session in store.sessions() for turn in store.turns(session.id)]


@pytest.fixture
def secret(store: Store) -> Turn:
    """A turn that three other conversations were told of, two of which repeat it."""
    turn, _ = answered(store, store.new_session(), "I keep a heron in Porto", "A heron!")
    _, echo = answered(store, store.new_session(), "A gift?", "For your heron: fish.", turn.id)
    answered(store, store.new_session(), "Hungry", "Have some soup.", turn.id)
    answered(store, store.new_session(), "More?", "As I said: herons like fish.", echo.id)
    answered(store, store.new_session(), "Birds", "A heron is a wader.")
    return turn


def test_replies_that_repeat_a_turn_go_with_it_and_are_told_before(
    store: Store, secret: Turn
) -> None:
    plan = store.plan_forgetting(Wish(turn=secret.id))
    assert plan.texts == ("I keep a heron in Porto", "A heron!")
    assert plan.replies == ("For your heron: fish.", "As I said: herons like fish.")
    receipt = store.forget(Wish(turn=secret.id))
    assert receipt == plan.receipt
    assert str(receipt).startswith("2 turns, 2 replies elsewhere that repeated it, 1 conversation")
    left = texts(store)
    assert sorted(left) == sorted(
        ["A gift?", "Hungry", "Have some soup.", "More?", "Birds", "A heron is a wader."]
    )
    assert store.problems() == []


def test_they_stay_if_that_is_wished(store: Store, secret: Turn) -> None:
    receipt = store.forget(Wish(turn=secret.id, keep_replies=True))
    assert (receipt.turns, receipt.replies) == (2, 0)
    assert "For your heron: fish." in texts(store)


def test_what_the_person_says_elsewhere_too_is_no_echo(store: Store, secret: Turn) -> None:
    answered(store, store.new_session(), "My heron eats well, in Porto", "Good.")
    assert store.plan_forgetting(Wish(turn=secret.id)).replies == ()


def test_replies_made_from_a_fact_that_goes_with_the_turn(store: Store) -> None:
    turn, _ = answered(store, store.new_session(), "I keep a heron", "A heron!")
    fact = store.record(
        Op(OpKind.ADD, "pet", "heron"),
        actor=Actor.POLICY,
        source=ground(turn.id, turn.text, "heron"),
        policy="v1",
    ).fact
    assert fact is not None
    answered(store, store.new_session(), "A gift?", "Fish, for the heron.", fact.id)
    wish = Wish(turn=turn.id)
    assert store.plan_forgetting(wish).replies == ("Fish, for the heron.",)
    store.record(Op(OpKind.ADD, "pet", "heron"), actor=Actor.USER)
    stays = store.plan_forgetting(wish)
    assert (stays.replies, stays.facts) == ((), ()), "it is held by hand too"


def test_words_of_any_script() -> None:
    assert words_of("I live in the harbours, ok?") == {"live", "harbour"}
    assert words_of("我的前妻") == {"我的", "的前", "前妻"}
    assert words_of("") == frozenset()
