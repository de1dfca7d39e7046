"""The parser of `pocket-agent`, and where a failure becomes a line and an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from pocket_agent import secrecy
from pocket_agent.cli import options, output
from pocket_agent.errors import PocketAgentError, UsageError

FAILED, USAGE, INTERRUPTED = 1, 2, 130
_EPILOG = "Without a command it opens the chat. Exit codes: 0 fine, 1 failed, 2 usage, 130 stopped."
_COMMANDS = {
    "ask": "one question, one answer; reads a pipe",
    "profile": "see, correct, export and import what is known of you",
    "sessions": "list, name, archive, export and import conversations",
    "memory": "search what was said",
    "infer": "what messages tell about a person, as JSON lines in and out",
    "models": "the models on this computer",
    "doctor": "check that everything needed is here and works",
    "bench": "measure how fast the model runs here (a minute)",
}
_WITHOUT_TRACE = (None, "ask")
_TAKES_A_VALUE = {"--home", "--profile", "--model", "-m", "--passphrase-fd"}
_TAKES_A_VALUE |= {"--gpu-layers", "--device"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the words after the program's name; None takes those of the process.

    Returns:
        The exit code: 0 fine, 1 failed, 2 wrong usage, 130 interrupted.
    """
    output.soften()
    if argv is None:  # this process is ours
        secrecy.close_to_others()
        secrecy.take_passphrases()
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        output.flush()
        return code
    except output.ReaderGoneError:
        output.abandon()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except PocketAgentError as error:
        return _complain(str(error), error.exit_code)
    except Exception as error:
        if os.environ.get("POCKET_AGENT_DEBUG"):
            raise
        what = f"unexpected error: {type(error).__name__}: {error}".rstrip(": .")
        return _complain(f"{what}. POCKET_AGENT_DEBUG=1 shows where.", FAILED)


def _complain(message: str, code: int) -> int:
    try:
        output.flush()  # what was done comes before what went wrong
    except (output.ReaderGoneError, PocketAgentError):
        output.abandon()
    output.narrate(f"pocket-agent: {message}")
    return code


def _run(argv: list[str]) -> int:
    try:
        arguments = _parser(_command_of(argv)).parse_args(argv)
    except SystemExit as said:  # argparse has said it all
        return said.code if isinstance(said.code, int) else USAGE
    if options.leaves_no_trace(arguments) and arguments.command not in _WITHOUT_TRACE:
        raise UsageError(
            "--incognito and --blank are for the chat and for ask", "Leave them out here."
        )
    if arguments.resume and arguments.command:
        raise UsageError(
            "--continue goes before no command", "It is for the chat; after `ask` it is for ask."
        )
    if arguments.passphrase_fd is not None:  # now: a pipe may come on the same descriptor
        from pocket_agent.cli.passphrases import read_line

        arguments.passphrase = read_line(arguments.passphrase_fd)
    if not arguments.command:
        from pocket_agent.cli.chat import open_chat

        return open_chat(arguments)
    return int(arguments.run(arguments))


class _Parser(argparse.ArgumentParser):
    """Takes no abbreviations, which a later option could make ambiguous, and complains safely."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        super().error(output.one_line(message))


def _command_of(argv: list[str]) -> str:
    """The first word that is neither an option nor the value of one."""
    words = iter(argv)
    for word in words:
        if word in _TAKES_A_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def _parser(wanted: str) -> argparse.ArgumentParser:
    """The parser; only the wanted command's module is imported, so that --help stays quick."""
    parser = _Parser(
        prog="pocket-agent",
        description="A private assistant on this computer that gets to know you.",
        epilog=_EPILOG,
    )
    options.add_common(parser, top=True)
    options.add_model(parser, top=True)
    options.add_incognito(parser, top=True)
    parser.add_argument(
        "--plain", action="store_true", help="make a new profile plain, without offering encryption"
    )
    parser.add_argument(
        "-c",
        "--continue",
        dest="resume",
        action="store_true",
        help="begin the chat with the last conversation",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, about in _COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about)
        if name == wanted:
            importlib.import_module(f"pocket_agent.cli.{name}").add_arguments(command)
            for each in _with_parts(command):
                options.add_common(each)
    return parser


def _with_parts(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """A command's parser and those of its sub-commands."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [part for sub in action.choices.values() for part in _with_parts(sub)]
    return found
