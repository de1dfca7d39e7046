"""What the chat does with something said: another reply, more of it, said anew, copied, erased."""

from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.widgets import Static

from pocket_agent.tui.conversation import Said, SaidState
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.copying import Copying
from pocket_agent.tui.widgets.prompt import Prompt
from pocket_agent.tui.widgets.turn_keys import SaidWidget

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

_GLYPH, _EDITING = "›", "✎"


class Redoing(Copying):
    """The part of the chat that goes back to what was said."""

    dialogue: Dialogue
    _options: TuiOptions
    _prompt: Prompt
    _editing: Said | None = None
    _draft = ""

    def is_open(self) -> bool:
        """Whether the profile is open; says so if it isn't."""
        raise NotImplementedError

    def action_stop(self) -> object:
        """Stop the reply."""
        raise NotImplementedError

    def action_regenerate(self) -> None:
        if self.is_open():
            self._say_why(self.dialogue.regenerate())

    def action_go_on(self) -> None:
        if self.is_open():
            self._say_why(self.dialogue.go_on())

    def action_edit(self) -> None:
        """Say the last message anew; pressed again, the one before it."""
        said = self.dialogue.conversation.message_before(self._editing)
        if said is None:
            self.tell("There is no earlier message of yours here.")
        elif self.is_open():
            self.edit(said)

    def edit(self, said: Said) -> None:
        """Put a message into the field, to be said anew in its place."""
        if said.state is SaidState.QUEUED:
            self._say_why(self.dialogue.take_back(said))
            return
        if not self.dialogue.is_message(said):
            again = self.key("regenerate")
            self.tell(f"Only a message of yours can be said anew. {again} makes another reply.")
            return
        if self._editing is None:
            self._draft = self._prompt.text
        self._editing = said
        self._prompt.put(said.text)
        self.query_one("#glyph", Static).update(_EDITING)
        send, leave = "Enter" if self._options.enter_sends else "ctrl+j", self.key("stop")
        self.tell(f"{send} says it anew, and keeps the old one as a branch; {leave} leaves it.")

    def leave_editing(self) -> bool:
        """Put back what was being typed before; whether a message was being said anew."""
        if self._editing is None:
            return False
        self._editing = None
        self._prompt.put(self._draft)
        self.query_one("#glyph", Static).update(_GLYPH)
        return True

    def check_editing(self) -> None:
        """Leave a message that is no longer here: one went on elsewhere."""
        if self._editing not in (None, *self.dialogue.conversation.entries):
            self.leave_editing()

    def send_anew(self, text: str) -> bool:
        """Say it in the place of the message that is in the field, if one is."""
        old = self._editing
        if old is None:
            return False
        self.leave_editing()
        if why := self.dialogue.say_anew(old, text):
            self.edit(old)
            self._prompt.put(text)
            self.tell(why, failure=True)
        return True

    def action_take_back(self) -> None:
        self._say_why(self.dialogue.take_back())

    @work(group="version", exclusive=True)
    async def action_version(self, step: int = 0) -> None:
        """Show another version of the newest turn that has some; 0 goes on to the next, round."""
        said = self.dialogue.newest_with_versions() if self.is_open() else None
        if said is None:
            again = self.key("regenerate")
            self.tell(f"Nothing here has another version yet: {again} makes another reply.")
            return
        number, count = said.version
        await self._show_version(said, step or (1 if number < count else 1 - count))

    @work(group="version", exclusive=True)
    async def _turn_version(self, said: Said, step: int) -> None:
        await self._show_version(said, step)

    async def _show_version(self, said: Said, step: int) -> None:
        self._say_why(await self.dialogue.show_version(said, step))

    def action_delete(self) -> None:
        """Erase the last message and its replies for good, after asking."""
        said = self.dialogue.conversation.last_message
        if said is None:
            self.tell("There is no message yet.")
        else:
            self.delete(said)

    @work(group="forget")
    async def delete(self, said: Said) -> None:
        """Erase something said, after asking, with a receipt; a waiting message is just dropped."""
        from pocket_agent.memory.erasure import Wish
        from pocket_agent.tui.screens.confirm import forget_asking

        if said.state is SaidState.QUEUED:
            self.dialogue.drop_waiting(said)
        elif self.dialogue.replying or not said.turn:
            self.tell(f"A reply is being written: {self.key('stop')} stops it.")
        elif self.is_open():
            app, backend = cast("PocketApp", self.app), self.dialogue.backend
            line = await forget_asking(app, backend, Wish(turn=said.turn))
            self.dialogue.conversation.note(line)
            self.dialogue.refresh()

    @on(SaidWidget.Asked)
    def _asked(self, message: SaidWidget.Asked) -> None:
        said = message.said
        match message.what:
            case "edit":
                self._prompt.focus()
                self.edit(said)
            case "earlier" | "later":
                self._turn_version(said, 1 if message.what == "later" else -1)
            case "copy":
                self.copy(said.text, "message")
            case "copy_code":
                self.copy_next_code(said)
            case "delete":
                self._prompt.focus()
                self.delete(said)
            case _:
                self._prompt.focus()
                if self.dialogue.replying:
                    self.action_stop()

    def _say_why(self, why: str) -> None:
        if why:
            self.tell(why)
