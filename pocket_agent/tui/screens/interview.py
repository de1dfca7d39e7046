"""A first conversation: a few questions, each of which may be passed over."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from pocket_agent.errors import PocketAgentError
from pocket_agent.profile.slots import Slot
from pocket_agent.tui.live_questions import Questions
from pocket_agent.tui.screens.frame import Frame

_OFFER = (
    "{count} short questions, so that answers fit you from the start. What you say is kept in your "
    "profile like all else: you see it, change it, take it back."
)
_BEGIN = "Enter begins · Esc no, thanks"
_KEYS = "Enter answers, or passes if empty · “never” for no more questions · Esc leaves"


class InterviewScreen(Frame):
    """Ask a few questions, one at a time. Answers how many facts came of it, as a line."""

    CSS_PATH = "offer.tcss"
    TITLE = "Questions"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", priority=True),
        Binding("enter", "begin", "begin", show=False),
    ]

    def __init__(self, asker: Questions, questions: Sequence[Slot]) -> None:
        super().__init__()
        self._asker = asker
        self._left = list(questions)
        self._lines: list[str] = []
        count = "One" if len(self._left) == 1 else f"Up to {len(self._left)}"
        self._told = Static(_OFFER.format(count=count), id="told", markup=False)
        self._said = Input(classes="field", id="said")
        self._said.cursor_blink = False  # nothing moves at idle
        self._said.display = False
        self._keys = Static(_BEGIN, classes="keys", markup=False)

    def body(self) -> Iterator[Widget]:
        title = Static("May I ask you something?", id="title", markup=False)
        yield Vertical(title, self._told, self._said, self._keys, id="box")

    def action_begin(self) -> None:
        if not self._said.display:
            self._said.display = True
            self._keys.update(_KEYS)
            self._show()

    def action_leave(self) -> None:
        self.dismiss(", ".join(self._lines))

    @on(Input.Submitted)
    @work(group="answer", exclusive=True)
    async def _answered(self) -> None:
        slot, text = self._left[0], self._said.value
        try:
            line = await self._asker.answer(slot.name, text)
        except PocketAgentError as error:
            self.tell(str(error), failure=True)
            return
        if line:
            self._lines.append(line)
            self.tell(line)
        # "Never" leaves no question over.
        names = {one.name for one in await self._asker.left()}
        self._left = [one for one in self._left[1:] if one.name in names]
        self._show()

    def _show(self) -> None:
        if not self._left:
            self.action_leave()
            return
        self._told.update(self._left[0].question)
        self._said.clear()
        self._said.focus()
