"""From the chat to its questions: the first conversation, and whether there are to be any."""

from typing import TYPE_CHECKING, cast

from textual import work

from pocket_agent.errors import PocketAgentError
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.screens.frame import Frame

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

OFFER = "Up to five short questions would help me to fit you: /interview. Or just say something."


class Asking(Frame):
    """The part of the chat that is about questions to the person."""

    dialogue: Dialogue

    def is_open(self) -> bool:
        """Whether the profile is open; says so if it isn't."""
        raise NotImplementedError

    def entries_changed(self) -> None:
        """Entries were added, removed or changed their state."""
        raise NotImplementedError

    @work(group="interview", exclusive=True)
    async def action_interview(self) -> None:
        if not self.is_open():
            return
        from pocket_agent.tui.screens.interview import InterviewScreen

        try:
            questions = await self.dialogue.backend.questions.left()
        except PocketAgentError as error:
            self.dialogue.fail(error)
            return
        if not questions:
            self.tell("There is nothing that I would ask now.")
            return
        screen = InterviewScreen(self.dialogue.backend.questions, questions)
        if line := await cast("PocketApp", self.app).push_screen_wait(screen):
            self.dialogue.conversation.note(line)
            self.entries_changed()

    @work(group="questions")
    async def action_questions(self, argument: str) -> None:
        if argument not in ("on", "off"):
            self.tell("/questions on, or /questions off", failure=True)
        elif self.is_open():
            try:
                line = await self.dialogue.backend.questions.allow(argument == "on")
            except PocketAgentError as error:
                self.dialogue.fail(error)
                return
            self.dialogue.conversation.note(line)
            self.entries_changed()
