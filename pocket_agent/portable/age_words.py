"""Files of the age format that open with a passphrase (age-encryption.org/v1, "scrypt" recipient).

`pyrage` lets nobody say how much work a passphrase costs: it takes what its computer does in a
second, which is half a gigabyte of memory on a quick one. So the small part of the format that a
passphrase needs is here; the ciphers are those of `cryptography` and `hashlib`.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"age-encryption.org/v1\n"
WORK = 17
"""2^n rounds of scrypt in the files that we write: 128 MB, what OWASP asks for at least."""
HARDEST = 18
"""What age itself writes, and the most that is tried: 256 MB. An import has 300."""
MAX_HEAD = 1024
"""Bytes; the head of such a file has some 150."""
_CHUNK = 64 * 1024
_TAG = 16
_SCRYPT_LABEL = b"age-encryption.org/v1/scrypt"
_HEAD = re.compile(
    rb"age-encryption\.org/v1\n"
    rb"-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n"
    rb"([A-Za-z0-9+/]{43})\n"
    rb"--- ([A-Za-z0-9+/]{43})\n"
)


class WrongWordsError(Exception):
    """The passphrase is another, or the head was changed; nobody can tell which."""


class DamagedError(Exception):
    """What follows the head is not as it was written."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a file.

    Args:
        salt: 16 bytes. work: 2^n rounds. wrapped: the file's key, 16 bytes and their tag.
        signed: the bytes that the code vouches for. code: 32 bytes. size: of the whole head.
    """

    salt: bytes
    work: int
    wrapped: bytes
    signed: bytes
    code: bytes
    size: int


def parse_head(data: bytes) -> Head | None:
    """The head that `data` begins with; None if it is none, or one that another recipient has."""
    found = _HEAD.match(data)
    if found is None:
        return None
    try:
        salt, wrapped, code = (_unbase64(found[group]) for group in (1, 3, 4))
    except binascii.Error:
        return None
    signed = data[: found.end(3)] + b"\n---"
    return Head(salt, int(found[2]), wrapped, signed, code, found.end())


def encrypt(data: bytes, passphrase: str) -> bytes:
    """The encrypted file of `data`."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    salt, key, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrapped = ChaCha20Poly1305(_stretched(passphrase, salt, WORK)).encrypt(bytes(12), key, None)
    stanza = b"-> scrypt %s %d\n%s\n---" % (_base64(salt), WORK, _base64(wrapped))
    code = _code(key, MAGIC + stanza)
    cipher = ChaCha20Poly1305(_derived(key, nonce, b"payload"))
    pieces = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)] or [b""]
    sealed = (
        cipher.encrypt(_counted(number, number == len(pieces) - 1), piece, None)
        for number, piece in enumerate(pieces)
    )
    return b"".join([MAGIC, stanza, b" ", _base64(code), b"\n", nonce, *sealed])


def unlock(head: Head, passphrase: str) -> bytes:
    """The key of the file. Takes 1 KiB × 2^work of memory.

    Raises:
        WrongWordsError: it does not open.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    stretched = _stretched(passphrase, head.salt, head.work)
    try:
        key = ChaCha20Poly1305(stretched).decrypt(bytes(12), head.wrapped, None)
    except InvalidTag as error:
        raise WrongWordsError from error
    if len(key) != 16 or not hmac.compare_digest(_code(key, head.signed), head.code):
        raise WrongWordsError
    return key


def contents(stream: BinaryIO, key: bytes) -> Iterator[bytes]:
    """What the file holds, piece by piece; each is checked before it is given out.

    Args:
        stream: behind the head.

    Raises:
        DamagedError: it is cut off, changed, or something follows its end.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce = _exactly(stream, 16)
    cipher = ChaCha20Poly1305(_derived(key, nonce, b"payload"))
    number, piece = 0, _exactly(stream, _CHUNK + _TAG)
    while True:
        after = _exactly(stream, _CHUNK + _TAG) if len(piece) == _CHUNK + _TAG else b""
        last = not after
        try:
            plain = cipher.decrypt(_counted(number, last), piece, None)
        except (InvalidTag, ValueError) as error:
            raise DamagedError from error
        if last and number and not plain:
            raise DamagedError  # the format has an empty piece only where there is no other
        yield plain
        if last:
            return
        number, piece = number + 1, after


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    found = stream.read(size)
    while found and len(found) < size:
        more = stream.read(size - len(found))
        if not more:
            break
        found += more
    return found


def _counted(number: int, last: bool) -> bytes:
    """The nonce of a piece: 11 bytes of its number, one that says whether it is the last."""
    return number.to_bytes(11, "big") + bytes([last])


def _stretched(passphrase: str, salt: bytes, work: int) -> bytes:
    rounds = 2**work
    return hashlib.scrypt(
        passphrase.encode(),
        salt=_SCRYPT_LABEL + salt,
        n=rounds,
        r=8,
        p=1,
        maxmem=(rounds + 64) * 1024,
        dklen=32,
    )


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt, info).derive(key)


def _code(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(_derived(key, b"", b"header"), signed, "sha256")


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _unbase64(text: bytes) -> bytes:
    """Raises binascii.Error where bits are left over: the format has one spelling of a value."""
    data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    if _base64(data) != text:
        raise binascii.Error
    return data
