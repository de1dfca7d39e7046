"""The side panel: what is remembered, one line a fact, while one talks."""

from textual.app import RenderResult
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from pocket_agent.tui.factpanel import Known, Mark, Row, rows, settled
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.safe_text import one_line

MARKED_S = 8.0
"""How long a change stays marked."""

NOTHING = "Nothing yet. What you tell about yourself in the chat comes here."
_TITLE = "What I know of you"
_SIGN, _SLOT = 2, 11
_STYLE = {Mark.NEW: "bold", Mark.CHANGED: "bold", Mark.GONE: "strike"}


class FactPanel(Widget):
    """Draws what fits of `Known`, and takes the marks off again after a while.

    Args:
        told: what is said while there is nothing to show. key: of the profile, where all of it is.
        hides: the key that hides the panel.
    """

    ALLOW_SELECT = False

    def __init__(self, told: str, key: str, hides: str) -> None:
        super().__init__(id="facts-panel")
        self._told, self._key, self._hides = told, key, hides
        self._known: Known | None = None
        self._timer: Timer | None = None

    @property
    def known(self) -> Known | None:
        """What is shown; None before anything was."""
        return self._known

    def show(self, known: Known | None) -> None:
        """Show this, or with None nothing."""
        if self._timer is not None:
            self._timer.stop()
        self._known, self._timer = known, None
        if known is not None and (known.fresh or known.erased):
            self._timer = self.set_timer(MARKED_S, self._settle)
        self.refresh()

    def _settle(self) -> None:
        if self._known is not None:
            self.show(settled(self._known))

    def render(self) -> RenderResult:
        width, height = self.content_size
        known = self._known
        lines = [self._title(width)]
        if known is None or not (known.facts or known.fresh or known.erased):
            lines.append(indented(Content.styled(self._told, "dim"), width, 0))
            return Content("\n").join(lines)
        shown, left = rows(known, height - len(lines))
        lines += [_line(row, width) for row in shown]
        if left:
            lines.append(Content.styled(f"… {left:,} more: {self._key}", "dim"))
        return Content("\n").join(lines)

    def _title(self, width: int) -> Content:
        hint = f"{self._hides} hides"
        gap = " " * max(width - len(_TITLE) - len(hint), 1)
        return Content.assemble((_TITLE, "bold"), gap, (hint, "dim"))


def _line(row: Row, width: int) -> Content:
    if row.heading:
        return Content.styled(one_line(row.text, width), "bold $primary")
    slot = f"{one_line(row.slot, _SLOT - 1):<{_SLOT}}" if row.slot else ""
    text = one_line(row.text, width - _SIGN - len(slot))
    if row.mark is None:
        return Content.assemble(" " * _SIGN, (slot, "dim"), text)
    return Content.assemble((f"{row.mark.value:<{_SIGN}}", "bold"), slot, (text, _STYLE[row.mark]))
