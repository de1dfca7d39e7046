"""Files that are there whole or not at all: written without a name, or beside their place."""

import contextlib
import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pocket_agent.errors import DiskFullError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PART = ".part"
_DESCRIPTORS = Path("/proc/self/fd")


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
        number, name = _open(target)
        try:
            with os.fdopen(number, "wb") as file:
                yield file
                file.flush()
                os.fsync(number)
                name = name or _give_name(number, target)
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                if name:
                    Path(name).unlink()
            raise
        sync_folder(target.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                f"The disk is full, so {path.name} can't be written", "Free some space."
            ) from error
        raise


def _open(target: Path) -> tuple[int, str]:
    """A new file, and its name; where the system can, it has none, and a kill leaves nothing."""
    if hasattr(os, "O_TMPFILE") and _DESCRIPTORS.is_dir():
        with contextlib.suppress(OSError):  # not every file system can
            return os.open(target.parent, os.O_TMPFILE | os.O_RDWR, 0o600), ""
    return tempfile.mkstemp(prefix=f".{target.name}.", suffix=_PART, dir=target.parent)


def _give_name(number: int, target: Path) -> str:
    """A name of its own for a file that has none: none can be given that is taken."""
    name = str(target.with_name(f".{target.name}.{secrets.token_hex(4)}{_PART}"))
    # With a folder named, the link is to the file that the path leads to, not to the path.
    os.link(_DESCRIPTORS / str(number), name, src_dir_fd=number, follow_symlinks=True)
    return name


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
