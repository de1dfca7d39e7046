"""Earlier conversations: choose one to go on with, name, archive or export one."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Session
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.dates import moment
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.confirm import forget_asking
from pocket_agent.tui.screens.listing import MARGIN, Listing
from pocket_agent.tui.widgets.bars import Heading

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

PAGE = 50
NEW = ""
"""What the screen answers when the person wants a new conversation."""

_LOAD_AHEAD = 5


class SessionsScreen(Listing[Session]):
    """Choose a conversation. Answers its id, `NEW`, or None."""

    CSS_PATH = "sessions.tcss"
    TITLE = "Sessions"
    KEYS = (
        "Enter open · n new · r title · a archive · v archived · e export · x forget · / filter · "
        "Esc back"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "go on with it"),
        Binding("n", "new", "start a new conversation"),
        Binding("r", "rename", "give it a title"),
        Binding("a", "archive", "archive it, or bring it back"),
        Binding("v", "view", "show what is archived, or what is not"),
        Binding("e", "export", "export it to a file: JSON, or Markdown if it ends in .md"),
        Binding("x", "forget", "forget it for good (asks)"),
        Binding("slash", "filter", "show only titles that contain a word", key_display="/"),
        Binding("escape", "back", "back", priority=True),
    ]

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend, "sessions")
        self._sessions: list[Session] = []
        self._complete = False
        self._archived = False
        self._exporting = False

    def heading(self) -> str:
        kept = " · archived" if self._archived else ""
        return f"Conversations · {self._backend.profile_name}{kept}"

    def on_mount(self) -> None:
        self._load_more()

    def on_resize(self) -> None:
        self._paint()

    @work(group="sessions", exclusive=True)
    async def _load_more(self) -> None:
        """Fetch the next page, or, while a filter is set, all there are."""
        try:
            while not self._complete:
                found = await self._fetch(len(self._sessions))
                self._sessions += found
                self._complete = len(found) < PAGE
                self._paint()
                if not self._needle:
                    break
        except PocketAgentError as error:
            self._say(f"✗ {error}")

    async def _fetch(self, offset: int) -> list[Session]:
        if self._archived:
            return await self._backend.library.archived(PAGE, offset)
        return await self._backend.sessions(PAGE, offset)

    def _again(self) -> None:
        """Fetch anew: something has changed."""
        self._sessions, self._complete = [], False
        self._load_more()

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
        width = self.size.width - MARGIN
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

    def action_open(self) -> None:
        if session := self._chosen():
            self.dismiss(session.id)

    def action_new(self) -> None:
        self.dismiss(NEW)

    def action_view(self) -> None:
        self._archived = not self._archived
        self.query_one(Heading).show(self.heading())
        self._again()

    @work(group="archive")
    async def action_archive(self) -> None:
        if session := self._chosen():
            try:
                await self._backend.library.archive(session.id, not self._archived)
            except PocketAgentError as error:
                self._say(f"✗ {error}")
                return
            where = "brought back" if self._archived else "archived: v shows what is"
            self._say(f"{one_line(session.title) or 'Untitled'} · {where}")
            self._again()

    def action_export(self) -> None:
        self._editing, self._exporting = self._chosen(), True
        if self._editing is not None:
            self._open_field("file to export it to (.json or .md)", "conversation.md")

    def action_rename(self) -> None:
        self._editing, self._exporting = self._chosen(), False
        if self._editing is not None:
            self._open_field("title", one_line(self._editing.title))

    @work(group="forget")
    async def action_forget(self) -> None:
        if session := self._chosen():
            wish = Wish(session=session.id)
            self._say(await forget_asking(cast("PocketApp", self.app), self._backend, wish))
            self._again()

    def action_filter(self) -> None:
        self._editing = None
        self._open_field("show only titles that contain…", self._needle)

    def refilter(self) -> None:
        self._paint()
        if self._needle:
            self._load_more()

    def edited(self, item: Session, value: str) -> None:
        self._export(item, value) if self._exporting else self._rename(item, value)

    @work(group="export")
    async def _export(self, session: Session, file: str) -> None:
        try:
            self._say(await self._backend.library.export(session.id, file))
        except PocketAgentError as error:
            self._say(f"✗ {error}")

    @work(group="rename")
    async def _rename(self, session: Session, title: str) -> None:
        try:
            await self._backend.rename_session(session.id, title)
        except PocketAgentError as error:
            self._say(f"✗ {error}")
            return
        self._again()

    def _chosen(self) -> Session | None:
        wanted = self._chosen_id()
        return next((session for session in self._sessions if session.id == wanted), None)
