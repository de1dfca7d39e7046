"""What a dialogue is given by whoever shows it: a view to tell of changes, a way to run things."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from pocket_agent.tui.conversation import Said

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a coroutine in the background."""


class View(Protocol):
    """Whatever shows the dialogue."""

    def entries_changed(self) -> None:
        """Entries were added, removed or changed their state."""

    def reply_grew(self, reply: Said, text: str) -> None:
        """`text` was added to the reply."""

    def status_changed(self) -> None:
        """The status is another one."""

    def draft_returned(self, text: str) -> None:
        """A message could not be sent: here is its text again."""

    def facts_changed(self) -> None:
        """Something was learnt, taken back or answered."""
