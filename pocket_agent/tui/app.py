"""The app itself: themes, help, palette, and a clean end. What it does is in the screens."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import events, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme

from pocket_agent.errors import PocketAgentError
from pocket_agent.keys import in_force
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.commands import Entry
from pocket_agent.tui.glyphs import AsciiFilter
from pocket_agent.tui.idle import Idle
from pocket_agent.tui.options import DEFAULT_THEME, TuiOptions
from pocket_agent.tui.screens.chat import ChatScreen
from pocket_agent.tui.screens.passphrase import PassphraseScreen
from pocket_agent.tui.terminal import forgive_bad_bytes
from pocket_agent.tui.themes import OURS, own_variables
from pocket_agent.tui.widgets.bars import MIN_COLUMNS, MIN_ROWS
from pocket_agent.tui.widgets.prompt import teach_alt_enter

_CLOSE_S = 5.0
_INTERRUPTED = 130
_LOOK_EVERY_S = 20.0
"""How often it is looked whether the person has gone; after a computer's sleep, how soon."""


def _commands() -> type[Provider]:
    from pocket_agent.tui.palette import Commands

    return Commands


class PocketApp(App[str]):
    """Pocket Agent in a terminal. Its result is the failure it ended with, if any.

    Args:
        backend: the profile and the model; opened only after the first picture.
        options: how the app looks and behaves.
    """

    CSS_PATH = ["app.tcss", "screens/chat.tcss"]  # noqa: RUF012
    TITLE = "Pocket Agent"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-thin"),
        (MIN_COLUMNS, "-narrow"),
        (64, "-normal"),
        (110, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (MIN_ROWS, "-tall"),
    ]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "help", priority=True, id="help"),
        Binding("ctrl+q", "quit", "leave", priority=True, id="quit"),
    ]

    def __init__(self, backend: Backend, options: TuiOptions | None = None) -> None:
        teach_alt_enter()
        forgive_bad_bytes()
        # With NO_COLOR Textual still paints in greys, unless it keeps to the terminal's colours.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._backend = backend
        self._options = options or TuiOptions()
        self._idle = Idle()
        self._ascii = AsciiFilter() if self._options.ascii else None
        self._early: list[events.Key] | None = []
        # Nothing moves by itself: no animation costs a wake-up or delays a key.
        self.animation_level = "none"
        for theme in OURS:
            self.register_theme(theme)
        self.keys = in_force(self._options.keys)
        known = self._options.theme in self.available_themes
        self.theme = self._options.theme if known else DEFAULT_THEME

    def get_default_screen(self) -> Screen[str | None]:
        return ChatScreen(self._backend, self._options)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return [*filters, self._ascii] if self._ascii else filters

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        self.theme_variables = variables | own_variables(self.current_theme, variables)
        return self.theme_variables

    def on_mount(self) -> None:
        self.set_keymap(self.keys)
        if after := self._options.lock_after_s:
            self.set_interval(min(_LOOK_EVERY_S, after / 4), self._lock_if_idle)
        self.theme_changed_signal.subscribe(self, self._theme_chosen)
        # A terminal that is closed, or a kill: leave it clean, and save what streams.
        for name in ("SIGTERM", "SIGHUP"):
            with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                number = getattr(signal, name)
                asyncio.get_running_loop().add_signal_handler(number, self._told_to_end)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.InputEvent, events.Paste)):
            self._idle.touch()
        if self._early is not None and isinstance(event, events.Key):
            self._early.append(event)
        else:
            await super().on_event(event)

    async def take_early_keys(self) -> None:
        """Hand on what was typed while the program started: now a field has the focus."""
        early, self._early = self._early or [], None
        for event in early:
            # Until Textual set the terminal up, the terminal made line feeds of Enter.
            typed = events.Key("enter", "\r") if event.key == "ctrl+j" else event
            await super().on_event(typed)

    def _lock_if_idle(self) -> None:
        if self._idle.seconds >= self._options.lock_after_s and self.chat.can_lock:
            self.chat.lock_up("Locked, because nobody was there for a while")

    def _told_to_end(self) -> None:
        self.exit(return_code=_INTERRUPTED)

    async def on_unmount(self) -> None:
        with suppress(PocketAgentError, TimeoutError):
            await asyncio.wait_for(self._backend.close(), _CLOSE_S)

    @property
    def chat(self) -> ChatScreen:
        """The screen at the bottom of the stack."""
        screen = self.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        return screen

    def copy_to_clipboard(self, text: str) -> None:
        """What a field or a selection copies goes the same way as a copied reply."""
        self._clipboard = text
        self.chat.copy(text, "selection")

    def action_help(self) -> None:
        from pocket_agent.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_command_palette(self) -> None:
        from pocket_agent.tui.screens.holding import Holding

        # From the palette one would get past the question, to the screen below it.
        if not isinstance(self.screen, (PassphraseScreen, Holding)):
            super().action_command_palette()

    def run_entry(self, entry: Entry) -> None:
        """Do what a row of the palette says, from whichever screen."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if entry.opens_field:
            self.chat.type_command(entry.command)
        else:
            self.chat.run_command(entry.command, entry.choice)

    def _fatal_error(self) -> None:
        """Say in one line that a defect ended the app: a traceback would show what was said."""
        if "debug" in self.features:
            super()._fatal_error()
            return
        error = self._exception
        cause = getattr(error, "error", error)
        self._exit_renderables.append(Text(_defect(cause)))
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """The same for what fails outside the app's own loop: Textual would print a traceback."""
        if "debug" in self.features:
            super().panic(*renderables)
            return
        self._return_code = 1
        self._exit_renderables.append(Text(_defect(None)))
        self._close_messages_no_wait()

    def _theme_chosen(self, theme: Theme) -> None:
        self._save_theme(theme.name)

    @work(group="theme", exclusive=True)
    async def _save_theme(self, name: str) -> None:
        if self._options.save is None:
            return
        try:
            await asyncio.to_thread(self._options.save, "theme", name)
        except (PocketAgentError, OSError) as error:
            self.notify(f"The theme could not be saved: {error}", severity="error", markup=False)


def _defect(error: BaseException | None) -> str:
    """Where our own code failed, without anything a person wrote."""
    name, trace = type(error).__name__, error.__traceback__ if error else None
    place = ""
    for frame, line in walk_tb(trace):
        if "pocket_agent" in frame.f_code.co_filename:
            place = f" at {Path(frame.f_code.co_filename).name}:{line}"
    what = f" ({name}{place})" if error else ""
    return f"Pocket Agent stopped on a defect of its own{what}. What was saved is intact."
