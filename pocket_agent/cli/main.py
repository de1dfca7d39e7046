"""The parser of `pocket-agent`, and where a failure becomes a line and an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from pocket_agent import __version__
from pocket_agent.errors import PocketAgentError

INTERRUPTED = 130
_EPILOG = "Without a command it opens the chat. Exit codes: 0 fine, 1 failed, 2 usage, 130 stopped."
_COMMANDS = {
    "ask": "one question, one answer; reads a pipe",
    "profile": "see, correct, export and import what is known of you",
    "memory": "search what was said",
    "infer": "run the policy on JSON lines",
    "models": "the models on this computer",
    "doctor": "check the installation",
    "bench": "measure the speed here",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except PocketAgentError as error:
        print(f"pocket-agent: {_one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; nothing more may be written to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("POCKET_AGENT_DEBUG"):
            raise
        print(
            f"pocket-agent: unexpected error: {type(error).__name__}: {_one_line(str(error))}. "
            "POCKET_AGENT_DEBUG=1 shows where.",
            file=sys.stderr,
        )
        return 1


def _run(argv: list[str]) -> int:
    name = next((word for word in argv if word in _COMMANDS), "")
    parser = _parser(name)
    arguments = parser.parse_args(argv)
    if not arguments.command:
        from pocket_agent.cli.chat import open_chat

        return open_chat(arguments)
    return int(arguments.run(arguments))


def _parser(wanted: str) -> argparse.ArgumentParser:
    """The parser; only the wanted command's module is imported, so that --help stays quick."""
    parser = argparse.ArgumentParser(
        prog="pocket-agent",
        description="A private assistant on this computer that gets to know you.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"pocket-agent {__version__}")
    _add_common(parser, top=True)
    _add_chat(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, help_line in _COMMANDS.items():
        command = commands.add_parser(name, help=help_line, description=help_line)
        if name == wanted:
            importlib.import_module(f"pocket_agent.cli.{name}").add_arguments(command)
            for each in _leaves(command):
                _add_common(each, top=False)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, top: bool) -> None:
    """Options that may stand before or after the command."""
    default = None if top else argparse.SUPPRESS
    parser.add_argument(
        "--home", metavar="DIR", default=default, help="folder of all state (POCKET_AGENT_HOME)"
    )
    parser.add_argument("--profile", metavar="P", default=default, help="which profile to use")


def _add_chat(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", metavar="M", help="name or path of a model")
    parser.add_argument(
        "--no-requantize", action="store_true", help="keep no faster copy of the model"
    )
    parser.add_argument("--incognito", action="store_true", help="read the profile, write nothing")


def _leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers that take the last words of a command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return [leaf for sub in action.choices.values() for leaf in _leaves(sub)]
    return [parser]


def _one_line(text: str) -> str:
    return " ".join(text.split())
