"""What the screens with a list have in common: the list, and a field that filters or edits it."""

from collections.abc import Iterator
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from pocket_agent.tui.backend import Backend
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

MARGIN = 4
"""Columns at the sides that the list keeps for itself."""

Item = TypeVar("Item")


class Listing(Frame, Generic[Item]):
    """A list, a field under it, a line that tells what was done, and the keys.

    Args:
        backend: what the items come from. name: id of the list's widget.
    """

    KEYS: ClassVar[str]

    def __init__(self, backend: Backend, name: str) -> None:
        super().__init__()
        self._backend = backend
        self._needle = ""
        self._editing: Item | None = None  # otherwise the field filters
        self._list = OptionList(id=name, classes="listing", markup=False)
        self._field = Input(classes="field", select_on_focus=False)
        self._field.cursor_blink = False  # nothing moves at idle
        self._line = Static("", classes="told", markup=False)

    def heading(self) -> str:
        """What stands over the list."""
        raise NotImplementedError

    def refilter(self) -> None:
        """The filter is another one: show what it lets through."""
        raise NotImplementedError

    def edited(self, item: Item, value: str) -> None:
        """A value was entered for an item; it is not empty."""
        raise NotImplementedError

    def body(self) -> Iterator[Widget]:
        yield Heading(self.heading())
        yield self._list
        yield self._field
        yield self._line
        yield Static(self.KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        self._field.display = False
        self._list.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While one types into the field, letters are letters."""
        return not self._field.has_focus or action == "back"

    def action_back(self) -> None:
        if self._field.has_focus or self._needle:
            if self._editing is None:
                self._needle = ""
                self.refilter()
            self._close_field()
        else:
            self.dismiss(None)

    @on(Input.Changed)
    def _typed(self) -> None:
        if self._field.display and self._editing is None:
            self._needle = self._field.value.strip()
            self.refilter()

    @on(Input.Submitted)
    def _entered(self) -> None:
        item, value = self._editing, self._field.value.strip()
        self._close_field()
        if item is not None and value:
            self.edited(item, value)

    def _open_field(self, hint: str, value: str) -> None:
        self._field.placeholder = hint
        self._field.value = value
        self._field.display = True
        self._field.focus()
        self._field.cursor_position = len(value)
        self._say(f"{hint} · Enter takes it · Esc leaves it")

    def _close_field(self) -> None:
        self._editing = None
        self._field.display = False
        self._list.focus()
        self._say("")

    def _chosen_id(self) -> str:
        """The id of the row that the cursor is on; empty where there is none."""
        at = self._list.highlighted
        if at is None or at >= self._list.option_count:
            return ""
        return self._list.get_option_at_index(at).id or ""

    def _say(self, line: str) -> None:
        self._line.update(one_line(line))
