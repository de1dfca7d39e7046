"""The lines of an export, plain or encrypted, one by one and none longer than it may be."""

import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pocket_agent.errors import PortableError
from pocket_agent.portable import age
from pocket_agent.portable.lines import MAX_LINE

_MAX_FILE = 2 * 1024**3
_LARGE = 32 * 1024**2
"""Bytes; the hash of a larger file is checked first, so that a false one costs no memory."""


def read_lines(path: Path, keys: age.Keys | None = None) -> Iterator[bytes]:
    """The lines of an export, with their ends.

    Args:
        keys: what opens it, if it is encrypted.

    Raises:
        PortableError: it can't be read or opened, or is larger than any export.
    """
    try:
        _check_kind(path)
        with path.open("rb") as stream:
            if age.is_age(stream.read(len(age.ARMOR))):
                stream.seek(0)
                with age.opened(path, stream, keys) as plain:
                    yield from _lines(plain)
                return
            stream.seek(0)
            if path.stat().st_size > _LARGE:
                _check_hash(stream)
                stream.seek(0)
            yield from _lines(stream)
    except OSError as error:
        raise PortableError(
            f"{path} can't be read ({error.strerror or error})", "Check the name."
        ) from error


def _check_kind(path: Path) -> None:
    """A pipe could keep us waiting for ever."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise PortableError(f"{path} is a folder", "Name the file that was exported.")
    if not stat.S_ISREG(status.st_mode):
        raise PortableError(f"{path} is not a plain file", "Name the file that was exported.")
    if status.st_size > _MAX_FILE:
        raise PortableError(f"{path.name} is larger than any export", "Choose another file.")


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE + 1):
        yield line


def _check_hash(stream: BinaryIO) -> None:
    digest, last = hashlib.sha256(), b""
    for line in _lines(stream):
        digest.update(last)
        last = line
        if len(line) > MAX_LINE:
            break
    try:
        end = json.loads(last)
    except (ValueError, RecursionError):
        end = None
    if not isinstance(end, dict) or end.get("sha256") != digest.hexdigest():
        raise PortableError(
            "The file is cut short, or was changed or damaged on its way",
            "Export it again and import that file.",
        )
