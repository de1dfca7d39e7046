"""One program at a time per profile: an advisory lock on a file beside the store.

The system drops the lock when its process ends, however it ends, so nothing is left to clean up.
"""

import os
import sys
from pathlib import Path
from types import TracebackType

from pocket_agent.errors import StoreBusyError


class StoreLock:
    """Holds `<store>.lock` until `release`.

    Args:
        store: the store's file; the lock file is made beside it, readable by its owner alone.
        shared: only keep those out who write. No file is made: without one, nobody is.
        make: False where the disk has no room for a file that is not there yet.

    Raises:
        StoreBusyError: another instance holds it.
        OSError: the lock file can't be made.
    """

    def __init__(self, store: Path, *, shared: bool = False, make: bool = True) -> None:
        self.path = store.with_name(store.name + ".lock")
        self._file = -1
        if shared and not self.path.exists():
            return
        flags = os.O_RDONLY if shared else os.O_RDWR | (os.O_CREAT if make else 0)
        self._file = os.open(self.path, flags, 0o600)
        try:
            _lock(self._file, shared)
        except OSError as error:
            self.release()
            raise StoreBusyError(
                f"The profile {store.stem!r} is open in another Pocket Agent",
                "Close that one first, or use another profile.",
            ) from error

    def release(self) -> None:
        """Let others in. Safe to call twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> "StoreLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


if sys.platform == "win32":  # not os.name: a type checker understands this one
    import msvcrt

    def _lock(file: int, _shared: bool) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int, shared: bool) -> None:
        # flock, not lockf: a POSIX record lock is lost when any descriptor of the file is closed.
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
