"""Another program's file, read piece by piece: plain, or inside a .zip that is never unpacked."""

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from pocket_agent.errors import PortableError

CHUNK = 256 * 1024
MAX_FILE = 2 * 1024**3
"""Bytes of a file, and of what a .zip unpacks to."""
MAX_RATIO = 200
"""A text that unpacks to more than so many times its packed size (and FREE bytes) is a bomb."""
FREE = 16 * 1024**2
MAX_DIRECTORY = 4 * 1024**2
"""Bytes of a .zip's table of contents: some 30,000 files. All of it is held in memory."""

_MEMBER = re.compile(r"(?:[^/\\]+/)?conversations(?:[-_]\d{1,4})?\.json")
_NOTES = re.compile(r"(?:[^/\\]+/)?memories(?:[-_]\d{1,4}|/[^/\\]+)?\.json")
MAX_NOTES = 1_000
"""Files of notes that are looked at."""
_ZIP = b"PK\x03\x04"
_TAIL = 22 + 65_535
_END = struct.Struct("<4s4H2LH")
_DAMAGED = "Download it again, or unpack it and import its conversations.json."
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    IndexError,
    struct.error,
)


class ImportFile:
    """An open file. Use it as a context manager.

    Raises:
        PortableError: it is not there, can't be read, is no plain file, or too large.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Without O_NONBLOCK, a named pipe would make us wait for whoever writes to it.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            self._file: BinaryIO = os.fdopen(descriptor, "rb")
        except IsADirectoryError as error:
            raise PortableError(f"{path} is a folder", "Name the file in it.") from error
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self._check()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "ImportFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def texts(self) -> Iterator[Iterator[bytes]]:
        """The pieces of the file; of a .zip, of each of its conversation files, in their order.

        Raises:
            PortableError: the .zip is damaged, unpacks to too much, or holds no conversations.
        """
        if self.is_zip:
            yield from self._members()
        else:
            yield self._pieces(self._file)

    def notes(self) -> Iterator[Iterator[bytes]]:
        """Of a .zip, the pieces of each file beside the conversations that holds memories.

        Raises:
            PortableError: the .zip is damaged.
        """
        if self.is_zip:
            yield from self._matching(_NOTES, MAX_NOTES)

    @property
    def is_zip(self) -> bool:
        """Whether it is a .zip."""
        try:
            self._file.seek(0)
            return self._file.read(len(_ZIP)) == _ZIP
        except OSError as error:
            raise self._unreadable(error) from error

    def _check(self) -> None:
        found = os.fstat(self._file.fileno())
        if stat.S_ISDIR(found.st_mode):
            raise PortableError(f"{self.path} is a folder", "Name the file in it.")
        if not stat.S_ISREG(found.st_mode):
            raise PortableError(f"{self.path} is not a plain file", "Choose another file.")
        if found.st_size == 0:
            raise PortableError("The file is empty", "Choose another file.")
        if found.st_size > MAX_FILE:
            raise PortableError("The file is larger than 2 GB", "Import it in parts.")

    def _pieces(self, stream: BinaryIO) -> Iterator[bytes]:
        try:
            stream.seek(0)
            while piece := stream.read(CHUNK):
                yield piece
        except OSError as error:
            raise self._unreadable(error) from error

    def _members(self) -> Iterator[Iterator[bytes]]:
        none = True
        for text in self._matching(_MEMBER):
            none = False
            yield text
        if none:
            raise _unknown_zip()

    def _matching(self, pattern: re.Pattern[str], most: int = 0) -> Iterator[Iterator[bytes]]:
        """The pieces of each file of the .zip of such a name, of the first `most` (0: of all)."""
        try:
            self._check_directory()
            with zipfile.ZipFile(self._file) as archive:
                members = [m for m in archive.infolist() if pattern.fullmatch(m.filename)]
                if len({member.filename for member in members}) < len(members):
                    raise _unknown_zip()
                for member in sorted(members, key=lambda m: m.filename)[: most or None]:
                    yield _unpacked(archive, member)
        except OSError as error:
            raise self._unreadable(error) from error
        except _FAULTS as error:
            raise PortableError("The .zip is damaged", _DAMAGED) from error

    def _check_directory(self) -> None:
        """Refuse a table of contents too large to hold, before `zipfile` reads all of it."""
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - _TAIL))
        tail = self._file.read(_TAIL)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            raise PortableError("The .zip is cut short: its end is missing", _DAMAGED)
        length = _END.unpack_from(tail, at)[5]
        if length > MAX_DIRECTORY:
            raise PortableError(
                "The .zip holds too many files", "Unpack it and import its conversations.json."
            )

    def _unreadable(self, error: OSError) -> PortableError:
        return PortableError(
            f"{self.path} can't be read ({error.strerror or error})", "Check the name."
        )


def _unknown_zip() -> PortableError:
    return PortableError(
        "The .zip holds no conversations.json, or several of one name",
        "Choose the export as it was downloaded.",
    )


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The pieces of one file of a .zip, counted as they come: its header may lie."""
    if member.flag_bits & 0x1:
        raise PortableError("The .zip is encrypted", "Unpack it and import its conversations.json.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Of the other ways, the standard library unpacks a piece whole, however large.
        raise PortableError("The .zip is packed in an unusual way", _DAMAGED)
    most = min(MAX_FILE, FREE + MAX_RATIO * member.compress_size)
    count = 0
    try:
        with archive.open(member) as stream:
            while piece := stream.read(CHUNK):
                count += len(piece)
                if count > most:
                    raise PortableError("The .zip unpacks to far more than it should", _DAMAGED)
                yield piece
    except (*_FAULTS, OSError) as error:  # a place that is none, to go by its table of contents
        raise PortableError("The .zip is damaged", _DAMAGED) from error
