"""`pocket-agent` alone: the chat in the terminal."""

import argparse
import sys
from pathlib import Path

from pocket_agent.cli.opening import open_home, profile_name
from pocket_agent.cli.passphrases import passphrase_for
from pocket_agent.config import save_settings
from pocket_agent.errors import UsageError


def _save_theme(path: Path, name: str) -> None:
    save_settings(path, {"theme": name})


def open_chat(arguments: argparse.Namespace) -> int:
    """Open the TUI; returns its exit code."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The chat needs a terminal", "In a script use: pocket-agent ask TEXT")
    from pocket_agent.tui import run
    from pocket_agent.tui.options import TuiOptions

    locations, settings = open_home(arguments)
    name = profile_name(arguments, settings)
    options = TuiOptions(
        theme=settings.theme,
        enter_sends=settings.enter_sends,
        key=passphrase_for(arguments, settings, locations.profile(name), ask=False),
        lock_after_s=60.0 * settings.lock_after_minutes,
        model=arguments.model or settings.model,
        chat_tokens=settings.chat_tokens,
        gpu_layers=settings.offload,
        requantize=settings.requantize and not arguments.no_requantize,
        threads=settings.threads,
        unsure=settings.candidates == "unsure",
        seed=settings.seed,
        learn=settings.learn,
        incognito=arguments.incognito,
        new_profile=name != settings.profile and not locations.profile(name).exists(),
        save_theme=lambda name: _save_theme(locations.config, name),
    )
    return run(locations, name, options)
