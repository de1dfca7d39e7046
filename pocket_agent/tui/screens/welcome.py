"""The very first start: what this is and where it keeps things, a name, a model. A key a step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from pocket_agent.errors import UsageError
from pocket_agent.keys import key_name
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.holding import Holding

WENT_ON = "went on"

_WELCOME = (
    "What you tell about yourself here is remembered: where you live, what you do, what you like. "
    "Each memory is shown in one line; {undo} takes it back, and {profile} shows them all.\n\n"
    "Nothing leaves this computer. All of it lies in one file:\n{place}"
)
_NAME = (
    "A profile is you, or one of your roles: what is known of you, and your conversations. "
    "There may be several; this is the first.\n\nIts name:"
)
_MODEL = (
    "One comes with the program. It is small: it answers at once, and is often wrong.\n\n"
    "The list says what else fits this computer, and how fast it would be. Nothing is fetched "
    "unless you ask for it there by name; /models comes back to it."
)


@dataclass(frozen=True, slots=True)
class _Step:
    title: str
    text: str
    keys: str


class WelcomeScreen(Holding):
    """Three short steps before the offer to encrypt. Answers WENT_ON, or None if it was skipped.

    Args:
        keys: the keys in force, by action.
        place: where the profile's file would lie, by the profile's name.
        name: what the profile is called unless it gets another name.

    Attributes:
        name_given: what the profile is to be called.
        wants_models: the list of models is to be shown.
    """

    CSS_PATH = "offer.tcss"
    TITLE = "Welcome"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "models", "another model, from a list", priority=True),
        Binding("escape", "skip", "skip all of this", priority=True),
    ]

    def __init__(self, keys: dict[str, str], place: Callable[[str], str], name: str) -> None:
        super().__init__()
        self.name_given, self.wants_models = name, False
        self._place, self._at = place, 0
        told = _WELCOME.format(
            undo=key_name(keys["undo"]), profile=key_name(keys["profile"]), place=place(name)
        )
        self._steps = (
            _Step("Welcome to Pocket Agent", told, "Enter goes on · Esc skips all of this"),
            _Step(
                "What shall this profile be called?", _NAME, "Enter goes on · Esc skips the rest"
            ),
            _Step(
                "Which model shall answer?",
                _MODEL,
                "Enter the one that is here · Tab another, from a list · Esc skips the rest",
            ),
        )
        self._title = Static(id="title", markup=False)
        self._told = Static(id="told", markup=False)
        self._field = Input(value=name, classes="field", max_length=64)
        self._field.cursor_blink = False  # nothing moves at idle
        self._keys = Static(classes="keys", markup=False)

    def body(self) -> Iterator[Widget]:
        yield Vertical(self._title, self._told, self._field, self._keys, id="box")

    def on_mount(self) -> None:
        self._show()

    @property
    def asks_for_text(self) -> bool:
        return bool(self._field.display)

    def action_enter(self) -> None:
        self._next()

    def action_skip(self) -> None:
        self.dismiss(None)

    def action_models(self) -> None:
        if self._at == len(self._steps) - 1:
            self.wants_models = True
            self._next()

    @on(Input.Submitted)
    def _named(self) -> None:
        name = self._field.value.strip()
        try:
            self._place(name)
        except UsageError as error:
            self._told.update(f"{_NAME}\n\n{one_line(str(error))}")
            return
        self.name_given = name
        self._next()

    def _next(self) -> None:
        if self._at == len(self._steps) - 1:
            self.dismiss(WENT_ON)
            return
        self._at += 1
        self._show()

    def _show(self) -> None:
        step = self._steps[self._at]
        self._title.update(step.title)
        self._told.update(step.text)
        self._keys.update(step.keys)
        self._field.display = step.text is _NAME
        if self._field.display:
            self._field.focus()
        else:
            self.set_focus(None)
