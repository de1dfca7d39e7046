"""From the chat to another model: the picker, `/model NAME`, and what a pull has to say."""

from functools import partial
from typing import TYPE_CHECKING

from textual import work

from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.screens.frame import Frame

if TYPE_CHECKING:
    from pocket_agent.tui.model_room import Pull
    from pocket_agent.tui.screens.models import ModelsScreen


class Choosing(Frame):
    """The part of the chat that changes the model that answers."""

    dialogue: Dialogue
    _pulling: "Pull | None" = None

    def is_open(self) -> bool:
        """Whether the profile is open; says so if it isn't."""
        raise NotImplementedError

    def entries_changed(self) -> None:
        """Entries were added, removed or changed their state."""
        raise NotImplementedError

    @property
    def pulling(self) -> "Pull":
        """What is being pulled; it goes on whichever screen is open."""
        if self._pulling is None:
            from pocket_agent.tui.model_room import Pull

            self._pulling = Pull(self.dialogue.backend.models, self._told_of_pull)
        return self._pulling

    def action_models(self) -> None:
        if self.is_open():
            from pocket_agent.tui.screens.models import ModelsScreen

            screen = ModelsScreen(self.dialogue.backend, self.pulling, quiet=not self.dialogue.busy)
            self.app.push_screen(screen, partial(self._model_chosen, screen))

    def action_use_model(self, argument: str = "") -> None:
        if not argument:
            self.action_models()
        elif self.is_open():
            self._use_model(argument)

    def _model_chosen(self, screen: "ModelsScreen", name: str | None) -> None:
        if name is not None:
            self._use_model(name, learning=screen.for_learning)

    @work(group="model", exclusive=True)
    async def _use_model(self, name: str, *, learning: bool = False) -> None:
        if self.dialogue.busy:
            self.tell("Something is still under way: wait for it, or stop it with Esc.")
        else:
            await self.dialogue.use_model(name, learning=learning)

    def _told_of_pull(self, line: str, failed: bool) -> None:
        if self.is_attached and self.dialogue.opened:
            self.dialogue.conversation.note(line, failure=failed)
            self.entries_changed()

    def on_unmount(self) -> None:
        if self._pulling is not None:
            self._pulling.cancel()
