"""What the chat copies: a message, the next code block of one, or what is selected."""

import asyncio

from textual import work

from pocket_agent.tui.clipboard import copy_with_tool, osc52
from pocket_agent.tui.conversation import Said
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.prose import Prose, code_blocks
from pocket_agent.tui.screens.frame import Frame


class Copying(Frame):
    """The part of the chat that copies."""

    dialogue: Dialogue
    _copied: tuple[int, int] = (0, 0)
    """Of which entry which code block was copied last."""

    def action_copy(self, argument: str = "") -> None:
        reply = self.dialogue.conversation.last_reply
        if argument == "code":
            self.action_copy_code()
        elif reply:
            self.copy(reply.text, "reply")
        else:
            self.tell("There is no reply to copy.", failure=True)

    def action_copy_code(self) -> None:
        """Copy the next code block of the last reply: the first one, then the one behind it."""
        reply = self.dialogue.conversation.last_reply
        if reply:
            self.copy_next_code(reply)
        else:
            self.tell("There is no code block to copy.", failure=True)

    def copy_next_code(self, said: Said) -> None:
        """Copy the first code block of a message; asked again, the next, and from the last on."""
        blocks = [code.text for code in code_blocks(Prose(said.text).blocks)]
        if not blocks:
            self.tell("There is no code block to copy.", failure=True)
            return
        entry, last = self._copied
        at = last % len(blocks) if entry == said.key else 0
        self._copied = said.key, at + 1
        which = f" {at + 1} of {len(blocks)}" if len(blocks) > 1 else ""
        self.copy(blocks[at], f"code block{which}")

    @work(group="copy")
    async def copy(self, text: str, what: str) -> None:
        """Copy a text, and say how: by the platform's tool, or else by the terminal."""
        tool = await asyncio.to_thread(copy_with_tool, text)
        if tool:
            self.tell(f"Copied the {what} with {tool}.")
            return
        self._write_to_terminal(osc52(text))
        self.tell(f"Sent the {what} to the terminal's clipboard (OSC 52), if it allows that.")

    def _write_to_terminal(self, sequence: str) -> None:
        # Textual has no public way to write a sequence of one's own.
        driver = self.app._driver
        if driver is not None:
            driver.write(sequence)
