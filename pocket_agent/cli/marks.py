"""`profile lock`, `unlock`, `pin`, `unpin` and `remove`: what a person decides about a fact."""

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pocket_agent.cli.opening import open_store, typed
from pocket_agent.cli.output import narrate
from pocket_agent.errors import ProfileError

if TYPE_CHECKING:
    from pocket_agent.profile.facts import Fact, Profile

COMMANDS = {
    "lock": "let nobody but you change a fact",
    "unlock": "let a fact be changed again by what you say",
    "pin": "tell the model this fact with every message",
    "unpin": "tell the model this fact only where it matters",
    "remove": "end a fact that no longer holds; `profile undo` brings it back",
}
_DONE = {
    "lock": "locked",
    "unlock": "unlocked",
    "pin": "pinned",
    "unpin": "unpinned",
    "remove": "no longer held",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which fact."""
    parser.add_argument("slot", help="what it is about, as `profile show` names it: home, food, …")
    parser.add_argument("value", nargs="+", help="the fact's words")


def command(name: str) -> Callable[[argparse.Namespace], int]:
    """The function that runs one of COMMANDS."""
    return partial(_mark, name)


def find_fact(profile: "Profile", slot: str, value: str) -> "Fact":
    """The fact of that slot and value, one that holds before one that waits.

    Raises:
        ProfileError: there is none.
    """
    from pocket_agent.profile.values import key

    for fact in (*profile.active(slot), *profile.candidates()):
        if fact.slot == slot and key(fact.value) == key(value):
            return fact
    raise ProfileError(f"There is no fact {slot}: {value}", "`profile show` lists them.")


def _mark(name: str, arguments: argparse.Namespace) -> int:
    from pocket_agent.assistant.phrases import label
    from pocket_agent.profile.facts import Actor, Op, OpKind

    with open_store(arguments, writes=True) as store:
        fact = find_fact(store.profile(), arguments.slot, typed(arguments.value))
        op = Op(OpKind(name), fact=fact.id)
        if op.kind is OpKind.REMOVE:
            op = Op(op.kind, fact.slot, fact.value, polarity=fact.polarity, fact=fact.id)
        applied = store.record(op, actor=Actor.USER)
    done = _DONE[name]
    narrate(f"{done if applied.changed else f'{done} already'}: {label(fact)}")
    return 0
