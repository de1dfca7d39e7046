"""A program in a pseudo-terminal: what it draws, keys for it, and its end. Unix only."""

import os
import re
import select
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[P_^][^\x1b]*\x1b\\|[ -/]*[0-~])"
)
_LEAVING_S = 15.0


class Terminal:
    """Starts a program at once.

    Args:
        command: the program and its arguments.
        columns, rows: size of the terminal.
        env: variables that differ from those of this process.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        import fcntl
        import pty
        import termios

        self.seen = b""
        """All that the program has written so far."""
        self._end, theirs = pty.openpty()
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        self.began = time.perf_counter()
        self._child = subprocess.Popen(
            list(command),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(theirs)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def seconds(self) -> float:
        """Since the program was started."""
        return time.perf_counter() - self.began

    @property
    def raw(self) -> bool:
        """Whether the program echoes keys itself, as one does that reads them one by one."""
        import termios

        flags: int = termios.tcgetattr(self._end)[3]
        return not flags & termios.ECHO

    @property
    def text(self) -> str:
        """What was written, without the sequences that move and colour it."""
        return " ".join(_SEQUENCE.sub(b" ", self.seen).decode(errors="replace").split())

    def plain(self, start: int) -> str:
        """What was written from a byte on, in its lines, without sequences."""
        return _SEQUENCE.sub(b"", self.seen[start:]).decode(errors="replace").replace("\r", "")

    def send(self, keys: bytes) -> None:
        """Type."""
        with suppress(OSError):  # it has ended
            os.write(self._end, keys)

    def read(self, seconds: float) -> bool:
        """Take what is written within that time; whether the program still has the terminal."""
        if select.select([self._end], [], [], seconds)[0]:
            try:
                self.seen += os.read(self._end, 65536)
            except OSError:
                return False
        return True

    def wait_for(self, sign: bytes, timeout: float) -> float:
        """Seconds from the start of the program until it has drawn something.

        Args:
            timeout: seconds from its start.

        Raises:
            RuntimeError: it ended, or did not draw it in time.
        """
        looked = 0
        while self.seconds < timeout:
            alive = self.read(0.05)
            if sign in self.seen[max(0, looked - len(sign)) :]:
                return self.seconds
            looked = len(self.seen)
            if not alive:
                break
        raise RuntimeError(f"no picture: {self.seen[-400:]!r}")

    def watch(self, seconds: float) -> None:
        """Let it go on for a time."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0 and self.read(min(left, 0.5)):
            pass

    def leave(self, keys: bytes = b"\x11", timeout: float = _LEAVING_S) -> None:
        """Quit as a person does, and kill only if that does not help.

        Raises:
            RuntimeError: it did not leave when told, or left with a failure.
        """
        self.send(keys)
        deadline = time.perf_counter() + timeout
        while self._child.poll() is None and time.perf_counter() < deadline and self.read(0.05):
            pass
        try:
            left = self._child.wait(max(deadline - time.perf_counter(), 1))
        except subprocess.TimeoutExpired as error:
            raise RuntimeError("the program did not leave when told") from error
        finally:
            self.kill()
        if left != 0:
            raise RuntimeError(f"the program left with exit code {left}")

    def kill(self) -> None:
        """End it, whatever it does. Safe to call twice."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        with suppress(OSError):
            os.close(self._end)
