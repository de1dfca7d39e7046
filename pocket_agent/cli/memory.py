"""`pocket-agent memory`: search what was said."""

import argparse
import time
from typing import TYPE_CHECKING, Any

from pocket_agent.cli import options
from pocket_agent.cli.chat import check_terminal, open_chat
from pocket_agent.cli.opening import open_store, typed
from pocket_agent.cli.output import narrate, one_line, put_json, put_line
from pocket_agent.errors import PocketAgentError, UsageError

if TYPE_CHECKING:
    from pocket_agent.memory.embedder import Embedder
    from pocket_agent.memory.recall import Recaller
    from pocket_agent.memory.records import Recalled
    from pocket_agent.memory.store import Store

PATIENCE_S = 300.0
"""How long each step may take: on a busy machine the model alone has needed two minutes."""
_GLANCE_S = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `memory`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    about = "what was said, by you and to you, nearest to a query in words and meaning"
    search = commands.add_parser("search", help=about, description=about)
    search.add_argument("query", nargs="+", help="what it was about, in any words")
    search.add_argument(
        "-k", metavar="N", type=options.count, default=5, help="how many (default: 5)"
    )
    search.add_argument("--json", action="store_true", help="as JSON")
    search.add_argument(
        "--open",
        metavar="N",
        nargs="?",
        type=options.count,
        const=1,
        help="open the chat at the first of them, or at the Nth",
    )
    search.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the turns, the best first."""
    from pocket_agent.memory.embedder import Embedder

    query = typed(arguments.query)
    if not query.strip():
        raise UsageError("There is nothing to search for")
    if arguments.open:
        check_terminal()
    embedder = Embedder()
    with open_store(arguments) as store:
        try:
            found = _search(store, embedder, query, arguments.k)
        finally:
            embedder.close()
        titles = {r.turn.session: store.session(r.turn.session).title for r in found}
    if arguments.open:
        return _open(arguments, found)
    if arguments.json:
        put_json([{**_record(r), "title": titles[r.turn.session]} for r in found])
        return 0
    for recalled in found:
        turn = recalled.turn
        put_line(one_line(f"{turn.at[:10]}  {turn.speaker}: {turn.text}"))
    if not found:
        narrate("Nothing was found.")
    return 0


def _open(arguments: argparse.Namespace, found: "list[Recalled]") -> int:
    """Open the chat at what was found."""
    if len(found) < arguments.open:
        raise PocketAgentError(
            f"{len(found)} turns were found, not {arguments.open}", "Search for something else."
        )
    turn = found[arguments.open - 1].turn
    arguments.session, arguments.turn = turn.session, turn.id
    return open_chat(arguments)


def wait_for(embedder: "Embedder") -> bool:
    """Start an embedder and wait until it is ready; False if it can't be, or takes for ever."""
    embedder.start()
    until = time.monotonic() + PATIENCE_S
    while not embedder.wait_ready(_GLANCE_S):
        if embedder.problem or time.monotonic() > until:
            return False
    return True


def recall_patiently(recaller: "Recaller", query: str, k: int) -> "list[Recalled]":
    """Recall with the query's vector, where a chat would go by words alone before long."""
    return recaller.recall_vector(query, recaller.embed(query, PATIENCE_S), k)


def _search(store: "Store", embedder: "Embedder", query: str, k: int) -> "list[Recalled]":
    from pocket_agent.memory.recall import Recaller

    recaller = Recaller(store, embedder)
    if not store.sessions(1):
        return []
    make_ready(store, embedder)
    return recall_patiently(recaller, query, k)


def make_ready(store: "Store", embedder: "Embedder") -> None:
    """Have a store's turns and questions found by meaning, or say that words alone count."""
    if store.read_only:
        wait_for(embedder)  # for the question; no vector can be stored
    else:
        _catch_up(store, embedder)
    if not embedder.ready:
        narrate(embedder.problem or "The embedder is not ready: searching by words alone.")


def _catch_up(store: "Store", embedder: "Embedder") -> None:
    """Turns that a crash or a quick exit left without a vector get theirs first."""
    from pocket_agent.memory.indexer import Indexer

    if not wait_for(embedder):
        return
    indexer = Indexer(store, embedder)
    try:
        if not indexer.wait_idle(PATIENCE_S):
            narrate("There are many new turns: not all of them can be found by meaning yet.")
    finally:
        indexer.close()


def _record(recalled: "Recalled") -> dict[str, Any]:
    turn = recalled.turn
    record = {"turn": turn.id, "session": turn.session, "role": turn.role, "at": turn.at}
    scores = {"score": recalled.score, "cosine": recalled.cosine, "coverage": recalled.coverage}
    rounded = {name: round(value, 4) for name, value in scores.items()}
    return {**record, "speaker": turn.speaker, "text": turn.text, **rounded}
