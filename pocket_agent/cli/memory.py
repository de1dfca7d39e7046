"""`pocket-agent memory`: search what was said."""

import argparse
import json

from pocket_agent.cli.opening import existing_store, narrate, plain

READY_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `memory`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    search = commands.add_parser("search", help="past turns near a query, by words and meaning")
    search.add_argument("query", nargs="+")
    search.add_argument("-k", type=int, default=5, help="how many (default: 5)")
    search.add_argument("--json", action="store_true")
    search.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the turns, the best first."""
    from pocket_agent.memory.embedder import Embedder
    from pocket_agent.memory.indexer import Indexer
    from pocket_agent.memory.recall import Recaller

    embedder = Embedder()
    with existing_store(arguments) as store:
        try:
            if store.sessions(1):
                embedder.start()
                _catch_up(Indexer(store, embedder), embedder)
            if embedder.problem:
                narrate(embedder.problem)
            query = " ".join(arguments.query)
            found = Recaller(store, embedder).recall(query, max(1, arguments.k))
        finally:
            embedder.close()
    for memory in found:
        turn = memory.turn
        if arguments.json:
            row = {"turn": turn.id, "session": turn.session, "role": turn.role, "at": turn.at}
            print(json.dumps({**row, "text": turn.text, "score": memory.score}, ensure_ascii=False))
        else:
            print(f"{turn.at[:10]}  {turn.speaker}: {plain(' '.join(turn.text.split()))}")
    return 0


def _catch_up(indexer, embedder) -> None:  # type: ignore[no-untyped-def]
    """Turns that a crash or a quick exit left without a vector get theirs first."""
    try:
        if embedder.wait_ready(READY_S):
            indexer.wake()
            indexer.wait_idle(READY_S)
    finally:
        indexer.close()
