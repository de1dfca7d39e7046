"""Which stretch of a long conversation is mounted. Pure: entries in, a start and an end out."""

from collections.abc import Sequence

from pocket_agent.tui.conversation import Entry

WINDOW = 18
"""Entries mounted while the end is followed."""
SLACK = 6
"""So many more may come before some are taken out again."""
MOST = 60
"""Entries mounted at once, wherever one reads."""
STEP = 10
"""Entries that come in at an edge."""


class Window:
    """A stretch of a conversation's entries, which follows its end unless it was moved.

    It is held by the keys of its ends, for entries are put in before and between others.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._last: int | None = None

    @property
    def at_end(self) -> bool:
        """Whether what comes at the end is in it."""
        return self._last is None

    def follow(self) -> None:
        """Go to the end, and with it."""
        self._first = self._last = None

    def bounds(self, entries: Sequence[Entry], *, following: bool, most: int = MOST) -> slice:
        """The stretch, kept to its size.

        Args:
            following: the end is in sight: what is far before it is let go.
            most: entries in it at most, but for a few that come while one reads.
        """
        start, end = self._found(entries)
        if following and self.at_end and end - start > WINDOW + SLACK:
            start = end - WINDOW
        elif end - start > most + SLACK:
            end = start + most
        return self._keep(entries, start, end)

    def older(self, entries: Sequence[Entry], most: int = MOST) -> bool:
        """Move towards the beginning. Returns whether there was anything to move to."""
        start, end = self._found(entries)
        if start == 0:
            return False
        start = max(0, start - STEP)
        self._keep(entries, start, min(end, start + most))
        return True

    def newer(self, entries: Sequence[Entry], most: int = MOST) -> bool:
        """Move towards the end. Returns whether there was anything to move to."""
        start, end = self._found(entries)
        if end == len(entries):
            return False
        end = min(len(entries), end + STEP)
        self._keep(entries, max(start, end - most), end)
        return True

    def move_to(self, entries: Sequence[Entry], at: int, most: int = MOST) -> None:
        """Take in the entry of that index, if it isn't in it."""
        start, end = self._found(entries)
        if not start <= at < end:
            start = max(0, at - SLACK)
            self._keep(entries, start, min(len(entries), start + most))

    def _found(self, entries: Sequence[Entry]) -> tuple[int, int]:
        places = {entry.key: at for at, entry in enumerate(entries)}
        end = places.get(self._last, len(entries) - 1) + 1 if self._last else len(entries)
        start = places.get(self._first, -1) if self._first else -1
        if start < 0 or start >= end:
            start = max(0, end - WINDOW)
        # A line put before the first entry must not fall out.
        return (0 if start < SLACK else start), end

    def _keep(self, entries: Sequence[Entry], start: int, end: int) -> slice:
        self._first = entries[start].key if start < end else None
        self._last = entries[end - 1].key if 0 < end < len(entries) else None
        return slice(start, end)
