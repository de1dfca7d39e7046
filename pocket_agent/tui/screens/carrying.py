"""What the chat carries out and in: the whole profile to a file, a conversation from one."""

from typing import TYPE_CHECKING, cast

from textual import work

from pocket_agent.errors import UsageError
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.screens.frame import Frame

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp


class Carrying(Frame):
    """The part of the chat that exports and imports."""

    dialogue: Dialogue

    def is_open(self) -> bool:
        """Whether the profile is open; says so if it isn't."""
        raise NotImplementedError

    def entries_changed(self) -> None:
        """Entries were added, removed or changed their state."""
        raise NotImplementedError

    async def reload(self) -> None:
        """Show the conversation as it is stored now."""
        raise NotImplementedError

    @work(group="carry", exclusive=True)
    async def action_export(self, argument: str) -> None:
        """Write the whole profile to a file; one that ends in .age with a passphrase."""
        if self.is_open():
            await self.dialogue.attempt(self._export(argument))

    @work(group="carry", exclusive=True)
    async def action_import(self, argument: str) -> None:
        """Take in a conversation that was exported."""
        if not self.is_open():
            return
        if self.dialogue.busy:
            stop = self.key("stop")
            self.tell(f"Something is still under way: wait for it, or stop it with {stop}.")
        else:
            await self.dialogue.attempt(self._import(argument))

    async def _export(self, file: str) -> None:
        from pocket_agent.portable.age import SUFFIX

        library, passphrase = self.dialogue.backend.library, ""
        if file.lower().endswith(SUFFIX):
            library.check_writes()  # before anything is typed for it
            passphrase = await self._choose_passphrase(file)
        self._note(await library.export_all(file, passphrase))

    async def _choose_passphrase(self, file: str) -> str:
        """A passphrase for a file, typed twice.

        Raises:
            UsageError: none was typed, or the two differ.
        """
        from pocket_agent.tui.screens.passphrase import PassphraseScreen

        typed: list[str | None] = []
        for reason in (f"A passphrase for {file}. Without it nobody opens the file.", "Once more"):
            screen = PassphraseScreen(reason, enter="goes on")
            typed.append(await cast("PocketApp", self.app).push_screen_wait(screen))
            if not typed[-1]:
                raise UsageError("Nothing was exported", "An encrypted file needs a passphrase.")
        if typed[0] != typed[1]:
            raise UsageError("The two are not the same", "Nothing was exported: try again.")
        return typed[0] or ""

    async def _import(self, file: str) -> None:
        session, line = await self.dialogue.backend.library.take_in(file)
        here = self.dialogue.backend.session
        if here is not None and here.id == session:
            await self.reload()
        self._note(f"{line}; {self.key('sessions')} shows it")

    def _note(self, line: str) -> None:
        self.dialogue.conversation.note(line)
        self.entries_changed()
