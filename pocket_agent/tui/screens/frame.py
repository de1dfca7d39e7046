"""What every screen of ours has in common: room for one line where the terminal is too small."""

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from pocket_agent.tui.widgets.bars import TooSmall


class Frame(Screen[str | None]):
    """A screen that says so in one line, rather than show garbage, where it has no room."""

    def compose(self) -> ComposeResult:
        yield from self.body()
        yield TooSmall()

    def body(self) -> Iterator[Widget]:
        """The widgets of the screen."""
        raise NotImplementedError

    def tell(self, line: str, *, failure: bool = False) -> None:
        """Show a line for a moment. Text from outside is safe here: it is not markup."""
        self.notify(line, severity="error" if failure else "information", markup=False)
