"""What one reply was made from: the facts and the past turns that the model could read."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from pocket_agent.memory.records import Drawn
from pocket_agent.tui.backend import Backend, SourceRow
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

_KEYS = "Enter goes there · {context} the very prompt of the last reply · Esc back"
_MARGIN = 4
_LONGEST = 300


class SourcesScreen(Frame):
    """Look at what was sent with a message. Answers the number of the row to go to, or None.

    Args:
        rows: facts first, then past turns.
    """

    CSS_PATH = "sources.tcss"
    TITLE = "Sources"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "context", "the prompt of the last reply", id="context"),
        Binding("escape,q", "back", "back"),
    ]

    def __init__(self, backend: Backend, rows: Sequence[SourceRow]) -> None:
        super().__init__()
        self._backend = backend
        self._rows = rows
        self._list = OptionList(id="sources", classes="listing", markup=False)

    def body(self) -> Iterator[Widget]:
        yield Heading("Sources · what this reply was made from")
        yield self._list
        yield Static(_KEYS.format(context=self.key("context")), classes="keys", markup=False)

    def on_mount(self) -> None:
        self._list.focus()

    def on_resize(self) -> None:
        at = self._list.highlighted or 0
        width = self.size.width - _MARGIN
        self._list.set_options(
            Option(_painted(row, width), id=str(number)) for number, row in enumerate(self._rows)
        )
        self._list.highlighted = at

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_context(self) -> None:
        from pocket_agent.tui.screens.context import ContextScreen

        self.app.push_screen(ContextScreen(self._backend))

    def action_back(self) -> None:
        self.dismiss(None)


async def choose_source(
    app: "PocketApp", backend: Backend, drawn: Drawn, go_to: Callable[[SourceRow], Awaitable[None]]
) -> None:
    """Show what a reply was made from, and go to the row that is chosen. Called in a worker."""
    rows = await backend.sources(drawn)
    chosen = await app.push_screen_wait(SourcesScreen(backend, rows))
    if chosen is not None:
        await go_to(rows[int(chosen)])


def _painted(row: SourceRow, width: int) -> Content:
    about = indented(Content.styled(one_line(row.about), "dim"), width, 2)
    if not row.text:
        return about
    kind = "fact" if row.fact else "past turn"
    said = Content.assemble((f"{kind} ", "dim"), (one_line(row.text, _LONGEST), "bold"))
    return Content("\n").join([indented(said, width, 0), about])
