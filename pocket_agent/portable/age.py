"""The age file format (age-encryption.org/v1): exports for one passphrase, or for people's keys.

`pyrage` does what keys open, and is imported when that is asked for; `age_words` does passphrases.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pocket_agent.errors import PocketAgentError, PortableError, UsageError
from pocket_agent.portable import age_words
from pocket_agent.portable.age_words import MAGIC
from pocket_agent.portable.pouring import Poured, Writer

ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
SUFFIX = ".age"
_MAX_TEXT = 64 * 1024**2
"""Bytes; a file that was made text and has a passphrase is taken apart in memory."""
_MAX_KEY_FILE = 1024**2
_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Seal:
    """For whom a file is encrypted: who has the passphrase, or one of the recipients' keys.

    Args:
        recipients: public keys, `age1…` or `ssh-ed25519 …` or `ssh-rsa …`.
    """

    passphrase: str = ""
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens an encrypted file.

    Args:
        passphrase: asked only if the file has one. identity: file of private keys.
    """

    passphrase: Callable[[], str] | None = None
    identity: Path | None = None


def is_age(head: bytes) -> bool:
    """Whether a file that begins so is encrypted in this format."""
    return head.startswith((MAGIC, ARMOR))


def plain_name(path: Path) -> str:
    """The file's name without what says that it is encrypted."""
    return path.name.lower().removesuffix(SUFFIX)


def check_name(path: Path, seal: Seal | None) -> None:
    """See that no plain file gets a name that says it is encrypted, and that the keys are keys.

    Raises:
        UsageError: it would. PortableError: a recipient is no public key.
    """
    if seal is None and path.name.lower().endswith(SUFFIX):
        raise UsageError(
            f"{path.name} is to be encrypted, but nothing is given to do it with",
            "A passphrase, or --recipient KEY.",
        )
    if seal is not None:
        check_recipients(seal.recipients)


def unknown(path: Path) -> PortableError:
    """What to say of an encrypted file where an export is to go."""
    return PortableError(
        f"{path} is there already, and nobody can see whether it is an export",
        "Delete it first, or choose another name.",
    )


def encrypt(data: bytes, seal: Seal) -> bytes:
    """The encrypted file of `data`.

    Raises:
        PortableError: no passphrase and no recipient, or one that is no public key.
    """
    if bool(seal.passphrase) is bool(seal.recipients):
        raise PortableError(
            "A file is encrypted for a passphrase or for recipients, for one of both"
        )
    if seal.passphrase:
        return age_words.encrypt(data, seal.passphrase)
    import pyrage

    return bytes(pyrage.encrypt(data, [_recipient(text) for text in seal.recipients]))


def check_recipients(recipients: tuple[str, ...]) -> None:
    """See that each is a public key, before anything is done.

    Raises:
        PortableError: one is not.
    """
    for text in recipients:
        _recipient(text)


@contextmanager
def opened(path: Path, stream: BinaryIO, keys: Keys | None) -> Iterator[BinaryIO]:
    """What an encrypted file holds, to be read. Nothing of it is written anywhere in plain.

    It is opened as it is read, whatever its size.

    Args:
        path: its name, for messages. stream: the file, at its start.

    Raises:
        PortableError: damaged, the passphrase is wrong, or no key of ours opens it; perhaps only
            when it is read.
    """
    keys = keys or Keys()
    head = stream.read(2 * _HEAD)
    stream.seek(0)
    if _takes_words(path, head):
        if keys.passphrase is None or keys.identity is not None:
            raise PortableError(f"{path.name} is encrypted with a passphrase", "Give that.")
        with _by_words(path, stream, keys.passphrase) as plain:
            yield plain
        return
    if keys.identity is None:
        raise PortableError(
            f"{path.name} is encrypted to somebody's key", "Name the key: --identity FILE."
        )
    with (
        _explained(f"No key in {keys.identity.name} opens {path.name}", "Is it damaged?"),
        _poured(_by_key(stream, _identities(keys.identity))) as plain,
    ):
        yield plain


def _by_key(stream: BinaryIO, identities: list[Any]) -> Callable[[Writer], None]:
    import pyrage

    def pour(writer: Writer) -> None:
        pyrage.decrypt_io(stream, writer, identities)

    return pour


def _poured(pour: Callable[[Writer], None]) -> BufferedReader:
    return BufferedReader(Poured(pour), _HEAD)


@contextmanager
def _by_words(path: Path, stream: BinaryIO, passphrase: Callable[[], str]) -> Iterator[BinaryIO]:
    stream = _binary(path, stream)
    head = age_words.parse_head(stream.read(age_words.MAX_HEAD))
    if head is None:
        raise _damaged(path)
    if head.work > age_words.HARDEST:
        raise PortableError(
            f"{path.name} asks for 2^{head.work} rounds of work",
            "No export of ours does. Open it with age, and import what comes out.",
        )
    with _explained(f"The passphrase is wrong, or {path.name} is damaged", "Try it again."):
        key = age_words.unlock(head, passphrase())
        stream.seek(head.size)

        def pour(writer: Writer) -> None:
            for piece in age_words.contents(stream, key):
                writer.write(piece)

        with _poured(pour) as plain:
            yield plain


def _binary(path: Path, stream: BinaryIO) -> BinaryIO:
    """The file as bytes, if it was made text too."""
    armored = stream.read(len(ARMOR)) == ARMOR
    stream.seek(0)
    if not armored:
        return stream
    if path.stat().st_size > _MAX_TEXT:
        raise PortableError(
            f"{path.name} is text, and too large for that", "Encrypt it as bytes (without -a)."
        )
    try:
        return BytesIO(base64.b64decode(b"".join(stream.read().split(b"-----")[2].split())))
    except (binascii.Error, ValueError, IndexError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> PortableError:
    return PortableError(f"{path.name} is damaged: its head can't be read", "Get it once more.")


def _takes_words(path: Path, data: bytes) -> bool:
    """Whether it takes a passphrase, as its head has it."""
    head = _unarmored(data) if data.startswith(ARMOR) else data[:_HEAD]
    lines = head.split(b"\n")
    if lines[0] + b"\n" != MAGIC or not any(line.startswith(b"--- ") for line in lines):
        raise _damaged(path)
    return any(line.startswith(b"-> scrypt") for line in lines)


def _unarmored(data: bytes) -> bytes:
    """The beginning of a file that was made text."""
    text = b"".join(data[: 2 * _HEAD].split(b"-----")[2].split())
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])[:_HEAD]
    except (binascii.Error, ValueError):
        return b""


def _recipient(text: str) -> Any:
    import pyrage

    words = text.strip()
    kind = pyrage.ssh.Recipient if words.startswith("ssh-") else pyrage.x25519.Recipient
    with _explained(f"{words[:20]}… is no public key", "It begins with age1 or ssh-."):
        return kind.from_str(words)


def _identities(path: Path) -> list[Any]:
    import pyrage

    try:
        if not path.is_file() or path.stat().st_size > _MAX_KEY_FILE:
            raise PortableError(f"{path} is no file of keys", "Name the file of your private key.")
        data = path.read_bytes()
    except OSError as error:
        raise PortableError(
            f"{path} can't be read ({error.strerror or error})", "Check the name."
        ) from error
    with _explained(f"{path.name} holds no private key", "It is one of age's or of SSH's."):
        if b"-----BEGIN" in data[:_HEAD]:
            return [pyrage.ssh.Identity.from_buffer(data)]
        lines = [line.strip() for line in data.decode().splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        if not keys:
            raise ValueError("it is empty")
        return [pyrage.x25519.Identity.from_str(key) for key in keys]


@contextmanager
def _explained(what: str, todo: str) -> Iterator[None]:
    """Tell any failure of the library, a panic of its native code too, in our words."""
    try:
        yield
    except (PocketAgentError, KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit):
        raise
    except BaseException as error:
        raise PortableError(what, todo) from error
