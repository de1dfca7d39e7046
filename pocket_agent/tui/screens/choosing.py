"""What the chat lets one choose: the model that answers, and what a full context does.

The picker, `/model NAME`, what a pull has to say, and `/full`.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual import work

from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.frame import Frame

if TYPE_CHECKING:
    from pocket_agent.tui.model_room import Pull
    from pocket_agent.tui.screens.models import ModelsScreen


class Choosing(Frame):
    """The part of the chat that changes how it is answered."""

    dialogue: Dialogue
    _options: TuiOptions
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

    def action_models(self, argument: str = "") -> None:
        if argument:
            self._pull(argument)
        elif self.is_open():
            from pocket_agent.tui.screens.models import ModelsScreen

            screen = ModelsScreen(self.dialogue.backend, self.pulling, quiet=not self.dialogue.busy)
            self.app.push_screen(screen, partial(self._model_chosen, screen))

    def action_use_model(self, argument: str = "") -> None:
        if not argument:
            self.action_models()
        elif self.is_open():
            self._use_model(argument)

    def _pull(self, argument: str) -> None:
        """Bring a model here by its name, or by OWNER/REPO/FILE of the hub."""
        verb, _, name = argument.partition(" ")
        if verb != "pull" or not name.strip():
            self.tell("/models, /models pull NAME, or /models pull OWNER/REPO/FILE", failure=True)
        elif self.pulling.running:
            self.tell(f"One at a time: {self.pulling.name} is being pulled.")
        elif self.is_open():
            self.pulling.start(name.strip())
            self.tell(f"Pulling {name.strip()}: /models shows how far it is.")

    def _model_chosen(self, screen: "ModelsScreen", name: str | None) -> None:
        if name is not None:
            self._use_model(name, learning=screen.for_learning)

    @work(group="model", exclusive=True)
    async def _use_model(self, name: str, *, learning: bool = False) -> None:
        if self.dialogue.busy:
            stop = self.key("stop")
            self.tell(f"Something is still under way: wait for it, or stop it with {stop}.")
        else:
            await self.dialogue.use_model(name, learning=learning)

    @work(group="full", exclusive=True)
    async def action_when_full(self, argument: str) -> None:
        """Have turns that leave the context summed up, or only left out; also the next time."""
        if argument not in ("drop", "summarise"):
            self.tell("/full drop, or /full summarise", failure=True)
        elif self.is_open():
            await self.dialogue.attempt(self._when_full(argument))

    async def _when_full(self, wanted: str) -> None:
        await self.dialogue.backend.summarise(wanted == "summarise")
        becomes = "summed up in idle time" if wanted == "summarise" else "left out"
        lasts = "from now on" if self._options.save else "in this chat"
        self.dialogue.conversation.note(f"turns that leave the context are {becomes} {lasts}")
        self.entries_changed()
        if self._options.save:
            await asyncio.to_thread(self._options.save, "when_full", wanted)

    def _told_of_pull(self, line: str, failed: bool) -> None:
        if self.is_attached and self.dialogue.opened:
            self.dialogue.conversation.note(line, failure=failed)
            self.entries_changed()

    def on_unmount(self) -> None:
        if self._pulling is not None:
            self._pulling.cancel()
