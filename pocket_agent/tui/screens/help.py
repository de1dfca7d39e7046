"""The help: made from the bindings and the command table themselves, so that it tells the truth."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.keys import format_key
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.tui.commands import COMMANDS
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

_KEY_COLUMN = 16


class HelpScreen(Frame):
    """Keys and commands."""

    CSS_PATH = "help.tcss"
    TITLE = "Help"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "back", "back")]

    def __init__(self) -> None:
        super().__init__()
        self._text = VerticalScroll(id="help")

    def body(self) -> Iterator[Widget]:
        yield Heading("Help", "Esc back")
        yield self._text

    def on_mount(self) -> None:
        self._text.mount_all(
            Static(_block(title, rows), classes="block", markup=False) for title, rows in blocks()
        )
        self._text.focus()

    def action_back(self) -> None:
        self.dismiss(None)


def blocks() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Headings, each with its rows of (what to press or type, what it does)."""
    from pocket_agent.tui.app import PocketApp
    from pocket_agent.tui.screens.chat import ChatScreen
    from pocket_agent.tui.screens.profile import ProfileScreen
    from pocket_agent.tui.screens.sessions import SessionsScreen
    from pocket_agent.tui.widgets.entries import MemoryLine
    from pocket_agent.tui.widgets.prompt import Prompt

    yield "Commands", [(command.usage, command.about) for command in COMMANDS]
    yield "Everywhere", [*bindings_of(PocketApp), ("ctrl+p", "command palette")]
    yield "Writing", list(bindings_of(Prompt))
    yield "Chat", list(bindings_of(ChatScreen))
    yield "A remembered line (reach it with shift+tab)", list(bindings_of(MemoryLine))
    yield "Profile", list(bindings_of(ProfileScreen))
    yield "Conversations", list(bindings_of(SessionsScreen))


def bindings_of(owner: type[DOMNode]) -> Iterator[tuple[str, str]]:
    """The keys that a class itself binds, and what each does."""
    for binding in Binding.make_bindings(_own(owner)):
        yield binding.key_display or format_key(binding.key), binding.description


def _own(owner: type[DOMNode]) -> Iterable[BindingType]:
    found: Iterable[BindingType] = vars(owner).get("BINDINGS", ())
    return found


def _block(title: str, rows: list[tuple[str, str]]) -> Content:
    merged: dict[str, list[str]] = {}
    for key, about in rows:
        merged.setdefault(about, []).append(key)
    lines: list[Content] = [Content.styled(title, "bold underline")]
    for about, keys in merged.items():
        names = ", ".join(keys)
        lines.append(Content.assemble((f"{names:<{_KEY_COLUMN}} ", "bold"), about))
    return Content("\n").join(lines)
