"""One widget for each kind of entry. All their text is from outside: it never becomes markup."""

from typing import ClassVar

from markdown_it import MarkdownIt
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownStream

from pocket_agent.memory.records import TurnRole
from pocket_agent.tui.conversation import Entry, Note, Remembered, Said, SaidState
from pocket_agent.tui.safe_text import excerpt, one_line, printable

FLUSH_S = 0.09
"""How often a streamed reply is painted. Faster costs much and no eye sees it."""

_FOLD_CHARACTERS, _FOLD_LINES = 4_000, 60
_MARKDOWN_CHARACTERS = 40_000


def markdown_parser() -> MarkdownIt:
    """CommonMark with tables; HTML is shown as the text it is, rather than swallowed."""
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def label(who: str, state: SaidState) -> Content:
    """The line over a turn: who speaks, and what is unusual about it."""
    plain = state in (SaidState.COMPLETE, SaidState.STREAMING)
    return Content.assemble((who, "bold"), "" if plain else (f" · {state.value}", "italic"))


class UserTurn(Static):
    """What the person said. A very long text is folded; Enter or a click unfolds it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "unfold", "unfold", show=False),
    ]

    def __init__(self, said: Said) -> None:
        super().__init__(classes="turn user-turn", markup=False)
        self.said = said
        self._folded = True

    def on_mount(self) -> None:
        self.show()

    def show(self) -> None:
        """Paint the turn as it is now."""
        text = printable(self.said.text)
        head, left = excerpt(text, _FOLD_CHARACTERS, _FOLD_LINES)
        self.can_focus = left > 0
        folded = self._folded and left > 0
        rest = (f"\n… {left:,} more characters (Enter unfolds)", "italic") if folded else ""
        self.set_class(self.said.state is SaidState.QUEUED, "-queued")
        self.update(
            Content.assemble(
                label("You", self.said.state), "\n", head.rstrip() if folded else text, rest
            )
        )

    def action_unfold(self) -> None:
        self._folded = not self._folded
        self.show()

    def on_click(self) -> None:
        if self.can_focus:
            self.action_unfold()


class ReplyTurn(Vertical):
    """What the assistant said, as Markdown. While it streams, text is painted every `FLUSH_S`."""

    def __init__(self, said: Said) -> None:
        super().__init__(classes="turn reply-turn")
        self.said = said
        self._pending: list[str] = []
        self._stream: MarkdownStream | None = None
        self._timer: Timer | None = None
        # What is painted; the entry itself may be ahead by the time this widget is mounted.
        self._state = said.state

    def compose(self) -> ComposeResult:
        streaming = self._state is SaidState.STREAMING
        yield Static(label("Pocket", self._state), classes="who", markup=False)
        # A stream must start on an empty document: on a filled one an open code fence breaks.
        yield Markdown(
            "" if streaming else _markdown(self.said.text),
            parser_factory=markdown_parser,
            open_links=False,
        )

    def on_mount(self) -> None:
        if self._state is SaidState.STREAMING:
            self._pending = [self.said.text]
            self._stream = Markdown.get_stream(self.query_one(Markdown))
            self._timer = self.set_interval(FLUSH_S, self._flush)

    def grow(self, text: str) -> None:
        """Take more text; it is painted at the next flush."""
        self._pending.append(text)

    async def show(self) -> None:
        """Take over a changed state; at the end of a stream the whole text is set once."""
        if self._state is self.said.state:
            return
        self._state = self.said.state
        self.query_one(".who", Static).update(label("Pocket", self.said.state))
        await self._end_stream()
        await self.query_one(Markdown).update(_markdown(self.said.text))

    async def _flush(self) -> None:
        if self._stream is not None and self._pending:
            text, self._pending = "".join(self._pending), []
            await self._stream.write(printable(text))

    async def _end_stream(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.stop()

    async def on_unmount(self) -> None:
        await self._end_stream()


class MemoryLine(Static):
    """One quiet line about an edit of the profile, with undo by key (when focused) and by click."""

    can_focus = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u,enter", "undo", "undo this", key_display="u"),
    ]

    class UndoWanted(Message):
        """The person wants this very edit taken back."""

        def __init__(self, row: Remembered) -> None:
            super().__init__()
            self.row = row

    def __init__(self, row: Remembered) -> None:
        super().__init__(classes="memory-line", markup=False)
        self.row = row
        self._newest = False

    def on_mount(self) -> None:
        self.show(self._newest)

    def show(self, newest: bool) -> None:
        """Paint the line; `newest` is the one that the undo key takes back."""
        self._newest = newest
        line = one_line(self.row.line)
        self.can_focus = not self.row.undone
        self.set_class(self.row.undone, "-undone")
        if self.row.undone:
            self.update(Content.assemble((line, "strike"), "  undone"))
            return
        action = Content.from_markup(
            "[@click=undo]$keys[/]", keys="ctrl+u undo" if newest else "undo"
        )
        self.update(Content.assemble(line, "   ", action))

    def action_undo(self) -> None:
        if not self.row.undone:
            self.post_message(self.UndoWanted(self.row))


class NoteLine(Static):
    """A line of the app's own. Failures carry a sign, so that colour is not needed to tell."""

    def __init__(self, note: Note) -> None:
        sign = "✗" if note.failure else "–"
        super().__init__(
            f"{sign} {printable(note.text)}",
            classes="note-line -failure" if note.failure else "note-line",
            markup=False,
        )


def widget_for(entry: Entry) -> Widget:
    """The widget that shows an entry."""
    match entry:
        case Said(role=TurnRole.USER):
            return UserTurn(entry)
        case Said():
            return ReplyTurn(entry)
        case Remembered():
            return MemoryLine(entry)
        case Note():
            return NoteLine(entry)


def _markdown(text: str) -> str:
    head, left = excerpt(printable(text), _MARKDOWN_CHARACTERS, _MARKDOWN_CHARACTERS)
    return f"{head}\n\n… {left:,} more characters" if left else head
