"""What lies near a topic, to be ticked: what is ticked is to be forgotten."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

from pocket_agent.errors import PocketAgentError
from pocket_agent.tui.backend import Backend, Proposed
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

if TYPE_CHECKING:
    from pocket_agent.memory.erasure import Wish
    from pocket_agent.tui.app import PocketApp

CHOSEN = "chosen"
_KEYS = "Space ticks · a all or none · Enter shows what would go · Esc keeps everything"
_LONGEST = 200
_ABOUT = "--about"
_SUBSTRING = "--substring"


class TopicScreen(Frame):
    """What is near a topic. Answers CHOSEN, or None; what was ticked is in `ticked`.

    Args:
        topic: in the person's words. rows: what is near it.
    """

    TITLE = "Forget"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "show what would go", priority=True),
        Binding("a", "all", "tick all, or none"),
        Binding("escape", "back", "keep everything", priority=True),
    ]

    def __init__(self, topic: str, rows: Sequence[Proposed]) -> None:
        super().__init__()
        self._topic = topic
        self._rows = rows
        self._list = SelectionList[int](
            *(Selection(Content(one_line(row.line, _LONGEST)), n) for n, row in enumerate(rows)),
            id="near",
            classes="listing",
        )

    @property
    def ticked(self) -> list[Proposed]:
        """What was ticked, in its order."""
        return [self._rows[number] for number in sorted(self._list.selected)]

    def body(self) -> Iterator[Widget]:
        yield Heading(f"Near {one_line(self._topic, 60)} · tick what is to be forgotten")
        yield self._list
        yield Static(_KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        self._list.highlighted = 0
        self._list.focus()

    def action_all(self) -> None:
        if len(self._list.selected) == len(self._rows):
            self._list.deselect_all()
        else:
            self._list.select_all()

    def action_take(self) -> None:
        self.dismiss(CHOSEN if self._list.selected else None)

    def action_back(self) -> None:
        self.dismiss(None)


async def forget_what_is_said(app: "PocketApp", backend: Backend, argument: str) -> str:
    """What `/forget` does: of words, days or everything (`wishes`), of characters
    (`--substring`) or of a topic (`--about`).

    Returns:
        The line to show.
    """
    from pocket_agent.memory.erasure import Wish
    from pocket_agent.tui.screens.confirm import forget_asking
    from pocket_agent.tui.wishes import wish_of

    option, _, text = argument.partition(" ")
    if option not in (_ABOUT, _SUBSTRING):
        try:
            return await forget_asking(app, backend, wish_of(argument))
        except PocketAgentError as error:
            return f"✗ {error}"
    if not text.strip():
        return f"say of what: /forget {option} TEXT"
    if option == _SUBSTRING:
        return await forget_asking(app, backend, Wish(matching=text, substring=True))
    try:
        wish = await _chosen(app, backend, text.strip())
    except PocketAgentError as error:
        return f"✗ {error}"
    return wish if isinstance(wish, str) else await forget_asking(app, backend, wish)


async def _chosen(app: "PocketApp", backend: Backend, topic: str) -> "Wish | str":
    """The wish that what is ticked be forgotten, or the line that says why there is none."""
    from pocket_agent.memory.topic import wish_for

    rows = await backend.near_topic(topic)
    if not rows:
        return "nothing is near that"
    screen = TopicScreen(topic, rows)
    if await app.push_screen_wait(screen) != CHOSEN:
        return "nothing was forgotten"
    return wish_for(row.near for row in screen.ticked)
