"""The entries of a JSON list of any length, one at a time, each checked before it is parsed."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from pocket_agent.errors import PortableError

MAX_DEPTH = 64
MAX_ENTRY = 8 * 1024**2
"""Bytes of one entry: a conversation. All of it is held in memory, as objects."""
MAX_ENTRIES = 100_000

_OUTSIDE = re.compile(rb'["\[\]{},]')
_INSIDE = re.compile(rb'["\\]')
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_AGAIN = "Download it again."


def values(pieces: Iterable[bytes]) -> Iterator[Any]:
    """The entries of a list; of anything else, that one value.

    Raises:
        PortableError: it is not JSON, not UTF-8, cut short, nested too deeply or too large.
    """
    first, rest = _begin(pieces)
    is_list = first.startswith(b"[")
    parts = chain([first], rest) if is_list else chain([b"[", first], rest, [b"]"])
    for number, text in enumerate(_entries(parts), 1):
        if number > MAX_ENTRIES:
            raise PortableError(
                f"The file has more than {MAX_ENTRIES} entries", "Import it in parts."
            )
        yield _parse(number, text)


def is_list(pieces: Iterable[bytes]) -> bool:
    """Whether a JSON text is a list. Looks at its first characters."""
    return _begin(pieces)[0].startswith(b"[")


def _begin(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The pieces without what may stand before the JSON."""
    rest = iter(pieces)
    first = next(rest, b"").removeprefix(_BOM).lstrip(_BLANK)
    while not first:
        following = next(rest, None)
        if following is None:
            raise PortableError("The file is empty", "Choose another file.")
        first = following.lstrip(_BLANK)
    return first, rest


def _parse(number: int, text: bytes) -> Any:
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise PortableError(f"Entry {number} of the file is not UTF-8", _AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise PortableError(f"Entry {number} of the file is not JSON", _AGAIN) from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _entries(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The texts between the commas of a list, without parsing them."""
    scan = _Scan()
    for piece in pieces:
        yield from scan.take(piece)
    scan.end()


class _Scan:
    """Follows strings and brackets, and nothing else, through a list that comes in pieces."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0  # scanned up to here
        self._start = 0  # here the present entry begins
        self._depth = 0
        self._in_string = False
        self._after_comma = False
        self._over = False

    def take(self, piece: bytes) -> Iterator[bytes]:
        """The entries that are complete with one more piece."""
        self._held += piece
        while not self._over and (mark := self._next_mark()):
            entry = self._heed(mark)
            if entry is not None:
                yield entry
        if self._over:
            if self._held[self._at :].strip(_BLANK):
                raise PortableError("Something follows the end of the file's list", _AGAIN)
            self._at = self._start = len(self._held)
        del self._held[: self._start]
        self._at -= self._start
        self._start = 0
        if len(self._held) > MAX_ENTRY:
            raise PortableError("An entry of the file is larger than 8 MB", "Leave it out.")

    def end(self) -> None:
        """Nothing more comes.

        Raises:
            PortableError: something is missing.
        """
        if not self._over:
            raise PortableError("The file is cut short: its end is missing", _AGAIN)

    def _next_mark(self) -> bytes:
        """The next character that counts; empty if more is needed to tell."""
        while self._in_string:
            found = _INSIDE.search(self._held, self._at)
            if found is None:
                self._at = len(self._held)
                return b""
            if found.group() == b'"':
                self._in_string = False
                self._at = found.end()
            elif found.end() == len(self._held):  # what is escaped comes with the next piece
                self._at = found.start()
                return b""
            else:
                self._at = found.end() + 1
        found = _OUTSIDE.search(self._held, self._at)
        self._at = found.end() if found else len(self._held)
        return found.group() if found else b""

    def _heed(self, mark: bytes) -> bytes | None:
        """Follow one mark; the entry that it ends, if it ends one."""
        if mark == b'"':
            self._in_string = True
        elif mark in b"[{":
            self._depth += 1
            if self._depth == 1:
                self._start = self._at
            elif self._depth > MAX_DEPTH:
                raise PortableError(f"The file is nested more than {MAX_DEPTH} deep", _AGAIN)
        elif mark in b"]}":
            self._depth -= 1
            if self._depth <= 0:
                return self._last(mark)
        elif self._depth == 1:
            self._after_comma = True
            return self._cut()
        return None

    def _cut(self) -> bytes:
        entry = bytes(self._held[self._start : self._at - 1])
        self._start = self._at
        if len(entry) > MAX_ENTRY:
            raise PortableError("An entry of the file is larger than 8 MB", "Leave it out.")
        return entry

    def _last(self, mark: bytes) -> bytes | None:
        if mark != b"]":
            raise PortableError("The file is not JSON: its brackets don't match", _AGAIN)
        self._over = True
        entry = self._cut()
        return entry if entry.strip(_BLANK) or self._after_comma else None
