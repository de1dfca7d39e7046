"""`profile encrypt`, `decrypt`, `passphrase`: who can read a profile's file."""

import argparse
from pathlib import Path

from pocket_agent.cli import key_store, options, passphrases
from pocket_agent.cli.opening import no_profile, open_home, profile_name
from pocket_agent.cli.output import narrate, put_line
from pocket_agent.cli.passphrases import passphrase_for
from pocket_agent.config import Settings, save_settings
from pocket_agent.errors import PocketAgentError, StoreError
from pocket_agent.paths import Locations

_BY_SCRIPT = "Type it at a terminal, or give it in POCKET_AGENT_PASSPHRASE or by --passphrase-fd N."
_NEW_BY_SCRIPT = (
    "Type it at a terminal, or give it in POCKET_AGENT_NEW_PASSPHRASE or by --new-passphrase-fd N."
)


def add_remember(parser: argparse.ArgumentParser) -> None:
    """Whether the system's key store is to keep the passphrase."""
    parser.add_argument(
        "--remember", action="store_true", help="keep the passphrase in the system's key store"
    )


def add_change(parser: argparse.ArgumentParser) -> None:
    """The options of `profile passphrase`."""
    parser.add_argument(
        "--remember",
        action=argparse.BooleanOptionalAction,
        help="keep the passphrase in the system's key store, or take it out",
    )
    parser.add_argument(
        "--new-passphrase-fd",
        metavar="N",
        type=options.descriptor,
        help="read the new passphrase from this file descriptor",
    )


def create(arguments: argparse.Namespace, locations: Locations, path: Path) -> None:
    """Make a new encrypted profile."""
    from pocket_agent.memory.store import Store

    if arguments.remember:
        key_store.recall(path)  # no key store: told before anything is made
    chosen = passphrases.choose(passphrases.given(arguments), _BY_SCRIPT)
    Store.open(path, key=chosen).close()
    if arguments.remember:
        _remember(locations, path, chosen)


def encrypt(arguments: argparse.Namespace) -> int:
    """Encrypt a plain profile."""
    from pocket_agent.memory.cipher import is_encrypted
    from pocket_agent.memory.encryption import rewrite

    locations, _, path = _chosen(arguments)
    if is_encrypted(path):
        raise StoreError(
            f"{path.stem!r} is encrypted already", "`profile passphrase` changes its passphrase."
        )
    _check_readable(path)
    if arguments.remember:
        key_store.recall(path)
    chosen = passphrases.choose(passphrases.given(arguments), _BY_SCRIPT)
    rewrite(path, None, chosen)
    narrate("Encrypted. Exports and backups made before are not; a drive may keep old blocks.")
    if arguments.remember:
        _remember(locations, path, chosen)
    put_line(path.stem)
    return 0


def decrypt(arguments: argparse.Namespace) -> int:
    """Make an encrypted profile a plain one."""
    from pocket_agent.memory.encryption import rewrite

    locations, settings, path = _chosen(arguments)
    _must_be_encrypted(path)
    rewrite(path, passphrase_for(arguments, settings, path), None)
    if settings.offer_encryption:  # that is an answer to the chat's offer
        save_settings(locations.config, {"offer_encryption": False})
    if settings.key_store:
        forget(path)
    narrate("Decrypted: whoever can read your files can read this profile.")
    put_line(path.stem)
    return 0


def change(arguments: argparse.Namespace) -> int:
    """Give an encrypted profile another passphrase."""
    from pocket_agent.memory.encryption import rewrite
    from pocket_agent.memory.store import Store

    locations, settings, path = _chosen(arguments)
    _must_be_encrypted(path)
    with Store.open(path, key=passphrase_for(arguments, settings, path)) as store:
        key = store.key  # a wrong passphrase is told before a new one is asked for
    keep = arguments.remember
    if keep:
        key_store.recall(path)
    elif keep is None:
        keep = settings.key_store and _is_remembered(path)
    chosen = passphrases.choose(passphrases.given_new(arguments), _NEW_BY_SCRIPT)
    rewrite(path, key, chosen)
    narrate("It opens with the new passphrase from now on.")
    if keep:
        _remember(locations, path, chosen)
    if arguments.remember is False:
        forget(path)
    put_line(path.stem)
    return 0


def forget(path: Path) -> None:
    """Take a passphrase that opens nothing any more out of the key store, if that can be done."""
    try:
        key_store.forget(path)
    except PocketAgentError as error:
        narrate(str(error))


def _chosen(arguments: argparse.Namespace) -> tuple[Locations, Settings, Path]:
    locations, settings = open_home(arguments)
    name = profile_name(arguments, settings)
    path = locations.profile(name)
    if not path.exists():
        raise no_profile(name)
    return locations, settings, path


def _check_readable(path: Path) -> None:
    """See that it is a profile and in nobody's hands before anything is asked."""
    from pocket_agent.memory.store import Store

    Store.open(path, create=False).close()


def _must_be_encrypted(path: Path) -> None:
    from pocket_agent.memory.cipher import is_encrypted

    if not is_encrypted(path):
        raise StoreError(f"{path.stem!r} is not encrypted", "`profile encrypt` does that.")


def _remember(locations: Locations, path: Path, passphrase: str) -> None:
    key_store.remember(path, passphrase)
    save_settings(locations.config, {"key_store": True})


def _is_remembered(path: Path) -> bool:
    try:
        return key_store.recall(path) is not None
    except PocketAgentError:
        return False
