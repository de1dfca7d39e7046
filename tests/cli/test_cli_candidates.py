"""`profile candidates`, `confirm` and `reject`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind, Source

Call = Callable[..., Any]


def learn(store: Store, op: Op, text: str, sure: float = 1.0) -> None:
    turn = store.add_user_turn(store.new_session().id, text)
    source = Source(turn.id, 0, len(text), text)
    store.record(op, actor=Actor.POLICY, source=source, confidence=sure)


@pytest.fixture
def asked(home: Path, call: Call, store: Callable[[], Store]) -> None:
    """Three things wait: a contradiction, a fact taken back, and a guess."""
    call("profile", "set", "home", "Leeds")
    call("profile", "set", "pet", "cat", "Miso")
    with store() as opened:
        learn(opened, Op(OpKind.UPDATE, "home", "Porto", old="Leeds"), "I moved to Porto")
        learn(opened, Op(OpKind.REMOVE, "pet", "cat Miso"), "our cat Miso died")
        learn(opened, Op(OpKind.ADD, "hobby", "pottery"), "maybe pottery?", 0.2)


def ids(call: Call) -> list[str]:
    return [fact["id"] for fact in json.loads(call("profile", "candidates", "--json").out)]


def values(call: Call) -> set[str]:
    told = json.loads(call("profile", "show", "--json").out)
    return {fact["value"] for fact in told if fact["state"] == "active"}


@pytest.mark.usefixtures("asked")
def test_they_are_listed_with_what_they_ask(call: Call) -> None:
    said = call("profile", "candidates")
    lines = said.out.splitlines()
    assert [line.split("  ", 1)[1] for line in lines[::2]] == [
        "home · Porto, not home · Leeds?",
        "no longer pet · cat Miso?",
        "maybe: hobby · likes pottery?",
    ]
    assert "“I moved to Porto”" in lines[1]
    assert "no longer?" in call("profile", "show").out


@pytest.mark.usefixtures("asked")
def test_a_yes_and_a_no_by_short_id_are_undone(call: Call) -> None:
    short = call("profile", "candidates").out.split()[0]
    assert "remembered: home · Porto" in call("profile", "confirm", short).err
    assert values(call) == {"Porto", "cat Miso"}
    said = call("profile", "reject", *ids(call))
    assert "kept: pet · cat Miso" in said.err
    assert "left out: hobby · likes pottery" in said.err
    assert ids(call) == []
    assert "2 changes that were made in one go" in call("profile", "undo").err
    assert len(ids(call)) == 2
    call("profile", "undo")
    assert len(ids(call)) == 3
    assert values(call) == {"Leeds", "cat Miso"}


@pytest.mark.usefixtures("asked")
def test_all_at_once(call: Call) -> None:
    assert call("profile", "confirm", "--all").code == 0
    assert values(call) == {"Porto", "pottery"}
    said = call("profile", "reject", "--all")
    assert (said.code, said.err) == (0, "Nothing waits for a yes or no.\n")


@pytest.mark.usefixtures("asked")
def test_what_can_not_be_answered(call: Call) -> None:
    assert "Say which" in complaint(call("profile", "confirm"), 2)
    assert "Say which" in complaint(call("profile", "reject", "abcd", "--all"), 2)
    assert "'nothing' waits" in complaint(call("profile", "confirm", "nothing"))
    before = values(call)
    complaint(call("profile", "confirm", ids(call)[0], "nothing"))
    assert values(call) == before, "all of them or none"
