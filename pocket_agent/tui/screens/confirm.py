"""Asks before something is erased for good, showing what would go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question: over it, before what is concerned, under it, and the keys."""

    heading: str = "Forget for good"
    before: str = "This erases: "
    after: str = "No undo brings it back."
    keys: str = "y erase it · Esc keep everything"


FORGET = Asked()


class ConfirmScreen(Frame):
    """Yes or no. Answers YES, or None.

    Args:
        what: what is concerned, in one line. lines: the rows of it. asked: the words around them.
    """

    CSS_PATH = "confirm.tcss"
    TITLE = "Forget"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "agree", "do it"),
        Binding("escape,n", "decline", "leave everything as it is", priority=True),
    ]

    def __init__(self, what: str, lines: Sequence[str], asked: Asked = FORGET) -> None:
        super().__init__()
        self._asked = asked
        self._what = what
        self._lines = lines

    def body(self) -> Iterator[Widget]:
        asked = self._asked
        yield Heading(asked.heading, "")
        told = f"{asked.before}{one_line(self._what)}"
        yield Static(told, classes="told", markup=False)
        rows = "\n".join(one_line(line, 200) for line in self._lines)
        yield VerticalScroll(Static(rows, markup=False), id="rows")
        yield Static(asked.after, classes="told", markup=False)
        yield Static(asked.keys, classes="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#rows").focus()

    def action_agree(self) -> None:
        self.dismiss(YES)

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
        if await app.push_screen_wait(ConfirmScreen(preview.what, preview.lines)) != YES:
            return "nothing was forgotten"
        if app.chat.dialogue.replying:
            return "✗ a reply is being written: stop it first (Esc in the chat)"
        line = await backend.forget(wish)
    except PocketAgentError as error:
        return f"✗ {error}"
    await app.chat.reload()
    return line
