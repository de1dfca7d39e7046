"""Search in everything that was said, in every conversation, and go to the turn."""

from collections.abc import Iterator
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from pocket_agent.errors import PocketAgentError
from pocket_agent.tui.library import Hit, Hits, Library
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.screens.listing import MARGIN
from pocket_agent.tui.widgets.bars import Heading

_KEYS = "Enter searches, then goes there · Up and Down choose · Esc back"
_LONGEST = 300


class SearchScreen(Frame):
    """Search. Answers the number of the one of `found` to go to, or None.

    Args:
        library: what is searched. query: what to search for at once; empty to be asked.
    """

    CSS_PATH = "search.tcss"
    TITLE = "Search"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "walk(1)", "the next of what was found", priority=True),
        Binding("up", "walk(-1)", "the one before", priority=True),
        Binding("escape", "back", "back", priority=True),
    ]

    def __init__(self, library: Library, query: str = "") -> None:
        super().__init__()
        self._library = library
        self._query = query
        self.found = Hits(())
        self._field = Input(query, placeholder="words, or what it was about", classes="field")
        self._field.cursor_blink = False  # nothing moves at idle
        self._list = OptionList(id="hits", classes="listing", markup=False)
        self._line = Static("", classes="told", markup=False)

    def body(self) -> Iterator[Widget]:
        yield Heading("Search · every conversation")
        yield self._field
        yield self._list
        yield self._line
        yield Static(_KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        self._list.can_focus = False
        self._field.focus()
        if self._query:
            self._search(self._query)

    def on_resize(self) -> None:
        self._paint()

    @on(Input.Submitted)
    def _entered(self) -> None:
        query = self._field.value.strip()
        at = self._list.highlighted
        if query == self._query and self.found.hits and at is not None:
            self.dismiss(str(at))
        elif query:
            self._query = query
            self._search(query)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_walk(self, step: int) -> None:
        self._list.action_cursor_down() if step > 0 else self._list.action_cursor_up()

    def action_back(self) -> None:
        self.dismiss(None)

    @work(group="search", exclusive=True)
    async def _search(self, query: str) -> None:
        self._line.update("searching…")
        try:
            self.found = await self._library.search(query)
        except PocketAgentError as error:
            self._line.update(one_line(f"✗ {error}"))
            return
        count = len(self.found.hits)
        how = "" if self.found.by_meaning else " · by words alone, meaning is not ready yet"
        self._line.update(f"{count} found{how}" if count else f"Nothing was found{how}")
        self._paint()

    def _paint(self) -> None:
        at = self._list.highlighted or 0
        width = self.size.width - MARGIN
        hits = self.found.hits
        self._list.set_options(
            Option(_row(hit, width), id=str(number)) for number, hit in enumerate(hits)
        )
        if hits:
            self._list.highlighted = min(at, len(hits) - 1)


def _row(hit: Hit, width: int) -> Content:
    about = Content.styled(one_line(f"{hit.title} · {hit.about}"), "dim")
    said = Content.styled(one_line(hit.text, _LONGEST), "bold")
    return Content("\n").join([indented(said, width, 0), indented(about, width, 2)])
