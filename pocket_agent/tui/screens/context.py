"""The very prompt that the last reply was made from."""

from collections.abc import Iterator
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.errors import PocketAgentError
from pocket_agent.tui.backend import Backend, SentPart, SentPrompt
from pocket_agent.tui.safe_text import one_line, printable
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading

_NOTHING = "Nothing has been sent to the model yet in this conversation."


class ContextScreen(Frame):
    """Read what the model was given."""

    CSS_PATH = "context.tcss"
    TITLE = "Context"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "back", "back")]

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend
        self._parts = VerticalScroll(id="parts")

    def body(self) -> Iterator[Widget]:
        yield Heading("Context · what the last reply was made from")
        yield self._parts
        yield Static("arrows, PageUp, PageDown scroll · Esc back", classes="keys", markup=False)

    def on_mount(self) -> None:
        self._parts.focus()
        self._fill()

    @work(group="context")
    async def _fill(self) -> None:
        try:
            prompt = await self._backend.sent_prompt()
        except PocketAgentError as error:
            await self._parts.mount(Static(f"✗ {error}", markup=False))
            return
        if prompt is None:
            await self._parts.mount(Static(_NOTHING, markup=False))
            return
        summary = Static(_summary(prompt), classes="part", markup=False)
        await self._parts.mount_all([summary, *map(_part, prompt.parts)])

    def action_back(self) -> None:
        self.dismiss(None)


def _summary(prompt: SentPrompt) -> str:
    lines = [f"{prompt.tokens:,} of {prompt.limit:,} tokens"] if prompt.limit else []
    if prompt.dropped_turns:
        lines[0] += f" · the oldest {prompt.dropped_turns} turns did not fit and were left out"
    if prompt.remark:
        lines.append(one_line(prompt.remark, 500))
    return "\n".join(lines)


def _part(part: SentPart) -> Static:
    tokens = f" · {part.tokens:,} tokens" if part.tokens else ""
    return Static(
        Content.assemble((part.title, "bold"), tokens, "\n", printable(part.text)),
        classes="part",
        markup=False,
    )
