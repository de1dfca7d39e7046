"""Where a passphrase comes from: a descriptor, the environment, the key store, or a prompt.

Never from the command line, which every user of a computer can read.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pocket_agent.cli.output import narrate
from pocket_agent.errors import PassphraseError, PocketAgentError, UsageError
from pocket_agent.secrecy import (
    FILE_PASSPHRASE,
    NEW_PASSPHRASE,
    passphrase_from_environment,
)

if TYPE_CHECKING:
    from pocket_agent.config import Settings

_LONGEST = 4096  # bytes
_SHORT = 12  # characters; fewer are soon guessed by who has the file
OTHERWISE_FILE = "Give its passphrase in POCKET_AGENT_FILE_PASSPHRASE or by --file-passphrase-fd N."
_OTHERWISE = "Give its passphrase in POCKET_AGENT_PASSPHRASE or by --passphrase-fd N."


def passphrase_for(
    arguments: argparse.Namespace, settings: "Settings", path: Path, *, ask: bool = True
) -> str | None:
    """What opens a profile's file, or is to close one that isn't there yet; None for a plain one.

    An empty one is passed on as it is, and refused: it must not quietly make a plain file.

    Args:
        ask: where nothing else gives it, ask for it at the terminal.

    Raises:
        PassphraseError: it is encrypted, and there is nobody to ask.
    """
    from pocket_agent.memory.cipher import head_of, is_encrypted

    if not is_encrypted(path):
        return None if head_of(path) else given(arguments)
    found = given(arguments)
    if found is None and settings.key_store:
        found = _from_key_store(path)
    if found is None and ask:
        if not _somebody_there():
            raise PassphraseError(f"The profile {path.stem!r} is encrypted", _OTHERWISE)
        found = ask_for(f"Passphrase of {path.stem!r}: ")
    return found


def given(arguments: argparse.Namespace) -> str | None:
    """The passphrase of a descriptor or the environment."""
    from_descriptor: str | None = getattr(arguments, "passphrase", None)
    return passphrase_from_environment() if from_descriptor is None else from_descriptor


def given_new(arguments: argparse.Namespace) -> str | None:
    """The passphrase that is to take the place of another, from a descriptor or the environment."""
    if arguments.new_passphrase_fd is not None:
        return read_line(arguments.new_passphrase_fd)
    return passphrase_from_environment(NEW_PASSPHRASE)


def given_for_file(arguments: argparse.Namespace) -> str | None:
    """The passphrase of an export: its own, or else the one that was given for the profile."""
    if arguments.file_passphrase_fd is not None:
        return read_line(arguments.file_passphrase_fd)
    own = passphrase_from_environment(FILE_PASSPHRASE)
    return given(arguments) if own is None else own


def ask_for_file(name: str) -> str:
    """Ask at the terminal for the passphrase of an export.

    Raises:
        PassphraseError: there is nobody to ask.
    """
    if not _somebody_there():
        raise PassphraseError(f"{name} is encrypted", OTHERWISE_FILE)
    return ask_for(f"Passphrase of {name}: ")


def choose(found: str | None, otherwise: str, what: str = "profile") -> str:
    """A new passphrase: the one that was given, or one that is typed twice.

    Args:
        found: from a descriptor or the environment. otherwise: how a script gives it.
        what: what it is for.

    Raises:
        PocketAgentError: none is given and nobody can be asked, or the two differ.
    """
    narrate(f"Without its passphrase nobody can open an encrypted {what}: forgotten means lost.")
    if found is None:
        if not _somebody_there():
            raise PocketAgentError("A new passphrase is needed", otherwise)
        found = ask_for("New passphrase: ")
        if found and found != ask_for("The same again: "):
            raise PocketAgentError("The two are not the same", "Nothing was changed: try again.")
        if 0 < len(found) < _SHORT:
            narrate("That is short: four or more random words are far harder to guess.")
    if not found:
        raise PocketAgentError("The passphrase is empty", "Nothing was changed.")
    return found


def ask_for(question: str) -> str:
    """Ask for a passphrase at the terminal, without showing what is typed."""
    import getpass

    try:
        return getpass.getpass(question)
    except (EOFError, OSError) as error:
        raise PocketAgentError("No passphrase was typed", _OTHERWISE) from error


def read_line(number: int) -> str:
    """One line of a file descriptor, without its end; what follows it stays unread.

    Raises:
        UsageError: it is not open for reading. PocketAgentError: that is no passphrase.
    """
    line = bytearray()
    try:
        while len(line) <= _LONGEST and (piece := os.read(number, 1)) not in (b"", b"\n"):
            line += piece
    except OSError as error:
        raise UsageError(
            f"File descriptor {number} can't be read ({error.strerror or error})",
            "Open it for reading, such as: --passphrase-fd 3 3< FILE",
        ) from error
    if len(line) > _LONGEST:
        raise PocketAgentError(f"The passphrase has more than {_LONGEST} bytes")
    try:
        return line.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        raise PocketAgentError("The passphrase is not UTF-8 text") from error


def _from_key_store(path: Path) -> str | None:
    from pocket_agent.cli import key_store

    try:
        found = key_store.recall(path)
    except PocketAgentError as error:
        narrate(str(error))
        return None
    if found is not None:
        narrate("the passphrase is the key store's")
    return found


def _somebody_there() -> bool:
    """Whether a person sits at a terminal; without one, getpass would read the standard input."""
    streams = (sys.stdin, sys.stderr)
    return any(stream is not None and not stream.closed and stream.isatty() for stream in streams)
