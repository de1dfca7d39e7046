"""Earlier conversations: choose one to go on with, start a new one, give one a title."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Session
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.dates import moment
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.confirm import forget_asking
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

PAGE = 50
NEW = ""
"""What the screen answers when the person wants a new conversation."""

_KEYS = "Enter open · n new · r title · x forget · / filter · Esc back"
_LOAD_AHEAD = 5
_MARGIN = 4


class SessionsScreen(Frame):
    """Choose a conversation. Answers its id, `NEW`, or None."""

    CSS_PATH = "sessions.tcss"
    TITLE = "Sessions"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "go on with it"),
        Binding("n", "new", "start a new conversation"),
        Binding("r", "rename", "give it a title"),
        Binding("x", "forget", "forget it for good (asks)"),
        Binding("slash", "filter", "show only titles that contain a word", key_display="/"),
        Binding("escape", "back", "back", priority=True),
    ]

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend
        self._sessions: list[Session] = []
        self._complete = False
        self._needle = ""
        self._renaming: Session | None = None
        self._list = OptionList(id="sessions", classes="listing", markup=False)
        self._field = Input(classes="field", select_on_focus=False)
        self._field.cursor_blink = False  # nothing moves at idle
        self._line = Static("", classes="told", markup=False)

    def body(self) -> Iterator[Widget]:
        yield Heading(f"Conversations · {self._backend.profile_name}")
        yield self._list
        yield self._field
        yield self._line
        yield Static(_KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        self._field.display = False
        self._list.focus()
        self._load_more()

    def on_resize(self) -> None:
        self._paint()

    @work(group="sessions", exclusive=True)
    async def _load_more(self) -> None:
        """Fetch the next page, or, while a filter is set, all there are."""
        try:
            while not self._complete:
                found = await self._backend.sessions(PAGE, len(self._sessions))
                self._sessions += found
                self._complete = len(found) < PAGE
                self._paint()
                if not self._needle:
                    break
        except PocketAgentError as error:
            self._say(f"✗ {error}")

    def _paint(self) -> None:
        at = self._list.highlighted
        needle = self._needle.casefold()
        shown = [s for s in self._sessions if needle in s.title.casefold()]
        self._list.set_options(
            [Option(self._row(session), id=session.id) for session in shown]
            or [Option("There is none.", disabled=True)]
        )
        if shown:
            self._list.highlighted = min(at or 0, len(shown) - 1)

    def _row(self, session: Session) -> Content:
        current = self._backend.session
        here = " · open now" if current and session.id == current.id else ""
        width = self.size.width - _MARGIN
        turns = "1 turn" if session.turns == 1 else f"{session.turns} turns"
        return Content.assemble(
            (one_line(session.title, 200) or "Untitled", "bold"),
            "\n",
            indented(Content(f"{moment(session.touched)} · {turns}{here}"), width, 2),
        )

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_index >= len(self._sessions) - _LOAD_AHEAD and not self._complete:
            self._load_more()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While one types into the field, letters are letters."""
        return not self._field.has_focus or action == "back"

    def action_open(self) -> None:
        if session := self._chosen():
            self.dismiss(session.id)

    def action_new(self) -> None:
        self.dismiss(NEW)

    def action_rename(self) -> None:
        self._renaming = self._chosen()
        if self._renaming is not None:
            self._open_field("title", one_line(self._renaming.title))

    @work(group="forget")
    async def action_forget(self) -> None:
        if session := self._chosen():
            wish = Wish(session=session.id)
            self._say(await forget_asking(cast("PocketApp", self.app), self._backend, wish))
            self._sessions, self._complete = [], False
            self._load_more()

    def action_filter(self) -> None:
        self._renaming = None
        self._open_field("show only titles that contain…", self._needle)

    def action_back(self) -> None:
        if self._field.has_focus or self._needle:
            if self._renaming is None:
                self._needle = ""
                self._paint()
            self._close_field()
        else:
            self.dismiss(None)

    @on(Input.Changed)
    def _typed(self) -> None:
        if self._field.display and self._renaming is None:
            self._needle = self._field.value.strip()
            self._paint()
            self._load_more()

    @on(Input.Submitted)
    def _entered(self) -> None:
        session, title = self._renaming, self._field.value.strip()
        self._close_field()
        if session is not None and title:
            self._rename(session, title)

    @work(group="rename")
    async def _rename(self, session: Session, title: str) -> None:
        try:
            await self._backend.rename_session(session.id, title)
        except PocketAgentError as error:
            self._say(f"✗ {error}")
            return
        self._sessions, self._complete = [], False
        self._load_more()

    def _chosen(self) -> Session | None:
        at = self._list.highlighted
        if at is None or at >= self._list.option_count:
            return None
        wanted = self._list.get_option_at_index(at).id
        return next((session for session in self._sessions if session.id == wanted), None)

    def _open_field(self, hint: str, value: str) -> None:
        self._field.placeholder = hint
        self._field.value = value
        self._field.display = True
        self._field.focus()
        self._field.cursor_position = len(value)

    def _close_field(self) -> None:
        self._renaming = None
        self._field.display = False
        self._list.focus()

    def _say(self, line: str) -> None:
        self._line.update(one_line(line))
