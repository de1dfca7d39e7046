"""Files that are there whole or not at all: written beside their place, then moved into it."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pocket_agent.errors import DiskFullError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` when the block ends without an error.

    It is readable by its owner alone, and on the disk before it is moved. A symbolic link stays
    one: what it points to is replaced.

    Raises:
        DiskFullError: there is no room; what was at `path` is intact.
        OSError: the folder can't be written, or the place is taken by a folder.
    """
    target = path.resolve()
    try:
        number, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        )
        try:
            with os.fdopen(number, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        sync_folder(target.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                f"The disk is full, so {path.name} can't be written", "Free some space."
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Make the new name outlive a power cut, where the system can."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
