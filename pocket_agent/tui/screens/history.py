"""What became of one fact: every change of it, the newest last."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from pocket_agent.tui.backend import Change
from pocket_agent.tui.dates import moment
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

_MARGIN = 4


class HistoryScreen(Frame):
    """Look at the changes of a fact.

    Args:
        fact: what it says, for the heading. changes: oldest first.
    """

    CSS_PATH = "sources.tcss"
    TITLE = "History"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "back", "back")]

    def __init__(self, fact: str, changes: Sequence[Change]) -> None:
        super().__init__()
        self._fact, self._changes = fact, changes
        self._list = OptionList(id="history", classes="listing", markup=False)

    def body(self) -> Iterator[Widget]:
        yield Heading(f"History · {one_line(self._fact)}")
        yield self._list
        yield Static("Esc back", classes="keys", markup=False)

    def on_mount(self) -> None:
        self._list.focus()

    def on_resize(self) -> None:
        width = self.size.width - _MARGIN
        self._list.set_options(Option(_painted(change, width)) for change in self._changes)

    def action_back(self) -> None:
        self.dismiss(None)


def _painted(change: Change, width: int) -> Content:
    gone = ("   undone", "italic") if change.undone else ""
    what = Content.assemble((one_line(change.what), "bold"), gone)
    quote = f"“{one_line(change.quote)}”" if change.quote else ""
    about = " · ".join(part for part in (moment(change.at), change.actor, quote) if part)
    lines = [indented(what, width, 0), indented(Content.styled(about, "dim"), width, 2)]
    return Content("\n").join(lines)
