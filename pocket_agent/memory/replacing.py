"""One file in the place of another, and what may be left where that was cut short."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pocket_agent.whole_file import sync_folder

_BESIDE = ("-journal", "-wal", "-shm")
_PIECE = 1 << 20


def unfinished(store: Path) -> Path:
    """Where the file that is to replace a store is made."""
    return store.with_name(store.name + ".new")


def remove_files(store: Path) -> None:
    """Take away a database and whatever SQLite put beside it."""
    for ending in ("", *_BESIDE):
        store.with_name(store.name + ending).unlink(missing_ok=True)


def wipe_files(store: Path) -> None:
    """Write zeros over a database and what SQLite put beside it, and take them away.

    Only for who holds the store's lock and has no connection to it.
    """
    for name in (store, unfinished(store)):
        for ending in (*_BESIDE, ""):
            number = _hold(name, ending)
            if number is not None:
                try:
                    _wipe(number, names=1)
                finally:
                    os.close(number)
        remove_files(name)


def remove_spent_journal(store: Path) -> None:
    """Take away the journal that a kill in a change of mode left: empty, or played back by now.

    Only for who holds the store's lock and has it open in WAL mode, where no journal is used.
    """
    store.with_name(store.name + "-journal").unlink(missing_ok=True)


def remove_unfinished(store: Path) -> None:
    """Take away what an interrupted replacement left. Only for who holds the store's lock."""
    remove_files(unfinished(store))


@contextmanager
def take_place(made: Path, store: Path) -> Iterator[None]:
    """Move `made` into the place of `store` when the block ends without an error.

    The block must take the old one out of WAL mode, and close every connection to either. What the
    old file and its log held is then written over with zeros, as far as a file system and a drive
    can do that.
    """
    with ExitStack() as open_files:

        def hold(*endings: str) -> list[int]:
            numbers = [number for e in endings if (number := _hold(store, e)) is not None]
            for number in numbers:
                open_files.callback(os.close, number)
            return numbers

        old = hold("-wal", "-journal")  # their names are gone once the block has done its work
        yield
        # Not before: to close a second handle of a file drops the locks SQLite has on it.
        old += hold("")
        for ending in _BESIDE:  # spent; an old journal would be played back into the new file
            store.with_name(store.name + ending).unlink(missing_ok=True)
        made.replace(store)
        sync_folder(store.parent)
        for number in old:
            _wipe(number)


def _hold(store: Path, ending: str) -> int | None:
    """Keep a file within reach after its name is gone, where the system allows that."""
    if os.name != "posix":
        return None
    with contextlib.suppress(OSError):
        return os.open(store.with_name(store.name + ending), os.O_RDWR)
    return None


def _wipe(number: int, names: int = 0) -> None:
    """Write zeros over a file that has no name any more; one with another name is another's.

    Args:
        names: how many names of it are ours.
    """
    with contextlib.suppress(OSError):
        about = os.fstat(number)
        if about.st_nlink > names:
            return
        for at in range(0, about.st_size, _PIECE):
            os.pwrite(number, bytes(min(_PIECE, about.st_size - at)), at)
        os.fsync(number)
