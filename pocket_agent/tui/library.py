"""What the app asks of all conversations together: search, archive, export. No Textual in here."""

from dataclasses import dataclass
from typing import Protocol

from pocket_agent.memory.records import Session


@dataclass(frozen=True, slots=True)
class Hit:
    """A past turn that a search found.

    Args:
        title: of its conversation. about: who said it and when, in a few words.
    """

    session: str
    turn: str
    text: str
    title: str
    about: str


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found, the best first.

    Args:
        by_meaning: whether meaning counted too; otherwise words alone did.
    """

    hits: tuple[Hit, ...]
    by_meaning: bool = True


class Library(Protocol):
    """Every conversation of a profile. Each method may raise a PocketAgentError."""

    async def search(self, query: str) -> Hits:
        """The turns nearest to a query in words and meaning, of every conversation."""

    async def messages(self, limit: int) -> list[str]:
        """The newest messages of the person's, of conversations not archived, oldest first."""

    async def archived(self, limit: int, offset: int = 0) -> list[Session]:
        """Conversations that are out of sight, newest first."""

    async def archive(self, session: str, archived: bool) -> None:
        """Put a conversation out of sight, or bring it back."""

    async def export(self, session: str, file: str) -> str:
        """Write a conversation to a file, Markdown if it is called so. Returns the line to show."""

    def check_writes(self) -> None:
        """Raise a UsageError where nothing is written."""

    async def export_all(self, file: str, passphrase: str = "") -> str:
        """Write the whole profile to a file, encrypted if there is a passphrase.

        Returns:
            The line to show.
        """

    async def take_in(self, file: str) -> tuple[str, str]:
        """Take in a conversation that was exported as JSON.

        Returns:
            Its id, and the line to show.
        """
