"""Keys of encrypted files: from a passphrase to what SQLite3 Multiple Ciphers takes.

An encrypted file begins with a mark of ours and random bytes, where a plain one has SQLite's name.
These 16 bytes are the salt of its key, so that the file is all one needs beside the passphrase. The
cipher itself derives nothing: it gets the raw key. The last byte of the mark names the parameters.
"""

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pocket_agent.errors import StoreError

CIPHER = "chacha20"
_PLAIN = b"SQLite format 3\x00"
_MARK = b"PKA\x01"
_SALT = len(_PLAIN)  # bytes
_COST: dict[str, int] = {"n": 2**15, "r": 8, "p": 3, "maxmem": 2**26, "dklen": 32}
"""scrypt as OWASP's password storage page has it for 32 MB: about a quarter of a second."""


@dataclass(frozen=True, slots=True)
class Key:
    """The raw key of one file: 32 bytes, and the 16 bytes that the file begins with."""

    raw: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The key in the cipher's own notation."""
        return f"x'{self.raw.hex()}{self.salt.hex()}'"


def derive(passphrase: str, salt: bytes) -> Key:
    """The key that a passphrase makes with a salt: scrypt, RFC 7914. Slow on purpose.

    The same passphrase typed on another system may come as other code points: it is normalised.

    Raises:
        StoreError: the passphrase is empty.
    """
    if not passphrase:
        raise StoreError("The passphrase is empty", "Give one, or none at all.")
    typed = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape")
    return Key(hashlib.scrypt(typed, salt=salt, **_COST), salt)


def new_salt() -> bytes:
    """What a new encrypted file is to begin with."""
    return _MARK + secrets.token_bytes(_SALT - len(_MARK))


def new_key(passphrase: str) -> Key:
    """A key for a new file."""
    return derive(passphrase, new_salt())


def head_of(path: Path) -> bytes:
    """The bytes that tell what a file is; empty if there is none, or nothing in it."""
    try:
        with path.open("rb") as file:
            return file.read(_SALT)
    except OSError:
        return b""


def is_plain(path: Path) -> bool:
    """Whether the file is a database that anybody can read."""
    return head_of(path) == _PLAIN


def is_encrypted(path: Path) -> bool:
    """Whether the file is a profile that opens with a passphrase alone."""
    head = head_of(path)
    return len(head) == _SALT and head.startswith(_MARK)


def unlock(connection: Any, key: Key) -> None:
    """Give a connection that has read nothing yet its key."""
    connection.pragma("cipher", CIPHER)
    connection.pragma("key", key.text)
