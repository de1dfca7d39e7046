"""From a command's options to folders, settings, an open profile and the words to work on."""

import argparse
import contextlib
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pocket_agent.cli.options import leaves_no_trace
from pocket_agent.cli.output import narrate
from pocket_agent.cli.passphrases import passphrase_for
from pocket_agent.config import Settings, load_settings
from pocket_agent.errors import PocketAgentError, StoreError
from pocket_agent.paths import Locations, locate

if TYPE_CHECKING:
    from pocket_agent.assistant.opening import Choice
    from pocket_agent.memory.store import Store

MOST_INPUT = 16 * 1024 * 1024
"""Bytes read from a pipe; no model's context holds more."""
_PATIENCE_S = 1.0


def open_home(arguments: argparse.Namespace) -> tuple[Locations, Settings]:
    """The folders, made if need be (never in incognito), and the settings in them."""
    locations = locate(arguments.home)
    if not leaves_no_trace(arguments):
        locations.prepare()
    if exposed := locations.exposed():
        narrate(f"others on this computer can read {exposed[0]}: close it to them (chmod go=)")
    return locations, load_settings(locations.config)


def profile_name(arguments: argparse.Namespace, settings: Settings) -> str:
    """The profile that was named, or the one in use."""
    return arguments.profile or settings.profile


def open_store(
    arguments: argparse.Namespace, *, make: bool = False, writes: bool = False
) -> "Store":
    """The store of the chosen profile.

    Args:
        make: make a profile that isn't there; otherwise only the one in use is made.
        writes: something is to be changed (as with `make`), so that a full disk is a failure.

    Raises:
        DiskFullError: there is no room for what is to be written.
        StoreError: there is no such profile, or it can't be used.
    """
    from pocket_agent.memory.faults import to_read_alone
    from pocket_agent.memory.store import Store

    locations, settings = open_home(arguments)
    name = profile_name(arguments, settings)
    path = locations.profile(name)
    if name != settings.profile and not path.exists():
        if not make:
            raise no_profile(name)
        narrate(f"making the profile {name!r}")
    is_new = not path.exists()
    store = Store.open(path, key=passphrase_for(arguments, settings, path))
    if is_new and (make or writes) and store.key is None:
        tell_plain(name, settings)
    if store.read_only:
        refusal = to_read_alone(path)
        if make or writes:
            store.close()
            raise refusal
        narrate(str(refusal))
    return store


def tell_plain(name: str, settings: Settings) -> None:
    """Say to who sits there, once, that a profile that was just made is not encrypted."""
    if settings.offer_encryption and _somebody_reads():
        narrate(f"the profile {name!r} is not encrypted: pocket-agent profile encrypt does that")


def _somebody_reads() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def no_profile(name: str) -> StoreError:
    """The complaint that a profile isn't there."""
    return StoreError(
        f"There is no profile {name!r}", f"Make it with: pocket-agent profile create {name}"
    )


def choose_model(
    arguments: argparse.Namespace, settings: Settings, chat_tokens: int = 0
) -> "Choice":
    """Which model to load and how, from the options and the settings.

    Args:
        chat_tokens: size of the chat context; 0 takes the setting.
    """
    from pocket_agent.assistant.opening import Choice

    return Choice(
        model=arguments.model or settings.model,
        chat_tokens=chat_tokens or settings.chat_tokens,
        gpu_layers=settings.gpu_layers if arguments.gpu_layers is None else arguments.gpu_layers,
        device=arguments.device or settings.device,
        requantize=settings.requantize and not arguments.no_requantize,
        threads=settings.threads,
        unsure=settings.candidates == "unsure",
        policy_model=settings.policy_model,
    )


class Narrator:
    """Says each step of loading a model once."""

    def __init__(self) -> None:
        self._said = {"Checking the model"}  # takes milliseconds

    def __call__(self, what: str, _done: float) -> None:
        if what not in self._said:
            self._said.add(what)
            narrate(what[:1].lower() + what[1:])


def typed(words: list[str]) -> str:
    """Words of the command line as text; bytes that are no text become question marks."""
    return " ".join(words).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_pipe() -> str:
    """What is piped in; empty if the standard input is a terminal or closed.

    Raises:
        PocketAgentError: it is too much, or can't be read.
    """
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return ""
    try:
        if not _has_come(_PATIENCE_S):
            narrate("waiting for the end of the standard input (none: </dev/null)")
        data = sys.stdin.buffer.read(MOST_INPUT + 1)
    except OSError as error:
        raise PocketAgentError(
            f"The standard input can't be read ({error.strerror or error})"
        ) from error
    if len(data) > MOST_INPUT:
        raise PocketAgentError(
            f"The standard input holds more than {MOST_INPUT // 2**20} MB", "Pipe in less."
        )
    return data.decode("utf-8", "replace")


def as_path(text: str) -> Path:
    """A path that a person typed."""
    return Path(text).expanduser()


def erase(path: Path) -> None:
    """Write zeros over a profile's files, and take them away, while nobody else has it open.

    Raises:
        StoreError: they can't be deleted.
    """
    from pocket_agent.memory.lock import StoreLock
    from pocket_agent.memory.replacing import wipe_files

    try:
        with StoreLock(path):
            wipe_files(path)
        path.with_name(path.name + ".lock").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path.name} can't be deleted ({error.strerror or error})", "Check the permissions."
        ) from error


def _has_come(patience: float) -> bool:
    """Whether there is input (or its end) within that many seconds; True where unknown."""
    with contextlib.suppress(OSError, ValueError):
        return bool(select.select([sys.stdin.buffer], [], [], patience)[0])
    return True
