"""How far something long is: one line that changes on a terminal, a line now and then in a pipe."""

import contextlib
import sys
import time

from pocket_agent.cli.output import narrate

_BAR = 24
_EVERY_S = 0.2
_LINE_EVERY_S = 10.0


class ProgressLine:
    """Says on stderr how many of so many bytes there are.

    Args:
        what: what they are of.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._said = float("-inf")
        self._open = False
        self._from = (time.monotonic(), -1)
        self.size = 0

    def show(self, done: int, size: int) -> None:
        """So many bytes are there."""
        now = time.monotonic()
        if self._from[1] < 0:
            self._from = (now, done)  # what an earlier run has brought says nothing of the speed
        self.size, share = size, done / size if size else 0.0
        last = done >= size
        if not last and now - self._said < (_EVERY_S if self._terminal else _LINE_EVERY_S):
            return
        self._said = now
        amounts = f"{_mb(done)} of {_mb(size)}{self._speed(done, size, now)}"
        if self._terminal:
            filled = round(share * _BAR)
            bar = "#" * filled + "-" * (_BAR - filled)
            self._paint(f"{self._what} [{bar}] {share:4.0%}  {amounts}")
        else:
            narrate(f"{self._what}: {share:.0%}, {amounts}")

    def say(self, line: str) -> None:
        """Say something beside it."""
        self.end()
        narrate(line)

    def end(self) -> None:
        """Leave the line as it is."""
        if self._open:
            self._open = False
            self._write("\n")

    def _speed(self, done: int, size: int, now: float) -> str:
        since, before = self._from
        if now - since < 1.0 or done <= before:
            return ""
        rate = (done - before) / (now - since)
        left = (size - done) / rate
        rest = f", {left / 60:.0f} min left" if left > 90 else f", {left:.0f} s left"
        return f", {rate / 1e6:.1f} MB/s{rest if done < size else ''}"

    def _paint(self, line: str) -> None:
        self._open = True
        self._write(f"\r{line}\x1b[K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
