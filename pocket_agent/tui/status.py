"""What the status line says: model, device, context, speed, and what is going on."""

from dataclasses import dataclass, field

from rich.cells import cell_len

from pocket_agent.tui.backend import Readiness, Stage
from pocket_agent.tui.safe_text import one_line

NARROW = 64
"""Below this many columns the line takes two rows."""

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
    def context(self) -> str:
        """How full the context is."""
        limit = self.limit or self.readiness.context_limit
        return f"ctx {round(100 * self.used / limit)}%" if limit else ""

    @property
    def speed(self) -> str:
        """How fast the reply comes."""
        return f"{self.rate:.0f} tok/s" if self.rate else ""


def rows(status: Status, width: int) -> list[str]:
    """The status line for a terminal of `width` columns: one row, or two where it is narrow.

    Where there isn't room for everything, the device goes first, then the model's name is cut.
    """
    if width >= NARROW:
        return [_wide(status, width)]
    device = one_line(status.readiness.device)
    room = max(width - cell_len(device) - len(_SEPARATOR), 8)
    model = _joined(one_line(status.readiness.model, room), device)
    mode = status.mode
    first = _joined(status.activity, mode, status.waiting, status.context, status.speed)
    if cell_len(first) > width:
        first = _joined(status.activity, mode or status.context)
        model = status.waiting or model
    return [one_line(first, width), one_line(model, width)]


def _wide(status: Status, width: int) -> str:
    model, device = one_line(status.readiness.model), one_line(status.readiness.device)
    tail = _joined(status.context, status.speed)
    left = one_line(_joined(status.activity, status.mode, status.waiting), width)
    room = width - cell_len(left) - 2
    for right in (_joined(model, device, tail), _joined(one_line(model, 20), tail), tail):
        if cell_len(right) <= room:
            return left + " " * (room + 2 - cell_len(right)) + right
    return left


def _joined(*parts: str) -> str:
    return _SEPARATOR.join(part for part in parts if part)
