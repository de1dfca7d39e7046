"""What the status line says: model, device, context, speed, and what is going on."""

from dataclasses import dataclass, field

from rich.cells import cell_len

from pocket_agent.tui.backend import Readiness, Stage
from pocket_agent.tui.safe_text import one_line

NARROW = 64
"""Below this many columns the line takes two rows."""

_SHORTEST = 8
"""Columns that a model's name keeps: with fewer it tells nothing."""
_SEPARATOR = " · "


@dataclass(slots=True)
class Status:
    """Everything the line is made from. Counts in tokens.

    Args:
        doing: what the assistant does right now; empty when it waits for the person.
        mode: incognito or blank; empty for the usual.
        rate: tokens a second of the reply under way, or of the last one.
    """

    readiness: Readiness = field(default_factory=lambda: Readiness(Stage.OPENING, "opening"))
    doing: str = ""
    used: int = 0
    limit: int = 0
    rate: float = 0.0
    queued: int = 0
    mode: str = ""

    @property
    def activity(self) -> str:
        """What is going on, in a few words, with a sign that needs no colour."""
        ready = self.readiness
        if ready.stage in (Stage.OPENING, Stage.LOADING):
            share = "" if ready.done is None else f" {round(ready.done * 100)}%"
            return f"◌ {one_line(ready.doing or ready.stage.value)}{share}"
        if self.doing:
            return f"● {self.doing}"
        return "✗ no model" if ready.stage is Stage.FAILED else "○ ready"

    @property
    def waiting(self) -> str:
        """How many messages wait."""
        return f"{self.queued} queued" if self.queued else ""

    @property
    def share(self) -> str:
        """How full the context is, in the fewest words."""
        limit = self._limit
        return f"ctx {round(100 * self.used / limit)}%" if limit else ""

    @property
    def context(self) -> str:
        """How full the context is, in tokens too."""
        return f"{self.share} {self.used:,}/{self._limit:,}" if self._limit else ""

    @property
    def _limit(self) -> int:
        return self.limit or self.readiness.context_limit

    @property
    def speed(self) -> str:
        """How fast the reply comes."""
        return f"{self.rate:.0f} tok/s" if self.rate else ""


def rows(status: Status, width: int) -> list[str]:
    """The status line for a terminal of `width` columns: one row, or two where it is narrow.

    Where there isn't room for everything, the model's name is cut, then the device goes; how full
    the context is always stays.
    """
    if width >= NARROW:
        return [_wide(status, width)]
    device = one_line(status.readiness.device)
    room = max(width - cell_len(device) - len(_SEPARATOR), 8)
    second = _joined(one_line(status.readiness.model, room), device)
    where, mode = status.activity, status.mode
    full = (where, mode, status.waiting, status.context, status.speed)
    for parts in (full, (*full[:3], status.share, status.speed), (where, mode, status.share)):
        if cell_len(first := _joined(*parts)) <= width:
            break
    else:
        first, second = _cut(where, status.share, width), _joined(mode, status.waiting) or second
    if status.waiting and status.waiting not in first:
        second = status.waiting
    return [one_line(first, width), one_line(second, width)]


def _wide(status: Status, width: int) -> str:
    model, device = one_line(status.readiness.model), one_line(status.readiness.device)
    left = one_line(_joined(status.activity, status.mode, status.waiting), width)
    room = width - cell_len(left) - 2
    tail = _joined(status.context, status.speed)
    spare = room - cell_len(_joined("", device, tail)) - len(_SEPARATOR)
    rights = (
        _joined(model, device, tail),
        _joined(one_line(model, max(spare, _SHORTEST)), device, tail),
        _joined(one_line(model, 20), tail),
        tail,
        _joined(status.share, status.speed),
        status.share,
    )
    for right in rights:
        if cell_len(right) <= room:
            return left + " " * (room + 2 - cell_len(right)) + right
    return _cut(left, status.share, width)


def _cut(left: str, right: str, width: int) -> str:
    """Both, the left one cut as far as it must be: how full the context is stays in sight."""
    room = max(width - cell_len(right) - len(_SEPARATOR), 1)
    return _joined(one_line(left, room), right)


def _joined(*parts: str) -> str:
    return _SEPARATOR.join(part for part in parts if part)
