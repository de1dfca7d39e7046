"""`profile forget`: erase for good, after showing what would go."""

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from pocket_agent.cli.opening import open_home, open_store, typed
from pocket_agent.cli.output import narrate, one_line, put_json, put_line
from pocket_agent.errors import ProfileError, UsageError
from pocket_agent.moments import end_of, start_of

if TYPE_CHECKING:
    from pocket_agent.memory.erasure import Wish
    from pocket_agent.memory.forgetting import Plan
    from pocket_agent.memory.store import Store

_SHOWN = 10
_WIDTH = 90
_ELSEWHERE = "Exports and copies that you put elsewhere are not touched: delete them yourself."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to forget, and whether to ask."""
    parser.add_argument(
        "--fact", nargs="+", metavar="WORD", help="a fact: its id, or its slot and value"
    )
    parser.add_argument(
        "--keep-turns",
        action="store_true",
        help="with --fact: leave its words in the conversations",
    )
    parser.add_argument(
        "--turn", metavar="ID", help="a turn and the reply to it; `memory search --json` shows ids"
    )
    parser.add_argument(
        "--session",
        metavar="ID",
        help="a whole conversation, as `sessions list` names it, or `last`",
    )
    parser.add_argument("--matching", metavar="TEXT", help="all that holds this text")
    parser.add_argument(
        "--since",
        metavar="DATE",
        help="what was said or learnt from this day on, such as 2026-11-28",
    )
    parser.add_argument("--until", metavar="DATE", help="up to this day, and with it")
    parser.add_argument("--everything", action="store_true", help="all of this profile")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="the receipt as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Show what would go, ask, erase it, and print the receipt."""
    from pocket_agent.portable.kept import exports_holding, named

    _check(arguments)
    locations, _ = open_home(arguments)
    with open_store(arguments, writes=True) as store:
        wish = _wish(arguments, store)
        plan = store.plan_forgetting(wish)
        files = exports_holding(locations.home, plan.names, store)
        told = [named(path) for path in files]
        if not plan.receipt:
            _refuse_unknown_fact(wish)
        elif not arguments.yes:
            _show(plan, told)
            _ask()
        receipt = store.forget(wish, files) if plan.receipt else plan.receipt
    if arguments.json:
        put_json(asdict(receipt))
    else:
        put_line(f"forgotten: {receipt}")
    for file in told if receipt else ():
        narrate(f"  file  {file}")
    if receipt:
        narrate(_ELSEWHERE)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    span = arguments.since or arguments.until
    one = ("fact", "turn", "session", "matching", "everything")
    given = sum(bool(value) for value in (*(getattr(arguments, name) for name in one), span))
    if given != 1:
        raise UsageError(
            "Say what to forget, one thing at a time",
            "--fact, --turn, --session, --matching, --since and --until, or --everything.",
        )
    if arguments.keep_turns and not arguments.fact:
        raise UsageError("--keep-turns goes with --fact")
    if arguments.matching is not None and not arguments.matching.strip():
        raise UsageError("There is no text to look for")


def _wish(arguments: argparse.Namespace, store: "Store") -> "Wish":
    from pocket_agent.memory.erasure import Wish

    if arguments.fact:
        slot, value = _fact(arguments.fact, store)
        return Wish(slot=slot, value=value, keep_turns=arguments.keep_turns)
    if arguments.matching:
        return Wish(matching=typed([arguments.matching]))
    return Wish(
        turn=arguments.turn or "",
        session=_session(arguments.session, store) if arguments.session else "",
        since=start_of(arguments.since) if arguments.since else None,
        until=end_of(arguments.until) if arguments.until else None,
        everything=arguments.everything,
    )


def _session(name: str, store: "Store") -> str:
    """The id of a conversation that is named as `sessions` names it."""
    from pocket_agent.cli.sessions import find_session, sessions_named

    return find_session(store, name).id if sessions_named(store, name) else name


def _fact(words: list[str], store: "Store") -> tuple[str, str]:
    """Slot and value of a fact that is named by its id or by these two."""
    if len(words) > 1:
        return words[0], typed(words[1:])
    fact = store.profile().facts.get(words[0])
    if fact is None:
        raise ProfileError(
            f"There is no fact {words[0]!r}", "Name its slot and value, as `profile show` does."
        )
    return fact.slot, fact.value


def _refuse_unknown_fact(wish: "Wish") -> None:
    if wish.value:
        raise ProfileError(
            f"There is no fact {wish.slot}: {wish.value}", "`profile show` and `history` list them."
        )


def _show(plan: "Plan", files: list[str]) -> None:
    from pocket_agent.assistant.phrases import label

    narrate(f"This erases for good: {plan.receipt}")
    for fact in plan.facts[:_SHOWN]:
        narrate(f"  fact  {label(fact)}")
    for text in plan.samples:
        narrate(f"  turn  {one_line(text)[:_WIDTH]}")
    for file in files:
        narrate(f"  file  {file}")


def _ask() -> None:
    if sys.stdin.isatty():
        narrate("No undo brings it back. Type yes to go on:")
        if sys.stdin.readline().strip().lower() == "yes":
            return
    raise UsageError("Nothing was forgotten", "Say so with --yes, or type yes.")
