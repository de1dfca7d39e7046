"""What goes into the field otherwise than by keys: text files, and what an editor wrote."""

import asyncio

from textual import work
from textual.app import SuspendNotSupported

from pocket_agent.errors import PocketAgentError
from pocket_agent.tui.commands import Command, parse
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.prompt import Prompt


class Writing(Frame):
    """The part of the chat that fills the field."""

    dialogue: Dialogue
    _options: TuiOptions
    _prompt: Prompt
    _draft_beside = ""
    """What was being typed when a command was put into the field, to be finished there."""

    def is_open(self) -> bool:
        """Whether the profile is open; says so if it isn't."""
        raise NotImplementedError

    def leave_editing(self) -> bool:
        """Put back what was being typed before; whether a message was being said anew."""
        raise NotImplementedError

    def type_command(self, command: Command) -> None:
        """Put a command into the field, for what follows it; the draft comes back later."""
        self.leave_editing()
        if parse(self._prompt.text) is None:
            self._draft_beside += self._prompt.text
        self._prompt.put(f"/{command.name} ")
        self._prompt.focus()

    def give_draft_back(self) -> None:
        """The command is given: what was being typed before it is in the field again."""
        beside, self._draft_beside = self._draft_beside, ""
        if beside:
            self._prompt.put(beside + self._prompt.text)

    @work(group="attach", exclusive=True)
    async def action_attach(self, argument: str) -> None:
        """Let a text file go with the message, if it fits the model's context."""
        if self.is_open():
            try:
                self.tell(await self._attach_file(argument))
            except PocketAgentError as error:
                self.tell(str(error), failure=True)

    async def _attach_file(self, name: str) -> str:
        from pocket_agent.assistant.attaching import attached, read_text_file, too_large

        backend = self.dialogue.backend
        before, room = await backend.measure(self._prompt.whole)
        name, text = await asyncio.to_thread(read_text_file, name, room)
        block = attached(name, text)
        tokens, room = await backend.measure(self._prompt.whole + block)
        if tokens > room:
            raise too_large(name, tokens, room)
        self._prompt.attach(name, block, tokens - before)
        return f"{name} goes with your message: {tokens - before:,} tokens, {room - tokens:,} left."

    def action_editor(self) -> None:
        """Write the message in the person's own editor."""
        from pocket_agent.tui.editor import edit_text, editor_command

        if self._options.incognito:
            self.tell("An editor needs a file, and this chat writes none.", failure=True)
        elif self.dialogue.replying:
            self.tell(f"A reply is being written: {self.key('stop')} stops it.")
        else:
            try:
                command = editor_command()
                with self.app.suspend():
                    text = edit_text(self._prompt.typed, command)
                self._prompt.put(text)
            except PocketAgentError as error:
                self.tell(str(error), failure=True)
            except SuspendNotSupported:
                self.tell("This terminal can't be handed to an editor.", failure=True)
