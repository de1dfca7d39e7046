"""What the command line may choose about the app. Plain data: importing it costs nothing."""

from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_THEME = "pocket"


@dataclass(frozen=True, slots=True)
class TuiOptions:
    """How the app looks and behaves.

    Args:
        theme: name of a theme; an unknown one falls back to our own.
        enter_sends: Enter sends and ctrl+j makes a new line; if not, the other way round.
        session: id of the session to open; None starts a new one.
        save_theme: called in a worker thread with the name of the theme a person chose.
    """

    theme: str = DEFAULT_THEME
    enter_sends: bool = True
    session: str | None = None
    save_theme: Callable[[str], None] | None = None
