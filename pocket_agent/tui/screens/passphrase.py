"""Asks for the passphrase of an encrypted profile, over everything else."""

from collections.abc import Iterator
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from pocket_agent.tui.screens.frame import Frame


class PassphraseScreen(Frame):
    """Type the passphrase. Answers it, or None if the person gives up.

    It covers the whole terminal: what lies below may be what is to be hidden.

    Args:
        reason: why it is asked, in one line.
        enter: what Enter does.
        may_leave: Esc ends the app. Not where somebody comes back to a locked one and presses any
            key: there it empties the field.
    """

    CSS_PATH = "passphrase.tcss"
    TITLE = "Passphrase"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "leave", priority=True)]

    def __init__(self, reason: str, *, may_leave: bool = True, enter: str = "opens it") -> None:
        super().__init__()
        self._enter = enter
        self._reason = reason
        self._may_leave = may_leave
        self._field = Input(password=True, placeholder="passphrase", classes="field")
        self._field.cursor_blink = False  # nothing moves at idle

    def body(self) -> Iterator[Widget]:
        leave = "Esc" if self._may_leave else self.key("quit")
        yield Vertical(
            Static("Pocket Agent", id="title", markup=False),
            Static(self._reason, id="reason", markup=False),
            self._field,
            Static(f"Enter {self._enter} · {leave} leaves", classes="keys", markup=False),
            id="box",
        )

    def on_mount(self) -> None:
        self._field.focus()

    @on(Input.Submitted)
    def _entered(self) -> None:
        if self._field.value:
            self.dismiss(self._field.value)

    def action_give_up(self) -> None:
        if self._may_leave:
            self.dismiss(None)
        else:
            self._field.clear()
