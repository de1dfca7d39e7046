"""The slim header, the status line, and the one line of a terminal that is too small."""

from textual.app import RenderResult
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.keys import DEFAULT_KEYS, key_for
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.status import NARROW, Status, rows

MIN_COLUMNS, MIN_ROWS = 30, 8


class Heading(Widget):
    """One line at the top: where one is, and how to get help.

    Args:
        right: what stands there instead of that.
    """

    ALLOW_SELECT = False

    def __init__(self, left: str, right: str | None = None) -> None:
        super().__init__()
        self._left, self._given = left, right

    def show(self, left: str) -> None:
        """Change what the line says."""
        if left != self._left:
            self._left = left
            self.refresh()

    @property
    def _right(self) -> str:
        if self._given is not None:
            return self._given
        return f"{key_for('help', getattr(self.app, 'keys', DEFAULT_KEYS))} help"

    def render(self) -> RenderResult:
        width = self.content_size.width
        right = self._right if width >= MIN_COLUMNS else ""
        room = max(width - len(right) - 2, 8)
        left = Content(one_line(self._left)).truncate(room, ellipsis=True).plain
        gap = " " * max(width - Content(left).cell_length - len(right), 1)
        return Content.assemble((left, "bold"), gap, right)


class StatusLine(Widget):
    """The last line: what the assistant does, the model, its device, the context, the speed."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="status")
        self._status = Status()
        self._shown: list[str] = []

    def show(self, status: Status) -> None:
        """Paint the status, if it reads differently from what is there."""
        self._status = status
        lines = rows(status, self.content_size.width)
        if lines != self._shown:
            self._shown = lines
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return 1 if width >= NARROW else 2

    def render(self) -> RenderResult:
        return Content("\n".join(rows(self._status, self.content_size.width)))


class TooSmall(Static):
    """Shown instead of everything else where there is no room."""

    def __init__(self) -> None:
        super().__init__(
            f"Too small: make it {MIN_COLUMNS} x {MIN_ROWS} or larger", id="too-small", markup=False
        )
