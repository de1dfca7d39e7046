"""How long nobody has touched anything. No Textual in here."""

import time


class Idle:
    """A clock that runs while nobody types or moves the mouse, and while the computer sleeps."""

    def __init__(self) -> None:
        self.touch()

    def touch(self) -> None:
        """Somebody is there."""
        self._steady, self._wall = time.monotonic(), time.time()

    @property
    def seconds(self) -> float:
        """Seconds since somebody was there.

        The steady clock stands still in a computer that sleeps, the other may be set back: the one
        that says more is believed.
        """
        return max(time.monotonic() - self._steady, time.time() - self._wall)
