"""The help: made from the bindings and the command table themselves, so that it tells the truth."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.keys import DEFAULT_KEYS, key_for
from pocket_agent.tui.commands import COMMANDS
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

_KEY_COLUMN = 20
_MARGIN = 4


class HelpScreen(Frame):
    """Keys and commands."""

    CSS_PATH = "help.tcss"
    TITLE = "Help"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "back", "back")]

    def __init__(self) -> None:
        super().__init__()
        self._text = VerticalScroll(id="help")
        self._page = Static(markup=False)

    def body(self) -> Iterator[Widget]:
        yield Heading("Help", "Esc back")
        yield self._text

    def on_mount(self) -> None:
        self._text.mount(self._page)
        self._text.focus()

    def on_resize(self) -> None:
        width = self.size.width - _MARGIN
        keys = cast("PocketApp", self.app).keys
        made = [_block(title, rows, width) for title, rows in blocks(keys)]
        self._page.update(Content("\n\n").join(made))

    def action_back(self) -> None:
        self.dismiss(None)


def blocks(keys: Mapping[str, str] = DEFAULT_KEYS) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Headings, each with its rows of (what to press or type, what it does).

    Args:
        keys: the keys in force, by action.
    """
    from pocket_agent.tui.app import PocketApp
    from pocket_agent.tui.screens.chat import ChatScreen
    from pocket_agent.tui.screens.confirm import ConfirmScreen
    from pocket_agent.tui.screens.models import ModelsScreen
    from pocket_agent.tui.screens.profile import ProfileScreen
    from pocket_agent.tui.screens.search import SearchScreen
    from pocket_agent.tui.screens.sessions import SessionsScreen
    from pocket_agent.tui.widgets.entries import MemoryLine, SourcesLine
    from pocket_agent.tui.widgets.prompt import Prompt
    from pocket_agent.tui.widgets.turn_keys import SaidWidget

    yield "Commands", [(command.usage, command.about) for command in COMMANDS]
    yield "Everywhere", [*bindings_of(PocketApp, keys), ("ctrl+p", "command palette")]
    yield "Writing", list(bindings_of(Prompt, keys))
    yield "Chat", list(bindings_of(ChatScreen, keys))
    yield "A message (reach it with shift+tab)", list(bindings_of(SaidWidget, keys))
    yield "A remembered line (reach it with shift+tab)", list(bindings_of(MemoryLine, keys))
    yield "The line under a reply", list(bindings_of(SourcesLine, keys))
    yield "Profile", list(bindings_of(ProfileScreen, keys))
    yield "Conversations", list(bindings_of(SessionsScreen, keys))
    yield "Models", list(bindings_of(ModelsScreen, keys))
    yield "Search", list(bindings_of(SearchScreen, keys))
    yield "Before something is forgotten", list(bindings_of(ConfirmScreen, keys))


def bindings_of(
    owner: type[DOMNode], keys: Mapping[str, str] = DEFAULT_KEYS
) -> Iterator[tuple[str, str]]:
    """The keys that a class itself binds, and what each does."""
    for binding in Binding.make_bindings(_own(owner)):
        key = key_for(binding.id or "", keys, binding.key)
        yield binding.key_display or key, binding.description


def _own(owner: type[DOMNode]) -> Iterable[BindingType]:
    found: Iterable[BindingType] = vars(owner).get("BINDINGS", ())
    return found


def _block(title: str, rows: list[tuple[str, str]], width: int) -> Content:
    merged: dict[str, list[str]] = {}
    for key, about in rows:
        merged.setdefault(about, []).append(key)
    lines: list[Content] = [Content.styled(title, "bold underline")]
    for about, keys in merged.items():
        names = Content.styled(", ".join(keys), "bold")
        if names.cell_length < _KEY_COLUMN <= width // 3:
            body = indented(Content(about), width, _KEY_COLUMN)
            lines.append(names + body[names.cell_length :])
        else:
            lines += [names, indented(Content(about), width, 2)]
    return Content("\n").join(lines)
