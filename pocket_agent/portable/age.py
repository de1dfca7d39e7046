"""The age file format (age-encryption.org/v1): exports for one passphrase, or for people's keys.

`pyrage` does the cryptography; it is imported when a file is encrypted or opened, not before.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pocket_agent.errors import PocketAgentError, PortableError, UsageError
from pocket_agent.portable.pouring import Poured, Writer

MAGIC = b"age-encryption.org/v1\n"
ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
SUFFIX = ".age"
MAX_WORDED = 512 * 1024**2
"""Bytes; the library opens what has a passphrase in memory alone, the file and what it holds."""
_MAX_KEY_FILE = 1024**2
_HEAD = 64 * 1024
_HARDEST = 20
"""2^n rounds of scrypt: more would hold a computer up for seconds and take gigabytes."""
_WORK = range(16, 19)
_TRIES = 5
_SCRYPT = re.compile(rb"-> scrypt [A-Za-z0-9+/]{22} ([1-9][0-9]?)")


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
    import pyrage

    if bool(seal.passphrase) is bool(seal.recipients):
        raise PortableError(
            "A file is encrypted for a passphrase or for recipients, for one of both"
        )
    if seal.passphrase:
        return _with_passphrase(data, seal.passphrase)
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

    A file for a key is opened as it is read, whatever its size; one with a passphrase in memory.

    Args:
        path: its name, for messages. stream: the file, at its start.

    Raises:
        PortableError: damaged, the passphrase is wrong, or no key of ours opens it; perhaps only
            when it is read.
    """
    keys = keys or Keys()
    head = stream.read(2 * _HEAD)
    stream.seek(0)
    if _check_head(path, head):
        if keys.passphrase is None or keys.identity is not None:
            raise PortableError(f"{path.name} is encrypted with a passphrase", "Give that.")
        if path.stat().st_size > MAX_WORDED:
            raise PortableError(
                f"{path.name} is too large to be opened with a passphrase",
                "Export it for a key (--recipient).",
            )
        yield BytesIO(_by_passphrase(path, stream, head, keys.passphrase()))
        return
    if keys.identity is None:
        raise PortableError(
            f"{path.name} is encrypted to somebody's key", "Name the key: --identity FILE."
        )
    with _explained(f"No key in {keys.identity.name} opens {path.name}", "Is it damaged?"):
        poured = Poured(_by_key(stream, _identities(keys.identity)))
        with BufferedReader(poured, _HEAD) as plain:
            yield plain


def _by_key(stream: BinaryIO, identities: list[Any]) -> Callable[[Writer], None]:
    import pyrage

    def pour(writer: Writer) -> None:
        pyrage.decrypt_io(stream, writer, identities)

    return pour


def _with_passphrase(data: bytes, passphrase: str) -> bytes:
    """Encrypted with about as much work as age itself asks for.

    The library takes what this computer does in a second, by one measurement: on a busy one that is
    anything from far too little to more than another computer is willing to do.
    """
    import pyrage

    made = b""
    for _ in range(_TRIES):
        made = bytes(pyrage.passphrase.encrypt(data, passphrase))
        found = _SCRYPT.match(made[len(MAGIC) : _HEAD])
        if found is not None and int(found[1]) in _WORK:
            break
    return made


def _by_passphrase(path: Path, stream: BinaryIO, head: bytes, passphrase: str) -> bytes:
    """All that the file holds. A large file is read only once its head has opened."""
    import pyrage

    with _explained(f"The passphrase is wrong, or {path.name} is damaged", "Try it again."):
        size = path.stat().st_size
        if size > 16 * len(head):
            _see_it_opens(head, passphrase)
        for _ in range(_TRIES):
            try:
                return bytes(pyrage.passphrase.decrypt(stream.read(), passphrase))
            except pyrage.DecryptError as error:
                if "Excessive work" not in str(error):  # else it measures again
                    raise
                stream.seek(0)
    raise PortableError(
        f"Opening {path.name} takes more work than this computer does just now",
        "Try again when it is less busy.",
    )


def _see_it_opens(head: bytes, passphrase: str) -> None:
    """Raise what the library says of a wrong passphrase; that the rest is missing is no matter."""
    import pyrage

    try:
        pyrage.passphrase.decrypt(head, passphrase)
    except pyrage.DecryptError as error:
        if str(error) == "Decryption failed":
            raise


def _check_head(path: Path, data: bytes) -> bool:
    """Whether it takes a passphrase; refuses what would take minutes to try."""
    damaged = PortableError(f"{path.name} is damaged: its head can't be read", "Get it once more.")
    head = _unarmored(data) if data.startswith(ARMOR) else data[:_HEAD]
    lines = head.split(b"\n")
    if lines[0] + b"\n" != MAGIC or not any(line.startswith(b"--- ") for line in lines):
        raise damaged
    if not any(line.startswith(b"-> scrypt") for line in lines):
        return False
    found = _SCRYPT.fullmatch(lines[1])
    if found is None:
        raise damaged
    if int(found[1]) > _HARDEST:
        raise PortableError(
            f"{path.name} asks for 2^{int(found[1])} rounds of work", "No export of ours does."
        )
    return True


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
