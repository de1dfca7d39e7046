"""At the first chat with a plain profile: shall it be encrypted? Skipped by one key."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from pocket_agent.tui.screens.holding import Holding

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


class OfferScreen(Holding):
    """Offer to encrypt a profile before it is opened. Answers the passphrase, or None for no.

    Args:
        new: the profile is not there yet.

    At first there is no field: who types already means the chat, so what is typed is held, to be
    put into its field.
    """

    CSS_PATH = "offer.tcss"
    TITLE = "Encryption"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "choose", "choose a passphrase", priority=True),
        Binding("escape", "skip", "not now", priority=True),
    ]

    def __init__(self, *, new: bool = True) -> None:
        super().__init__()
        offer = _OFFER if new else _OFFER_LATE
        self._told = Static(f"{offer}\n\n{_WARNING}\n\n{_LATER}", id="told", markup=False)
        self._first = _field("passphrase")
        self._again = _field("the same again")
        self._keys = Static(_ASKING, classes="keys", markup=False)

    def body(self) -> Iterator[Widget]:
        title = Static("Encrypt what you will say here?", id="title", markup=False)
        yield Vertical(title, self._told, self._first, self._again, self._keys, id="box")

    @property
    def asks_for_text(self) -> bool:
        return bool(self._first.display)

    def action_enter(self) -> None:
        self.action_skip()

    def action_choose(self) -> None:
        if self.asks_for_text:
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
