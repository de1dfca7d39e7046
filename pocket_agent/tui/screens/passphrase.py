"""Asks for the passphrase of an encrypted profile."""

from collections.abc import Iterator
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.bars import Heading


class PassphraseScreen(Frame):
    """Type the passphrase. Answers it, or None if the person gives up.

    Args:
        reason: why it is asked, in one line.
    """

    CSS_PATH = "passphrase.tcss"
    TITLE = "Passphrase"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "leave", priority=True)]

    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason
        self._field = Input(password=True, placeholder="passphrase", classes="field")

    def body(self) -> Iterator[Widget]:
        yield Heading("Pocket Agent", "")
        yield Static(self._reason, id="reason", markup=False)
        yield self._field
        yield Static("Enter opens it · Esc leaves", classes="keys", markup=False)

    def on_mount(self) -> None:
        self._field.focus()

    @on(Input.Submitted)
    def _entered(self) -> None:
        if self._field.value:
            self.dismiss(self._field.value)

    def action_give_up(self) -> None:
        self.dismiss(None)
