"""What was typed before, for the field to go back to. In memory alone. No Textual in here."""

from collections.abc import Sequence

MOST = 100
"""Messages of all conversations that are asked of the store."""


class Recent:
    """Messages of earlier conversations, and all that was typed in this run, commands too.

    Nothing of it is written: a lock and a forgetting end it with `forget`.
    """

    def __init__(self) -> None:
        self.stored: Sequence[str] = ()
        """The newest messages of all conversations, oldest first."""
        self._typed: list[str] = []

    def type(self, text: str) -> None:
        """Take in what was just sent, or the command that was just given."""
        self._typed.append(text)

    def forget(self) -> None:
        """Drop all of it: some of it may be what must not be seen any more."""
        self.stored, self._typed = (), []

    def all(self, here: Sequence[str]) -> tuple[str, ...]:
        """Each text once, where it was typed last, oldest first.

        Args:
            here: the messages of the conversation that is open.
        """
        newest_first = dict.fromkeys(reversed((*self.stored, *here, *self._typed)))
        return tuple(reversed(newest_first))
