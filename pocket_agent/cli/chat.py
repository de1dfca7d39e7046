"""`pocket-agent` alone: the chat in the terminal."""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pocket_agent.cli.opening import no_profile, open_home, profile_name
from pocket_agent.cli.options import leaves_no_trace
from pocket_agent.cli.passphrases import passphrase_for
from pocket_agent.config import save_settings
from pocket_agent.errors import UsageError

if TYPE_CHECKING:
    from pocket_agent.paths import Locations
    from pocket_agent.tui.options import TuiOptions


def _save(path: Path, name: str, value: object) -> None:
    save_settings(path, {name: value})


def rewrite_under(path: Path, passphrase: str) -> None:
    """Encrypt a plain profile that is there already."""
    from pocket_agent.memory.encryption import rewrite

    rewrite(path, None, passphrase)


def open_chat(arguments: argparse.Namespace) -> int:
    """Open the TUI; returns its exit code."""
    check_terminal()
    from pocket_agent.tui import run

    return run(*tui_options(arguments))


def check_terminal() -> None:
    """Raise a UsageError where there is no terminal for the chat."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The chat needs a terminal", "In a script use: pocket-agent ask TEXT")


def tui_options(arguments: argparse.Namespace) -> "tuple[Locations, str, TuiOptions]":
    """Where the chat is to open which profile, and how it is to behave.

    Raises:
        StoreError: a profile that was named is not there, and none may be made.
    """
    from pocket_agent.memory.cipher import is_plain
    from pocket_agent.tui.options import TuiOptions
    from pocket_agent.tui.terminal import wants_ascii

    locations, settings = open_home(arguments)
    name, blank = profile_name(arguments, settings), arguments.blank
    silent = leaves_no_trace(arguments)
    path = locations.profile(name)
    new, named = not path.exists(), name != settings.profile
    if new and named and silent and not blank:
        raise no_profile(name)
    key = None if blank else passphrase_for(arguments, settings, path, ask=False)
    first = not (named or any(locations.profiles.glob("*.db")))
    may_offer = settings.offer_encryption and not arguments.plain
    open_to_all = not blank and is_plain(path)
    offers = (new or open_to_all) and key is None and not silent and may_offer
    options = TuiOptions(
        theme=settings.theme,
        ascii=wants_ascii(settings.glyphs, os.environ),
        enter_sends=settings.enter_sends,
        keys=settings.keys,
        panel=settings.panel,
        key=key,
        session=getattr(arguments, "session", None),
        turn=getattr(arguments, "turn", ""),
        resume=settings.resume or arguments.resume,
        lock_after_s=60.0 * settings.lock_after_minutes,
        model=arguments.model or settings.model,
        chat_tokens=settings.chat_tokens,
        gpu_layers=settings.gpu_layers if arguments.gpu_layers is None else arguments.gpu_layers,
        device=arguments.device or settings.device,
        requantize=settings.requantize and not arguments.no_requantize,
        threads=settings.threads,
        ask=settings.ask,
        unsure=settings.candidates == "unsure",
        policy_model=settings.policy_model,
        summarises=settings.when_full == "summarise",
        seed=settings.seed,
        learn=settings.learn,
        incognito=silent,
        blank=blank,
        welcomes=new and not silent and settings.ask,
        new_profile=new and named and not silent,
        save=None if silent else partial(_save, locations.config),
        offers_encryption=offers,
        introduces=offers and new and first,
        encrypt_existing=partial(rewrite_under, path) if open_to_all else None,
        decline_encryption=partial(_save, locations.config, "offer_encryption", False),
    )
    return locations, name, options
