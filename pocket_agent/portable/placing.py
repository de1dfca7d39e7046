"""Where an export is written: whole or not at all, and over nothing but an older export."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pocket_agent.errors import PortableError
from pocket_agent.whole_file import replacing

_MARKDOWN = (".md", ".markdown")

Check = Callable[[Path, BinaryIO], None]
"""Looks at a file that is in the way; raises a PortableError if it is to stay."""


def names_markdown(name: str) -> bool:
    """Whether a file of that name is to be Markdown."""
    return name.lower().endswith(_MARKDOWN)


@contextmanager
def placing(path: Path, check: Check) -> Iterator[BinaryIO]:
    """A file to write, which takes its place at `path` when the block ends without an error.

    Args:
        check: asked about a file that is there already, unless that is empty.

    Raises:
        PortableError: the file can't be written there. DiskFullError: there is no room.
    """
    try:
        _check_place(path, check)
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise PortableError(
            f"{path} can't be written ({error.strerror or error})", "Choose another place."
        ) from error


def _check_place(path: Path, check: Check) -> None:
    if path.is_dir():
        raise PortableError(f"{path} is a folder", "Name a file in it.")
    if not path.exists():
        return
    if not path.is_file():
        raise PortableError(f"{path} is not a plain file", "Choose another place.")
    if path.stat().st_size:
        with path.open("rb") as file:
            check(path, file)
