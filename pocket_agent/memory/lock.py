"""One program at a time per profile: an advisory lock on a file beside the store.

The system drops the lock when its process ends, however it ends, so nothing is left to clean up.
"""

import os
from pathlib import Path
from types import TracebackType

from pocket_agent.errors import StoreBusyError


class StoreLock:
    """Holds `<store>.lock` until `release`.

    Args:
        store: the store's file; the lock file is made beside it, readable by its owner alone.
        make: False where the disk has no room for a file that is not there yet.

    Raises:
        StoreBusyError: another instance holds it.
        OSError: the lock file can't be made.
    """

    def __init__(self, store: Path, *, make: bool = True) -> None:
        self.path = store.with_name(store.name + ".lock")
        self._file = os.open(self.path, os.O_RDWR | (os.O_CREAT if make else 0), 0o600)
        try:
            _lock(self._file)
        except OSError as error:
            os.close(self._file)
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


if os.name == "nt":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def _lock(file: int) -> None:
        # flock, not lockf: a POSIX record lock is lost when any descriptor of the file is closed.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
