"""One widget for each kind of entry. All their text is from outside: it never becomes markup."""

import asyncio
from typing import ClassVar

from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.keys import DEFAULT_KEYS, key_for
from pocket_agent.memory.records import TurnRole
from pocket_agent.tui.conversation import Entry, Note, Remembered, Said, SaidState, Sources
from pocket_agent.tui.prose import Code, Prose, code_blocks
from pocket_agent.tui.prose_layout import highlighted, lay_out, plain_code
from pocket_agent.tui.safe_text import excerpt, one_line, printable
from pocket_agent.tui.widgets.turn_keys import SaidWidget

FLUSH_S = 0.09
"""How often a streamed reply is painted. Faster costs much and no eye sees it."""

_FOLD_CHARACTERS, _FOLD_LINES = 4_000, 60
_MARKDOWN_CHARACTERS = 40_000


def label(who: str, said: Said) -> Content:
    """The line over a turn: who speaks, and what is unusual about it."""
    plain = said.state in (SaidState.COMPLETE, SaidState.STREAMING)
    number, count = said.version
    return Content.assemble(
        (who, "bold"),
        "" if plain else (f" · {said.state.value}", "italic"),
        "" if count == 1 else (f" · ‹ {number} of {count} ›", "italic"),
    )


class UserTurn(SaidWidget, Static):
    """What the person said. A very long text is folded; Enter or a click unfolds it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "unfold", "unfold", show=False),
    ]

    def __init__(self, said: Said) -> None:
        super().__init__(classes="turn user-turn", markup=False)
        self.said = said
        self._folded = True
        self._foldable = False

    def on_mount(self) -> None:
        self.show()

    def show(self) -> None:
        """Paint the turn as it is now."""
        head, left = excerpt(self.said.text, _FOLD_CHARACTERS, _FOLD_LINES)
        self._foldable = left > 0
        folded = self._folded and left > 0
        text = printable(head).rstrip() if folded else printable(self.said.text)
        rest = (f"\n… {left:,} more characters (Enter unfolds)", "italic") if folded else ""
        self.set_class(self.said.state is SaidState.QUEUED, "-queued")
        self.update(Content.assemble(label("You", self.said), "\n", text, rest))

    def action_unfold(self) -> None:
        self._folded = not self._folded
        self.show()

    def on_click(self) -> None:
        if self._foldable:
            self.action_unfold()


class ReplyTurn(SaidWidget):
    """What the assistant said, as Markdown. While it streams, text is painted every `FLUSH_S`."""

    def __init__(self, said: Said) -> None:
        super().__init__(classes="turn reply-turn")
        self.said = said
        # What is painted; the entry itself may be ahead of it.
        self._state, self._version = said.state, said.version
        self._prose = Prose(_shown(said.text))
        self._pending: list[str] = []
        self._timer: Timer | None = None
        self._coloured: dict[Code, Content] = {}
        self._lines: tuple[int, list[Content]] = (0, [])

    def on_mount(self) -> None:
        if self._state is SaidState.STREAMING:
            self._timer = self.set_interval(FLUSH_S, self._flush)
        else:
            self._colour()

    def grow(self, text: str) -> None:
        """Take more text; it is painted at the next flush."""
        self._pending.append(text)

    def show(self) -> None:
        """Take over a changed state; at its end the whole text is read once more."""
        if (self._state, self._version) == (self.said.state, self.said.version):
            return
        self._state, self._version = self.said.state, self.said.version
        if self._timer is not None:
            self._timer.stop()
        if self._state is SaidState.STREAMING:  # it was stopped, and goes on
            self._timer = self.set_interval(FLUSH_S, self._flush)
            self._repaint()
            return
        self._prose = Prose(_shown(self.said.text))
        self._repaint()
        self._colour()

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return len(self._laid_out(width))

    def render(self) -> RenderResult:
        return Content("\n").join(self._laid_out(self.content_size.width))

    def _laid_out(self, width: int) -> list[Content]:
        if self._lines[0] != width:
            head = label("Pocket", self.said).stylize_before("$text-secondary")
            self._lines = (width, [head, *lay_out(self._prose.blocks, width, self._colour_of)])
        return self._lines[1]

    def _repaint(self) -> None:
        self._lines = (0, [])
        self.refresh(layout=True)

    def _flush(self) -> None:
        if self._pending:
            text, self._pending = "".join(self._pending), []
            self._prose.append(printable(text))
            self._repaint()

    def _colour_of(self, code: Code) -> Content:
        return self._coloured.get(code) or plain_code(code)

    def _colour(self) -> None:
        """Colour the code blocks, in a thread: the first of a language takes 60 ms."""
        wanted = [c for c in code_blocks(self._prose.blocks) if c.language and c.text]
        if wanted:
            self.run_worker(self._colour_all(wanted), group="colour", exclusive=True)

    async def _colour_all(self, codes: list[Code]) -> None:
        for code in codes:
            if code not in self._coloured:
                self._coloured[code] = await asyncio.to_thread(highlighted, code)
        self._repaint()


class MemoryLine(Static):
    """One quiet line about an edit of the profile, with undo by key (when focused) and by click."""

    can_focus = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u,enter", "undo", "undo this", key_display="u"),
        Binding("y", "answer(True)", "yes, where the line asks"),
        Binding("n", "answer(False)", "no, where the line asks"),
    ]

    class UndoWanted(Message):
        """The person wants this very edit taken back."""

        def __init__(self, row: Remembered) -> None:
            super().__init__()
            self.row = row

    class Answered(Message):
        """The person says yes or no to what this line asks."""

        def __init__(self, row: Remembered, yes: bool) -> None:
            super().__init__()
            self.row, self.yes = row, yes

    def __init__(self, row: Remembered) -> None:
        super().__init__(classes="memory-line", markup=False)
        self.row = row
        self._newest = False

    def on_mount(self) -> None:
        self.show(self._newest)

    def show(self, newest: bool) -> None:
        """Paint the line; `newest` is the one that the undo key takes back."""
        self._newest = newest
        line = f"↳ {one_line(self.row.line)}"
        self.can_focus = not self.row.undone
        self.set_class(self.row.undone, "-undone")
        if self.row.undone:
            self.update(Content.assemble((line, "strike"), "  undone"))
            return
        key = key_for("undo", getattr(self.app, "keys", DEFAULT_KEYS))
        undo = f"{key} undo" if newest else "undo"
        if self.row.waits:
            action = Content.from_markup(
                "[@click=answer(True)]/yes[/] · [@click=answer(False)]/no[/]"
            )
        else:
            action = Content.from_markup("[@click=undo]$keys[/]", keys=undo)
        self.update(Content.assemble(line, "   ", action))

    def action_undo(self) -> None:
        if not self.row.undone:
            self.post_message(self.UndoWanted(self.row))

    def action_answer(self, yes: bool) -> None:
        if self.row.waits and not self.row.undone:
            self.post_message(self.Answered(self.row, yes))


class SourcesLine(Static):
    """One quiet line under a reply: what it was made from. Enter or a click shows that."""

    can_focus = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "look", "show what they are")]

    class LookWanted(Message):
        """The person wants to see what a reply was made from."""

        def __init__(self, sources: Sources) -> None:
            super().__init__()
            self.sources = sources

    def __init__(self, sources: Sources) -> None:
        super().__init__(classes="sources-line", markup=False)
        self.sources = sources

    def on_mount(self) -> None:
        self.update(Content.from_markup("[@click=look]$line[/]", line=self.sources.line))

    def action_look(self) -> None:
        self.post_message(self.LookWanted(self.sources))


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
        case Sources():
            return SourcesLine(entry)
        case Note():
            return NoteLine(entry)


def _shown(text: str) -> str:
    head, left = excerpt(printable(text), _MARKDOWN_CHARACTERS, _MARKDOWN_CHARACTERS)
    return f"{head}\n\n… {left:,} more characters" if left else head
