"""What a library writes piece by piece, read as a file: a few pieces are held, never all of it."""

import contextlib
import io
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

_PIECES = 64
"""How many are held; the library writes some 2 to 64 KB at a time."""
_LOOK = 0.2
"""Seconds after which the writer looks whether anybody still reads."""

_PATIENCE = 5.0
"""Seconds that closing waits for the writer; it is given a file that is closed next."""


class Writer(Protocol):
    """What the library is given to write to."""

    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class _ClosedError(Exception):
    """Nobody reads any more."""


class _Pipe:
    """The writer's end."""

    def __init__(self) -> None:
        self.pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(_PIECES)
        self.closed = threading.Event()

    def write(self, data: bytes, /) -> int:
        self.put(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def put(self, piece: bytes | BaseException | None) -> None:
        while not self.closed.is_set():
            with contextlib.suppress(queue.Full):
                self.pieces.put(piece, timeout=_LOOK)
                return
        raise _ClosedError


class Poured(io.RawIOBase):
    """The reader's end. What the writer raises, a read raises.

    Args:
        pour: writes everything to the writer that it is given; it runs in a thread of its own.
    """

    def __init__(self, pour: Callable[[Writer], None]) -> None:
        super().__init__()
        self._pipe, self._left, self._ended = _Pipe(), memoryview(b""), False
        self._thread = threading.Thread(target=self._run, args=(pour,), daemon=True)
        self._thread.start()

    def _run(self, pour: Callable[[Writer], None]) -> None:
        end: BaseException | None = None
        try:
            pour(self._pipe)
        except BaseException as error:  # a panic of native code too
            end = error
        with contextlib.suppress(_ClosedError):
            self._pipe.put(end)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; 0 at the end."""
        if not self._left and not self._ended:
            piece = self._pipe.pieces.get()
            if isinstance(piece, BaseException):
                self._ended = True
                raise piece
            self._ended = piece is None
            self._left = memoryview(piece or b"")
            if not self._ended and not self._left:
                return self.readinto(buffer)
        count = min(len(buffer), len(self._left))
        memoryview(buffer)[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def close(self) -> None:
        """Let go of it; the writer ends at its next piece."""
        self._pipe.closed.set()
        self._thread.join(_PATIENCE)
        super().close()
