"""What every screen of ours has in common: room for one line where the terminal is too small."""

from collections.abc import Iterator

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from pocket_agent.keys import DEFAULT_KEYS, key_for
from pocket_agent.tui.widgets.bars import MIN_COLUMNS, MIN_ROWS, TooSmall


class Frame(Screen[str | None]):
    """A screen that says so in one line, rather than show garbage, where it has no room."""

    _last_focused: Widget | None = None

    def compose(self) -> ComposeResult:
        yield from self.body()
        yield TooSmall()

    def body(self) -> Iterator[Widget]:
        """The widgets of the screen."""
        raise NotImplementedError

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._last_focused = event.widget

    def on_resize(self) -> None:
        self.call_after_refresh(self._focus_again)

    def _focus_again(self) -> None:
        """What had the keys was hidden while there was no room, and so lost them."""
        last = self._last_focused
        fits = self.size.width >= MIN_COLUMNS and self.size.height >= MIN_ROWS
        if fits and self.focused is None and last is not None and last.is_attached:
            last.focus()

    def key(self, action: str) -> str:
        """The key of an action, as a hint tells it."""
        return key_for(action, getattr(self.app, "keys", DEFAULT_KEYS))

    def tell(self, line: str, *, failure: bool = False) -> None:
        """Show a line for a moment. Text from outside is safe here: it is not markup."""
        self.notify(line, severity="error" if failure else "information", markup=False)
