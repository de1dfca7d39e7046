"""Passphrases in the system's own key store (macOS Keychain, Windows, Secret Service), if wanted.

`keyring` is imported only when a person has asked for it: it starts up the system's services.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pocket_agent.errors import PocketAgentError

if TYPE_CHECKING:
    from types import ModuleType

_SERVICE = "pocket-agent"


def recall(path: Path) -> str | None:
    """The passphrase of a profile's file, or None if it was never remembered.

    Raises:
        PocketAgentError: there is no key store.
    """
    with _keyring() as keyring:
        found = keyring.get_password(_SERVICE, _name(path))
    return None if found is None else str(found)


def remember(path: Path, passphrase: str) -> None:
    """Keep a passphrase. Raises PocketAgentError if there is no key store."""
    with _keyring() as keyring:
        keyring.set_password(_SERVICE, _name(path), passphrase)


def forget(path: Path) -> None:
    """Drop a passphrase, if it is there. Raises PocketAgentError if there is no key store."""
    with _keyring() as keyring:
        if keyring.get_password(_SERVICE, _name(path)) is not None:
            keyring.delete_password(_SERVICE, _name(path))


def _name(path: Path) -> str:
    """Several homes may each have a profile of one name."""
    return str(path.absolute())


@contextmanager
def _keyring() -> "Iterator[ModuleType]":
    try:
        import keyring
        from keyring.core import recommended
        from keyring.errors import KeyringError
    except ImportError as error:
        raise _unusable("keyring is not installed") from error
    try:
        backend = keyring.get_keyring()
        if not recommended(backend):
            raise _unusable(f"{backend.name} is not a safe one")
        yield keyring
    except (KeyringError, OSError, RuntimeError) as error:
        # Their messages may run over many lines, and some name what was to be stored.
        raise _unusable(type(error).__name__) from error


def _unusable(why: str) -> PocketAgentError:
    return PocketAgentError(
        f"No key store of this system can be used ({why})",
        "Type the passphrase, or give it in POCKET_AGENT_PASSPHRASE or by --passphrase-fd N.",
    )
