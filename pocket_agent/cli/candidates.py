"""`profile candidates`, `confirm` and `reject`: what waits for a yes or no, and the answer."""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from pocket_agent.cli.opening import open_store
from pocket_agent.cli.output import narrate, one_line, put_json, put_line
from pocket_agent.errors import ProfileError, UsageError

if TYPE_CHECKING:
    from pocket_agent.memory.store import Store
    from pocket_agent.profile.facts import Event, Fact, Profile

ANSWERS = {
    "confirm": "say yes to what waits: it is true from now on",
    "reject": "say no to what waits: it is not asked again",
}
_SHORTEST = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which of those that wait."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="as `profile candidates` shows it")
    parser.add_argument("--all", action="store_true", help="all that waits")


def listing(arguments: argparse.Namespace) -> int:
    """Print what waits, the oldest first."""
    from pocket_agent.profile.waiting import waiting

    with open_store(arguments) as store:
        profile, events = store.profile(), store.events()
    facts = waiting(profile)
    if arguments.json:
        put_json([asdict(fact) for fact in facts])
        return 0
    names = short_names(facts)
    for fact in facts:
        for line in _entry(profile, fact, events, names[fact.id]):
            put_line(line)
    if not facts:
        narrate("Nothing waits for a yes or no.")
    return 0


def answering(name: str) -> Callable[[argparse.Namespace], int]:
    """The function that runs one of ANSWERS."""
    return partial(_answer, name == "confirm")


def short_names(facts: "list[Fact]") -> dict[str, str]:
    """For each id, the shortest ending that no other id has."""
    ids = [fact.id for fact in facts]
    size = _SHORTEST
    while len({name[-size:] for name in ids}) < len(ids) and size < max(map(len, ids)):
        size += 1
    return {name: name[-size:] for name in ids}


def question(profile: "Profile", fact: "Fact", events: "list[Event]") -> str:
    """What a candidate or a doubt asks."""
    from pocket_agent.assistant.learning import ask_line
    from pocket_agent.profile.waiting import named_rival

    return ask_line(profile, fact, named_rival(fact, events))


def _entry(profile: "Profile", fact: "Fact", events: "list[Event]", name: str) -> tuple[str, str]:
    source = fact.sources[-1] if fact.sources else None
    quote = f"“{one_line(source.quote)}”" if source else ""
    came = f"imported from {source.imported_from}" if source and source.imported_from else ""
    why = "  ".join(part for part in (fact.learnt[:10], quote, came) if part)
    return f"{name}  {one_line(question(profile, fact, events))}", f"      {why}"


def _answer(yes: bool, arguments: argparse.Namespace) -> int:
    from pocket_agent.assistant.learning import describe
    from pocket_agent.memory.log import Entry
    from pocket_agent.profile.facts import Actor, Event
    from pocket_agent.profile.waiting import answers

    if bool(arguments.ids) is arguments.all:
        raise UsageError(
            "Say which: one id or several, or --all", "`profile candidates` shows them."
        )
    with open_store(arguments) as store:
        ops = answers(_chosen(store, arguments.ids), store.events(), yes=yes)
        done = store.record_together([Entry(op) for op in ops], actor=Actor.USER)
    for op, applied in zip(ops, done, strict=True):
        if applied.changed:
            narrate(describe(Event(0, "", "", Actor.USER, op), applied))
    if not ops:
        narrate("Nothing waits for a yes or no.")
    return 0


def _chosen(store: "Store", names: list[str]) -> "list[Fact]":
    """Those that wait and are named by their id or its end; all if no name is given.

    Raises:
        ProfileError: a name means none of them, or several.
    """
    from pocket_agent.profile.waiting import waiting

    facts = waiting(store.profile())
    if not names:
        return facts
    chosen: dict[str, Fact] = {}
    for name in names:
        found = [
            f for f in facts if f.id == name or (len(name) >= _SHORTEST and f.id.endswith(name))
        ]
        if not found:
            raise ProfileError(
                f"Nothing of the id {one_line(name)!r} waits",
                "`profile candidates` shows what does.",
            )
        if len(found) > 1:
            raise ProfileError(
                f"{one_line(name)!r} may mean {len(found)} of them", "Write more of it."
            )
        chosen[found[0].id] = found[0]
    return list(chosen.values())
