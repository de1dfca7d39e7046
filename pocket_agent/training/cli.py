"""`pocket-agent-train`: one sub-command for each step of the training.

A sub-command's module is imported when it is called, so that the list of them costs nothing.
"""

import argparse
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from pocket_agent.errors import PocketAgentError, UsageError

PROGRAM = "pocket-agent-train"


class Command(Protocol):
    """What the module of a sub-command offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""

    def main(self, arguments: argparse.Namespace) -> int:
        """Run it; returns the exit code."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a sub-command lives, and its line in the help."""

    module: str
    about: str


COMMANDS: dict[str, Entry] = {
    "simulate": Entry("simulator.command", "write labelled conversations; check and measure them"),
    "sft": Entry("sft", "warm start: supervised training on labelled turns"),
    "grpo": Entry("grpo", "reinforcement learning on single turns"),
    "evaluate": Entry("evaluation.report", "score policies on labelled turns"),
    "average": Entry("average", "an adapter between two, one trained on from the other"),
    "export": Entry("export", "write the trained weights as GGUF"),
    "all": Entry("pipeline", "all of these in order; what is done is skipped"),
    "ship": Entry("ship", "put a trained policy into models/"),
}


def main(argv: list[str] | None = None) -> int:
    """Run a sub-command.

    Args:
        argv: the arguments after the program's name; None takes those of the process.

    Returns:
        0 fine, 1 a failure, 2 wrong usage, 130 interrupted.
    """
    given = sys.argv[1:] if argv is None else argv
    chosen = _overview().parse_args(given[:1]).command
    try:
        return _run(chosen, given[1:])
    except PocketAgentError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


def _overview() -> argparse.ArgumentParser:
    lines = [f"  {name:<10}{entry.about}" for name, entry in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Train the policy that keeps the profile.",
        epilog="commands:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="what to do")
    return parser


def _run(name: str, rest: list[str]) -> int:
    entry = COMMANDS[name]
    command = _load(name, entry)
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} {name}", description=entry.about)
    command.add_arguments(parser)
    return command.main(parser.parse_args(rest))


def _load(name: str, entry: Entry) -> Command:
    path = f"pocket_agent.training.{entry.module}"
    try:
        return cast(Command, import_module(path))
    except ModuleNotFoundError as error:
        if error.name == path:
            raise UsageError(f"{name} is not part of this installation") from error
        raise UsageError(
            f"{name} needs the package {error.name}", "Install pocket-agent[train]."
        ) from error
