"""At the first chat with a plain profile: shall it be encrypted? Skipped by one key."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from pocket_agent.tui.screens.frame import Frame

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

_OFFER = (
    "This profile is new. With a passphrase, whoever gets hold of its file can read nothing of it."
)
_OFFER_LATE = (
    "This profile is plain: whoever gets hold of its file can read all of it. A passphrase ends "
    "that, but for copies and exports made before."
)
_WARNING = "A forgotten passphrase means that the data is lost: there is no way around it."
_LATER = "You can do it later, too: pocket-agent profile encrypt"
_ASKING = "Tab chooses a passphrase · Enter or Esc not now"
_CHOOSING = "Enter goes on · Esc not now"
_SHORT = 12
"""Characters; fewer are soon guessed by who has the file."""


class OfferScreen(Frame):
    """Offer to encrypt a profile before it is opened. Answers the passphrase, or None for no.

    Args:
        new: the profile is not there yet.

    At first there is no field: who types already means the chat, so what is typed is held, to be
    put into its field.

    Attributes:
        held: what was typed before anything was chosen.
    """

    CSS_PATH = "offer.tcss"
    TITLE = "Encryption"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "choose", "choose a passphrase", priority=True),
        Binding("escape", "skip", "not now", priority=True),
    ]

    def __init__(self, *, new: bool = True) -> None:
        super().__init__()
        self.held = ""
        offer = _OFFER if new else _OFFER_LATE
        self._told = Static(f"{offer}\n\n{_WARNING}\n\n{_LATER}", id="told", markup=False)
        self._first = _field("passphrase")
        self._again = _field("the same again")
        self._keys = Static(_ASKING, classes="keys", markup=False)

    def body(self) -> Iterator[Widget]:
        title = Static("Encrypt what you will say here?", id="title", markup=False)
        yield Vertical(title, self._told, self._first, self._again, self._keys, id="box")

    @property
    def _choosing(self) -> bool:
        return bool(self._first.display)

    def on_key(self, event: events.Key) -> None:
        if self._choosing:
            return
        if event.key == "enter":
            event.stop()  # or it would go on to the chat's field, and send what is held
            self.action_skip()
        elif event.key == "backspace":
            self.held = self.held[:-1]
        elif event.is_printable and event.character:
            self.held += event.character

    def on_paste(self, event: events.Paste) -> None:
        if not self._choosing:
            self.held += event.text

    def action_choose(self) -> None:
        if self._choosing:
            (self._again if self._first.has_focus else self._first).focus()
            return
        self._first.display = self._again.display = True
        self._say(_WARNING)
        self._keys.update(_CHOOSING)
        self._first.focus()

    def action_skip(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        typed = self._first.value
        if not typed:
            self.action_skip()
        elif event.input is self._first:
            if len(typed) < _SHORT:
                self._say(f"{_WARNING}\n\nThat is short: four random words are harder to guess.")
            self._again.focus()
        elif self._again.value == typed:
            self.dismiss(typed)
        else:
            self._first.clear()
            self._again.clear()
            self._first.focus()
            self._say(f"{_WARNING}\n\nThe two were not the same. Type it once more.")

    def _say(self, text: str) -> None:
        self._told.update(text)


async def offer_encryption(app: "PocketApp", *, new: bool = True) -> tuple[str | None, str]:
    """Show the offer. To be called in a worker.

    Args:
        new: the profile is not there yet.

    Returns:
        The passphrase, or None; and what was typed that is meant for the chat.
    """
    await app.take_early_keys()  # they were typed for the chat
    screen = OfferScreen(new=new)
    key = await app.push_screen_wait(screen)
    return key, screen.held


def _field(hint: str) -> Input:
    field = Input(password=True, placeholder=hint, classes="field")
    field.cursor_blink = False  # nothing moves at idle
    field.display = False
    return field
