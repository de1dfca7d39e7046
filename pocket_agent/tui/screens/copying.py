"""What the chat copies: the last reply, a code block of it, or what is selected."""

import asyncio

from textual import work

from pocket_agent.tui.clipboard import copy_with_tool, osc52
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.prose import Prose, code_blocks
from pocket_agent.tui.screens.frame import Frame


class Copying(Frame):
    """The part of the chat that copies."""

    dialogue: Dialogue

    def action_copy(self, argument: str = "") -> None:
        reply = self.dialogue.conversation.last_reply
        text = reply.text if reply else ""
        what = "reply"
        if argument == "code":
            what, text = "code block", _last_code_block(text)
        if text:
            self.copy(text, what)
        else:
            self.tell(f"There is no {what} to copy.", failure=True)

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


def _last_code_block(markdown: str) -> str:
    found = [code.text for code in code_blocks(Prose(markdown).blocks)]
    return found[-1] if found else ""
