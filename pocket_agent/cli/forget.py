"""`profile forget`: erase for good, after showing what would go."""

import argparse
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from pocket_agent.cli.opening import open_home, open_store, typed
from pocket_agent.cli.output import narrate, one_line, put_json, put_line
from pocket_agent.errors import ProfileError, UsageError
from pocket_agent.moments import end_of, start_of

if TYPE_CHECKING:
    from pocket_agent.memory.erasure import Wish
    from pocket_agent.memory.forgetting import Plan
    from pocket_agent.memory.store import Store
    from pocket_agent.memory.topic import Near

_PAGE = 20
"""Rows that are shown at once where somebody is there to turn the page."""
_WIDTH = 90
_ALL = "all"
_DIGITS = 9
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
    parser.add_argument(
        "--matching", metavar="TEXT", help="all that holds these words, in any case"
    )
    parser.add_argument(
        "--substring", action="store_true", help="with --matching: inside of words too"
    )
    parser.add_argument(
        "--about",
        metavar="TOPIC",
        help="list turns and facts near a topic, by words and meaning, to choose from",
    )
    parser.add_argument(
        "--choose", metavar="NUMBERS", help="with --about: those to forget, as 1,3-5, or all"
    )
    parser.add_argument(
        "--since",
        metavar="DATE",
        help="what was said or learnt from this day on, such as 2026-11-28",
    )
    parser.add_argument("--until", metavar="DATE", help="up to this day, and with it")
    parser.add_argument(
        "--keep-replies",
        action="store_true",
        help="leave replies elsewhere that repeat what goes, because it was recalled there",
    )
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
        if wish is None:
            return 0
        wish = replace(wish, keep_replies=arguments.keep_replies)
        plan = store.plan_forgetting(wish)
        files = exports_holding(locations.home, plan.names, store)
        told = [named(path) for path in files]
        if not plan.receipt:
            _refuse_unknown_fact(wish)
        elif not arguments.yes:
            _ask(plan, _rows(plan, told))
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
    one = ("fact", "turn", "session", "matching", "about", "everything")
    given = sum(bool(value) for value in (*(getattr(arguments, name) for name in one), span))
    if given != 1:
        raise UsageError(
            "Say what to forget, one thing at a time",
            "--fact, --turn, --session, --matching, --about, --since and --until, or --everything.",
        )
    if arguments.keep_turns and not arguments.fact:
        raise UsageError("--keep-turns goes with --fact")
    if arguments.keep_replies and (arguments.fact or arguments.everything):
        raise UsageError("--keep-replies goes with what erases turns")
    if arguments.substring and not arguments.matching:
        raise UsageError("--substring goes with --matching")
    if arguments.choose is not None and not arguments.about:
        raise UsageError("--choose goes with --about")
    for text in (arguments.matching, arguments.about):
        if text is not None and not text.strip():
            raise UsageError("There is no text to look for")


def _wish(arguments: argparse.Namespace, store: "Store") -> "Wish | None":
    """What is wished; None where a topic was only listed."""
    from pocket_agent.memory.erasure import Wish

    if arguments.fact:
        slot, value = _fact(arguments.fact, store)
        return Wish(slot=slot, value=value, keep_turns=arguments.keep_turns)
    if arguments.matching:
        return Wish(matching=typed([arguments.matching]), substring=arguments.substring)
    if arguments.about:
        return _chosen(arguments, store)
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


def _chosen(arguments: argparse.Namespace, store: "Store") -> "Wish | None":
    """What is chosen of a topic: by numbers given along, or typed once it was listed."""
    from pocket_agent.memory.topic import wish_for

    near = _near(store, typed([arguments.about]))
    choice = arguments.choose
    if choice is None or not near:
        _list(near, as_json=arguments.json)
        if not near or arguments.json:
            return None
        if not sys.stdin.isatty():
            narrate("Nothing was forgotten. Say which with --choose, as 1,3-5, or all.")
            return None
        narrate("Which are to be forgotten? Numbers as 1,3-5, or all; Enter for none:")
        choice = sys.stdin.readline().strip()
        if not choice:
            narrate("Nothing was forgotten.")
            return None
    return wish_for(near[number - 1] for number in numbers_of(choice, len(near)))


def _near(store: "Store", topic: str) -> "list[Near]":
    from pocket_agent.cli.memory import PATIENCE_S, make_ready
    from pocket_agent.memory.embedder import Embedder
    from pocket_agent.memory.topic import near_topic

    embedder = Embedder()
    try:
        make_ready(store, embedder)
        return near_topic(store, topic, embedder, patience=PATIENCE_S)
    finally:
        embedder.close()


def _list(near: "list[Near]", *, as_json: bool) -> None:
    from pocket_agent.assistant.phrases import label

    if as_json:
        put_json([{"number": n, **_record(each)} for n, each in enumerate(near, 1)])
        return
    for number, each in enumerate(near, 1):
        if each.fact:
            put_line(f"{number:>3}  fact  {one_line(label(each.fact))[:_WIDTH]}")
        elif each.turn:
            said = f"{each.turn.at[:10]}  {each.turn.speaker}: {each.turn.text}"
            put_line(f"{number:>3}  turn  {one_line(said)[:_WIDTH]}")
    if not near:
        narrate("Nothing is near that.")


def _record(near: "Near") -> "dict[str, str]":
    if near.fact:
        return {"fact": near.fact.id, "slot": near.fact.slot, "value": near.fact.value}
    assert near.turn is not None
    return {"turn": near.turn.id, "session": near.turn.session, "text": near.turn.text}


def numbers_of(choice: str, most: int) -> list[int]:
    """The numbers that `1,3-5` or `all` means, each once, in their order.

    Raises:
        UsageError: it is no such list, or names a number that isn't there.
    """
    if choice.strip().casefold() == _ALL:
        return list(range(1, most + 1))
    found: set[int] = set()
    for part in choice.split(","):
        first, _, last = (each.strip() for each in part.partition("-"))
        ends = (first, last or first)
        if not all(end.isascii() and end.isdigit() and len(end) < _DIGITS for end in ends):
            raise UsageError(f"{choice!r} is no list of numbers", "Write it as 1,3-5, or all.")
        low, high = map(int, ends)
        if not 1 <= low <= high <= most:
            raise UsageError(f"There is no {part.strip()}: the list goes from 1 to {most}")
        found.update(range(low, high + 1))
    return sorted(found)


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


def _rows(plan: "Plan", files: list[str]) -> list[str]:
    """All that would go, a line each."""
    from pocket_agent.assistant.phrases import label

    facts = [f"fact  {one_line(label(fact))[:_WIDTH]}" for fact in plan.facts]
    turns = [f"turn  {one_line(text)[:_WIDTH]}" for text in plan.texts]
    echoes = [f"reply elsewhere  {one_line(text)[:_WIDTH]}" for text in plan.replies]
    return [*facts, *turns, *echoes, *(f"file  {file}" for file in files)]


def _ask(plan: "Plan", rows: list[str]) -> None:
    """Show what would go, by the page where somebody can turn it, and go on only after a yes."""
    narrate(f"This erases for good: {plan.receipt}")
    if not sys.stdin.isatty():
        for row in rows:
            narrate(f"  {row}")
    elif _is_agreed(rows):
        return
    raise UsageError("Nothing was forgotten", "Say so with --yes, or type yes.")


def _is_agreed(rows: list[str]) -> bool:
    shown, said = 0, ""
    while not said:
        for row in rows[shown : shown + _PAGE]:
            narrate(f"  {row}")
        shown = min(len(rows), shown + _PAGE)
        more = f" Enter shows more ({shown} of {len(rows)})." if shown < len(rows) else ""
        narrate(f"No undo brings it back. Type yes to go on.{more}")
        said = sys.stdin.readline().strip().lower()
        if shown == len(rows):
            break
    return said == "yes"
