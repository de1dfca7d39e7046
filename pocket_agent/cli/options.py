"""Options that several commands share. They count before and after the command's name."""

import argparse

from pocket_agent import __version__


def add_common(parser: argparse.ArgumentParser, *, top: bool = False) -> None:
    """Where the state is, which profile, which version.

    Args:
        top: this is the parser of the whole program, which sets the defaults. A command's parser
            must not: its defaults would cover what was said before the command's name.
    """
    default = None if top else argparse.SUPPRESS
    parser.add_argument("--version", action="version", version=f"pocket-agent {__version__}")
    parser.add_argument(
        "--home",
        metavar="DIR",
        default=default,
        help="folder that holds everything (or POCKET_AGENT_HOME)",
    )
    parser.add_argument(
        "--profile", metavar="P", default=default, help="another profile than the one in use"
    )
    parser.add_argument(
        "--passphrase-fd",
        metavar="N",
        type=descriptor,
        default=default,
        help="read the passphrase of an encrypted profile from this file descriptor",
    )


def add_model(parser: argparse.ArgumentParser, *, top: bool = False) -> None:
    """Which model, and whether it may be copied into a faster form."""
    parser.add_argument(
        "-m",
        "--model",
        metavar="M",
        default="" if top else argparse.SUPPRESS,
        help="another model than the one in use: its name in `models list`, or a GGUF file",
    )
    parser.add_argument(
        "--no-requantize",
        action="store_true",
        default=False if top else argparse.SUPPRESS,
        help="run the model's file as it is, without making a faster copy once",
    )
    parser.add_argument(
        "--gpu-layers",
        metavar="N",
        type=layers,
        default=None if top else argparse.SUPPRESS,
        help="layers of the model that a GPU computes: auto (as many as fit), all, a number, 0",
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        default="" if top else argparse.SUPPRESS,
        help="the GPU that computes them, as `doctor` calls it, or cpu",
    )


def add_incognito(parser: argparse.ArgumentParser, *, top: bool = False) -> None:
    """Whether anything of the profile is read, and anything is written."""
    default = False if top else argparse.SUPPRESS
    parser.add_argument(
        "--incognito", action="store_true", default=default, help="read the profile, write nothing"
    )
    parser.add_argument(
        "--blank", action="store_true", default=default, help="read nothing, write nothing"
    )


def leaves_no_trace(arguments: argparse.Namespace) -> bool:
    """Whether nothing at all may be written, not even a folder."""
    return bool(arguments.incognito or arguments.blank)


def _whole(text: str, least: int) -> int:
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is less than {least}")
    return number


def descriptor(text: str) -> int:
    """The number of an open file, as an argument's type."""
    return _whole(text, 0)


descriptor.__name__ = "file descriptor"


def layers(text: str) -> int | str:
    """A number of layers, `auto` or `all`, as an argument's type."""
    word = text.strip().lower()
    if word in ("auto", "all"):
        return word
    return _whole(text, 0)


layers.__name__ = "number of layers"


def count(text: str) -> int:
    """A whole number from 1 up, as an argument's type."""
    return _whole(text, 1)


count.__name__ = "whole number"  # argparse names the type so when it refuses a word
