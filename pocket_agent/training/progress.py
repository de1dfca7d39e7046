"""A progress bar with the time left, on stderr; plain lines where that is no terminal."""

import sys
import time

WIDTH = 30


class Progress:
    """Counts towards a total.

    Args:
        label: what is being done. total: how many steps there are.
    """

    def __init__(self, label: str, total: int):
        self._label, self._total, self._done = label, max(total, 1), 0
        self._start = time.monotonic()
        self._shown = 0.0

    def step(self, note: str = "") -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        pause = 0.2 if sys.stderr.isatty() else 30.0
        if self._done < self._total and now - self._shown < pause:
            return
        self._shown = now
        left = (now - self._start) / self._done * (self._total - self._done)
        filled = WIDTH * self._done // self._total
        bar = "█" * filled + "·" * (WIDTH - filled)
        line = f"{self._label} {bar} {self._done}/{self._total} · {left:.0f} s left {note}".rstrip()
        end = "\n" if self._done >= self._total or not sys.stderr.isatty() else "\r"
        print(line, end=end, file=sys.stderr, flush=True)
