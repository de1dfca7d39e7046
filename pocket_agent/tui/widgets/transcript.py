"""The scrolling conversation. Only a window of entries is mounted, however long it is.

Each mounted reply makes every relayout dearer; those that are far from what is read are let go.
"""

import asyncio
from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.keys import DEFAULT_KEYS, key_for
from pocket_agent.tui.conversation import Conversation, Entry, Said
from pocket_agent.tui.widgets.entries import MemoryLine, ReplyTurn, UserTurn, widget_for
from pocket_agent.tui.widgets.window import MOST, Window

WELCOME = (
    "Nothing you say here leaves this computer.\n"
    "What you tell about yourself is remembered: each memory is shown, and undone by one key."
)


class Transcript(VerticalScroll, can_focus=False):
    """A window on the conversation's entries, which stays at the end unless one scrolls up."""

    class OlderWanted(Message):
        """The person has come to the top, and the entries held are all shown."""

    def __init__(self, welcome: str = WELCOME) -> None:
        super().__init__(id="transcript")
        self._conversation = Conversation()
        self._mounted: dict[int, Widget] = {}
        self._shown = Window()
        self._lock = asyncio.Lock()
        self._dirty = False
        self._going = False
        self._top = Static("", id="older", classes="edge", markup=False)
        self._bottom = Static("", id="newer", classes="edge", markup=False)
        self._welcome = Static(welcome, id="welcome", markup=False)

    def compose(self) -> ComposeResult:
        yield self._top
        yield self._welcome
        yield self._bottom

    def on_mount(self) -> None:
        self._top.display = self._bottom.display = False
        self.anchor()

    def anchor(self, anchor: bool = True) -> None:
        """Go to the end and stay there; entries that are not mounted come back."""
        if anchor and not self._shown.at_end:
            self._shown.follow()
            self.run_worker(self.sync(self._conversation), group="sync")
        super().anchor(anchor)

    async def sync(self, conversation: Conversation) -> None:
        """Make what is mounted agree with the conversation's entries."""
        self._dirty = True
        async with self._lock:
            if not self._dirty:
                return
            self._dirty = False
            if conversation is not self._conversation:
                self._conversation = conversation
                self._shown.follow()
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
        """Scroll down by lines, or a page; at the very bottom, show newer entries."""
        if self.scroll_y >= self.max_scroll_y and not self._shown.at_end:
            self.run_worker(self.show_newer(), group="older", exclusive=True)
        else:
            self._move(lines or self._page)

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    @property
    def _most(self) -> int:
        """Entries mounted at once: more than a screen can hold."""
        return max(MOST, 2 * self.size.height)

    def _move(self, lines: int) -> None:
        self.scroll_relative(y=lines, animate=False)

    async def show_older(self) -> None:
        """Move the window upwards, keeping what is read where it is."""
        if self._shown.older(self._conversation.entries, self._most):
            await self._sync_in_place()
        elif self._conversation.older:
            self.post_message(self.OlderWanted())

    async def show_newer(self) -> None:
        """Move the window downwards, keeping what is read where it is."""
        if self._shown.newer(self._conversation.entries, self._most):
            await self._sync_in_place()

    async def reveal(self, said: Said) -> None:
        """Scroll to a turn that the conversation holds."""
        entries = self._conversation.entries
        if said not in entries:
            return
        self.release_anchor()
        self._shown.move_to(entries, entries.index(said), self._most)
        self._going = True
        try:
            self._hold_end()
            await self.sync(self._conversation)
        finally:
            self._going = False
        widget = self._mounted.get(said.key)
        if widget is not None:
            self.call_after_refresh(self.scroll_to_widget, widget, animate=False, top=True)

    async def _sync_in_place(self) -> None:
        """Mount what the window holds now, and keep what is read where it is."""
        place = self._place()
        self._hold_end()
        await self.sync(self._conversation)

        def restore() -> None:
            widget = self._mounted.get(place[0]) if place else None
            if widget is not None and place is not None:
                self.scroll_to(y=widget.virtual_region.y - place[1], animate=False)

        self.call_after_refresh(restore)

    def _hold_end(self) -> None:
        """While the end is not mounted, the last entry that is must not pass for it."""
        if not self._shown.at_end:
            super().anchor(False)

    def _place(self) -> tuple[int, float] | None:
        """The key of the first entry in sight, and how far its top is from that of the screen."""
        for entry in self._conversation.entries:
            widget = self._mounted.get(entry.key)
            if widget is not None and widget.virtual_region.bottom > self.scroll_y:
                return entry.key, widget.virtual_region.y - self.scroll_y
        return None

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        if new <= 0 < old and not self.following:
            self.run_worker(self.show_older(), group="older", exclusive=True)
        elif old < new and new >= self.max_scroll_y and not self._going:
            if not self._shown.at_end:
                self.run_worker(self.show_newer(), group="older", exclusive=True)
            elif not self.is_anchored:
                super().anchor()

    @property
    def following(self) -> bool:
        """Whether the end is in sight and stays so as more comes."""
        # What is shorter than the screen has a negative offset: it is anchored at the bottom.
        return (
            self.is_anchored
            and self._shown.at_end
            and not self._going
            and (self.max_scroll_y <= 0 or self.scroll_offset.y >= self.max_scroll_y)
        )

    def _window(self) -> list[Entry]:
        entries = self._conversation.entries
        bounds = self._shown.bounds(entries, following=self.following, most=self._most)
        self._show_edges(bounds.start, len(entries) - bounds.stop)
        return entries[bounds]

    def _show_edges(self, before: int, after: int) -> None:
        keys: Mapping[str, str] = getattr(self.app, "keys", DEFAULT_KEYS)
        self._welcome.display = not self._conversation.entries
        self._top.display = more = before > 0 or self._conversation.older
        count = f"{before}{'+' if self._conversation.older else ''} " if before else ""
        self._top.update(f"▲ {count}older · {key_for('page_up', keys)} shows them" if more else "")
        self._bottom.display = after > 0
        self._bottom.update(
            f"▼ {after} newer · {key_for('end', keys)} goes to the end" if after else ""
        )

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
