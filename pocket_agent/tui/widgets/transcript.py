"""The scrolling conversation. Only a window of entries is mounted; older ones come on demand.

Fifty mounted Markdown replies would make every relayout cost 50 ms; twenty entries don't.
"""

import asyncio

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.tui.conversation import Conversation, Entry, Said
from pocket_agent.tui.widgets.entries import MemoryLine, ReplyTurn, UserTurn, widget_for

WINDOW = 18
"""Entries mounted while the end is followed."""
SLACK = 6
"""So many more may come before the oldest are taken out again."""
_STEP = 10
_WELCOME = (
    "Nothing you say here leaves this computer.\n"
    "What you tell about yourself is remembered: each memory is shown, and undone by one key."
)


class Transcript(VerticalScroll, can_focus=False):
    """A window on the conversation's entries, which stays at the end unless one scrolls up."""

    class OlderWanted(Message):
        """The person has come to the top, and the entries held are all shown."""

    def __init__(self, welcome: str = _WELCOME) -> None:
        super().__init__(id="transcript")
        self._conversation = Conversation()
        self._mounted: dict[int, Widget] = {}
        self._first: int | None = None
        self._whole = False
        self._lock = asyncio.Lock()
        self._dirty = False
        self._going = False
        self._top = Static("", id="older", markup=False)
        self._welcome = Static(welcome, id="welcome", markup=False)

    def compose(self) -> ComposeResult:
        yield self._top
        yield self._welcome

    def on_mount(self) -> None:
        self._top.display = False
        self.anchor()

    async def sync(self, conversation: Conversation) -> None:
        """Make what is mounted agree with the conversation's entries."""
        self._dirty = True
        async with self._lock:
            if not self._dirty:
                return
            self._dirty = False
            if conversation is not self._conversation:
                self._conversation, self._first, self._whole = conversation, None, False
                self.anchor()
            await self._reconcile(self._window())

    def grow(self, reply: Said, text: str) -> None:
        """More text of a streaming reply."""
        widget = self._mounted.get(reply.key)
        if isinstance(widget, ReplyTurn):
            widget.grow(text)

    def back(self, lines: int = 0) -> None:
        """Scroll up by lines, or a page; at the very top, show older entries."""
        if self.scroll_y <= 0:
            self.run_worker(self.show_older(), group="older", exclusive=True)
        else:
            self._move(-(lines or self._page))

    def on(self, lines: int = 0) -> None:
        """Scroll down by lines, or a page."""
        self._move(lines or self._page)

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def _move(self, lines: int) -> None:
        self.scroll_relative(y=lines, animate=False)

    async def show_older(self) -> None:
        """Widen the window upwards, keeping what is read where it is."""
        start = self._start()
        if start == 0:
            if self._conversation.older:
                self.post_message(self.OlderWanted())
            return
        self._first = self._conversation.entries[max(0, start - _STEP)].key
        await self.sync_in_place()

    async def reveal(self, said: Said) -> None:
        """Scroll to a turn that the conversation holds."""
        entries = self._conversation.entries
        if said not in entries:
            return
        if entries.index(said) < self._start():
            self._first, self._whole = said.key, False
        self.release_anchor()
        self._going = True
        try:
            await self.sync(self._conversation)
        finally:
            self._going = False
        widget = self._mounted.get(said.key)
        if widget is not None:
            self.call_after_refresh(self.scroll_to_widget, widget, animate=False, top=True)

    async def sync_in_place(self) -> None:
        """Show entries that were put before the others, keeping what is read where it is."""
        from_end = self.virtual_size.height - self.scroll_y
        await self.sync(self._conversation)

        def restore() -> None:
            self.scroll_to(y=self.virtual_size.height - from_end, animate=False)

        self.call_after_refresh(restore)

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        if new <= 0 < old and not self.following:
            self.run_worker(self.show_older(), group="older", exclusive=True)

    @property
    def following(self) -> bool:
        """Whether the end is in sight and stays so as more comes."""
        # What is shorter than the screen has a negative offset: it is anchored at the bottom.
        return (
            self.is_anchored
            and not self._going
            and (self.max_scroll_y <= 0 or self.scroll_offset.y >= self.max_scroll_y)
        )

    def _start(self) -> int:
        """Index of the first entry of the window."""
        if self._whole:
            return 0
        for at, entry in enumerate(self._conversation.entries):
            if entry.key == self._first:
                return at
        return max(0, len(self._conversation.entries) - WINDOW)

    def _window(self) -> list[Entry]:
        entries = self._conversation.entries
        start = self._start()
        if self.following and len(entries) - start > WINDOW + SLACK:
            start = len(entries) - WINDOW
        window = entries[start:]
        self._first = window[0].key if window else None
        # Else a line put before the first entry would fall out of the window.
        self._whole = start == 0 and bool(window)
        self._show_top(start)
        return window

    def _show_top(self, hidden: int) -> None:
        self._welcome.display = not self._conversation.entries
        more = hidden > 0 or self._conversation.older
        self._top.display = more
        count = f"{hidden}{'+' if self._conversation.older else ''} " if hidden else ""
        self._top.update(f"▲ {count}older · PageUp shows them" if more else "")

    async def _reconcile(self, window: list[Entry]) -> None:
        wanted = {entry.key for entry in window}
        gone = [key for key in self._mounted if key not in wanted]
        with self.app.batch_update():
            if gone:
                await self.remove_children([self._mounted.pop(key) for key in gone])
            await self._mount_missing(window)
        newest = self._conversation.last_memory()
        for entry in window:
            widget = self._mounted[entry.key]
            if isinstance(widget, (ReplyTurn, UserTurn)):
                widget.show()
            elif isinstance(widget, MemoryLine):
                widget.show(entry is newest)

    async def _mount_missing(self, window: list[Entry]) -> None:
        """Mount runs of new entries after whatever stands before them."""
        after: Widget = self._welcome
        run: list[Widget] = []
        for entry in window:
            widget = self._mounted.get(entry.key)
            if widget is None:
                run.append(self._mounted.setdefault(entry.key, widget_for(entry)))
                continue
            if run:
                await self.mount_all(run, after=after)
                run = []
            after = widget
        if run:
            await self.mount_all(run, after=after)
