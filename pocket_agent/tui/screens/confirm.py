"""Asks before something is erased for good, showing what would go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.errors import PocketAgentError
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

if TYPE_CHECKING:
    from pocket_agent.memory.erasure import Wish
    from pocket_agent.tui.app import PocketApp

YES = "yes"
KEEP = "keep"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question: over it, before what is concerned, under it, and the keys."""

    heading: str = "Forget for good"
    before: str = "This erases: "
    after: str = "No undo brings it back."
    keys: str = "y erase it · Esc keep everything"


FORGET = Asked()


class ConfirmScreen(Frame):
    """Yes or no. Answers YES, KEEP (yes, but replies elsewhere stay), or None.

    Args:
        what: what is concerned, in one line. lines: all the rows of it.
        asked: the words around them. replies: how many of them are replies elsewhere.
    """

    CSS_PATH = "confirm.tcss"
    TITLE = "Forget"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "agree", "do it"),
        Binding("k", "keep", "erase it, but keep the replies elsewhere that repeat it"),
        Binding("escape,n", "decline", "leave everything as it is", priority=True),
        Binding("right", "turn(1)", "the next page of rows", priority=True),
        Binding("left", "turn(-1)", "the page before", priority=True),
    ]

    def __init__(
        self, what: str, lines: Sequence[str], asked: Asked = FORGET, *, replies: int = 0
    ) -> None:
        super().__init__()
        self._asked = asked
        self._what = what
        self._lines = lines
        self._replies = replies
        self._first = 0
        self._rows = Static("", markup=False)
        self._place = Static("", classes="told", markup=False)

    def body(self) -> Iterator[Widget]:
        asked = self._asked
        yield Heading(asked.heading, "")
        told = f"{asked.before}{one_line(self._what)}"
        yield Static(told, classes="told", markup=False)
        yield VerticalScroll(self._rows, id="rows")
        yield self._place
        yield Static(asked.after, classes="told", markup=False)
        keep = "k erase it, keep the replies elsewhere · " if self._replies else ""
        yield Static(asked.keys.replace("Esc", f"{keep}Esc"), classes="keys", markup=False)

    def on_mount(self) -> None:
        self._show()
        self.query_one("#rows").focus()

    def action_turn(self, step: int) -> None:
        first = self._first + step * _PAGE
        if 0 <= first < len(self._lines):
            self._first = first
            self._show()

    def _show(self) -> None:
        """One page of the rows: there may be thousands."""
        end = min(len(self._lines), self._first + _PAGE)
        self._rows.update("\n".join(one_line(each, 200) for each in self._lines[self._first : end]))
        self._place.display = len(self._lines) > _PAGE
        self._place.update(f"{self._first + 1} to {end} of {len(self._lines)} · ← → turn the page")
        self.query_one("#rows").scroll_home(animate=False)

    def action_agree(self) -> None:
        self.dismiss(YES)

    def action_keep(self) -> None:
        if self._replies:
            self.dismiss(KEEP)

    def action_decline(self) -> None:
        self.dismiss(None)


async def forget_asking(app: "PocketApp", backend: Backend, wish: "Wish") -> str:
    """Show what a wish would erase, ask, and erase it. To be called in a worker.

    Returns:
        The line to show.
    """
    try:
        preview = await backend.plan_forgetting(wish)
        if not preview.what:
            return "nothing holds that"
        screen = ConfirmScreen(preview.what, preview.lines, replies=preview.replies)
        answer = await app.push_screen_wait(screen)
        if answer is None:
            return "nothing was forgotten"
        if answer == KEEP:
            wish = replace(wish, keep_replies=True)
        if app.chat.dialogue.replying:
            return f"✗ a reply is being written: stop it first ({app.chat.key('stop')} in the chat)"
        line = await backend.forget(wish)
    except PocketAgentError as error:
        return f"✗ {error}"
    await app.chat.reload()
    return line
