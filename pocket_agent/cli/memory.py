"""`pocket-agent memory`: search what was said."""

import argparse
from typing import TYPE_CHECKING, Any

from pocket_agent.cli import options
from pocket_agent.cli.opening import open_store, typed
from pocket_agent.cli.output import narrate, one_line, put_json, put_line
from pocket_agent.errors import UsageError

if TYPE_CHECKING:
    from pocket_agent.memory.embedder import Embedder
    from pocket_agent.memory.records import Recalled
    from pocket_agent.memory.store import Store

READY_S = 30.0
QUERY_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `memory`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    about = "past turns near a query, by words and meaning"
    search = commands.add_parser("search", help=about, description=about)
    search.add_argument("query", nargs="+")
    search.add_argument("-k", type=options.count, default=5, help="how many (default: 5)")
    search.add_argument("--json", action="store_true")
    search.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the turns, the best first."""
    from pocket_agent.memory.embedder import Embedder

    query = typed(arguments.query)
    if not query.strip():
        raise UsageError("There is nothing to search for")
    embedder = Embedder()
    with open_store(arguments) as store:
        try:
            found = _search(store, embedder, query, arguments.k)
        finally:
            embedder.close()
    if arguments.json:
        put_json([_record(recalled) for recalled in found])
        return 0
    for recalled in found:
        turn = recalled.turn
        put_line(one_line(f"{turn.at[:10]}  {turn.speaker}: {turn.text}"))
    if not found:
        narrate("Nothing was found.")
    return 0


def _search(store: "Store", embedder: "Embedder", query: str, k: int) -> "list[Recalled]":
    from pocket_agent.memory.recall import Recaller

    recaller = Recaller(store, embedder)
    if not store.sessions(1):
        return []
    _catch_up(store, embedder)
    if not embedder.ready:
        narrate(embedder.problem or "The embedder is not ready: searching by words alone.")
    return recaller.recall_vector(query, recaller.embed(query, QUERY_S), k)


def _catch_up(store: "Store", embedder: "Embedder") -> None:
    """Turns that a crash or a quick exit left without a vector get theirs first."""
    from pocket_agent.memory.indexer import Indexer

    embedder.start()
    if not embedder.wait_ready(READY_S if not embedder.problem else 0.0):
        return
    indexer = Indexer(store, embedder)
    try:
        if not indexer.wait_idle(READY_S):
            narrate("There are many new turns: not all of them can be found by meaning yet.")
    finally:
        indexer.close()


def _record(recalled: "Recalled") -> dict[str, Any]:
    turn = recalled.turn
    record = {"turn": turn.id, "session": turn.session, "role": turn.role, "at": turn.at}
    scores = {"score": recalled.score, "cosine": recalled.cosine, "coverage": recalled.coverage}
    rounded = {name: round(value, 4) for name, value in scores.items()}
    return {**record, "speaker": turn.speaker, "text": turn.text, **rounded}
