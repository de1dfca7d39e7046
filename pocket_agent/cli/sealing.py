"""Whether and how a file that is written or read is encrypted: `--passphrase`, `--recipient`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pocket_agent.cli.opening import as_path
from pocket_agent.cli.options import descriptor
from pocket_agent.errors import UsageError

if TYPE_CHECKING:
    from pocket_agent.portable.age import Keys, Seal


def add_seal(parser: argparse.ArgumentParser) -> None:
    """For whom a file is encrypted."""
    parser.add_argument(
        "--passphrase",
        dest="with_passphrase",
        action="store_true",
        help="encrypt it with a passphrase (age format)",
    )
    _add_descriptor(parser)
    parser.add_argument(
        "--recipient",
        action="append",
        default=[],
        metavar="KEY",
        help="encrypt it to a public key, age1… or ssh-… (may be given several times)",
    )


def add_keys(parser: argparse.ArgumentParser) -> None:
    """What opens an encrypted file."""
    parser.add_argument(
        "--passphrase",
        dest="with_passphrase",
        action="store_true",
        help="the file opens with a passphrase (it is asked)",
    )
    _add_descriptor(parser)
    parser.add_argument("--identity", metavar="FILE", help="your private key, of age or of SSH")


def seal_for(arguments: argparse.Namespace, path: Path) -> "Seal | None":
    """For whom the file is encrypted; None if for nobody.

    A name that ends in .age asks for it too.
    """
    from pocket_agent.cli import passphrases
    from pocket_agent.portable.age import SUFFIX, Seal, check_recipients

    wanted = arguments.with_passphrase or arguments.file_passphrase_fd is not None
    if arguments.recipient:
        if wanted:
            raise UsageError("A file is encrypted with a passphrase or to keys, not both")
        recipients = tuple(arguments.recipient)
        check_recipients(recipients)
        return Seal(recipients=recipients)
    if not wanted and not path.name.lower().endswith(SUFFIX):
        return None
    found = passphrases.given_for_file(arguments)
    return Seal(passphrases.choose(found, passphrases.OTHERWISE_FILE, "export"))


def keys_for(arguments: argparse.Namespace) -> "Keys":
    """What may open the file: a key, or a passphrase that is asked for when it is needed."""
    from pocket_agent.cli import passphrases
    from pocket_agent.portable.age import Keys

    if arguments.identity:
        if arguments.with_passphrase or arguments.file_passphrase_fd is not None:
            raise UsageError("A file opens with a passphrase or with a key, not both")
        return Keys(identity=as_path(arguments.identity))
    name = Path(arguments.file).name

    def passphrase() -> str:
        found = passphrases.given_for_file(arguments)
        return passphrases.ask_for_file(name) if found is None else found

    return Keys(passphrase)


def _add_descriptor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file-passphrase-fd",
        metavar="N",
        type=descriptor,
        help="read the file's passphrase from this file descriptor "
        "(or: POCKET_AGENT_FILE_PASSPHRASE)",
    )
