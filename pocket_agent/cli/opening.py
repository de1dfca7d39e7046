"""From a command's options to folders, settings and an open profile."""

import argparse
import os
import sys
from pathlib import Path

from pocket_agent.config import Settings, load_settings
from pocket_agent.paths import Locations, locate


def open_home(arguments: argparse.Namespace) -> tuple[Locations, Settings]:
    """The folders, made if need be, and the settings in them."""
    locations = locate(arguments.home)
    locations.prepare()
    return locations, load_settings(locations.config)


def profile_name(arguments: argparse.Namespace, settings: Settings) -> str:
    """The profile that was named, or the one in use."""
    return arguments.profile or settings.profile


def passphrase() -> str | None:
    """What opens an encrypted profile, for scripts; None for a plain one."""
    return os.environ.get("POCKET_AGENT_PASSPHRASE") or None


def existing_store(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    """The store of the chosen profile; the first profile is made when it is first used."""
    from pocket_agent.memory.store import Store

    locations, settings = open_home(arguments)
    name = profile_name(arguments, settings)
    first = name == settings.profile
    return Store.open(locations.profile(name), key=passphrase(), create=first)


def narrate(line: str) -> None:
    """Say something beside the data."""
    print(plain(line), file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """The text without control characters: nothing in it can steer a terminal."""
    return "".join(c for c in text if c in "\n\t" or (c.isprintable() or ord(c) > 0x9F))


def read_pipe() -> str:
    """What is piped in; empty if the standard input is a terminal or closed."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return ""
    data = sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    return data.decode("utf-8", "replace")


def as_path(text: str) -> Path:
    """A path that a person typed."""
    return Path(text).expanduser()
