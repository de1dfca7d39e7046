"""The panel beside the chat: whether it is there, and keeping it true."""

import asyncio

from textual import work

from pocket_agent.errors import PocketAgentError
from pocket_agent.keys import in_force, key_name
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.factpanel import known
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.panel import NOTHING, FactPanel

PANEL_COLUMNS = 100
"""Below this the panel would leave too little for the conversation."""

_BLANK = "Blank: nothing that is known of you is used here, or shown."


class Docking(Frame):
    """The part of the chat that has the panel. It reads nothing while the panel is hidden."""

    dialogue: Dialogue
    _options: TuiOptions
    _panel: FactPanel

    def make_panel(self) -> FactPanel:
        """The panel, for the chat to put at its right."""
        keys = in_force(self._options.keys)
        self._wanted = self._options.panel
        self._stale = self._forgotten = False
        self._reading = asyncio.Lock()
        told = _BLANK if self._options.blank else NOTHING
        return FactPanel(told, key_name(keys["profile"]), key_name(keys["panel"]))

    def on_resize(self) -> None:
        self._dock()

    def on_screen_resume(self) -> None:
        """Back from a screen on which facts may have been changed."""
        self.facts_changed()

    def facts_changed(self, *, forgotten: bool = False) -> None:
        """Facts may be others than before; `forgotten`: some were erased for good."""
        self._stale = True
        self._forgotten |= forgotten
        if self._panel.display:
            self.run_worker(self._read(), group="panel")

    def action_panel(self) -> None:
        if self.size.width < PANEL_COLUMNS:
            have = f"this one has {self.size.width}"
            self.tell(f"The panel needs a terminal of {PANEL_COLUMNS} columns; {have}.")
            return
        self._wanted = not self._wanted
        self._dock()
        self._save_panel(self._wanted)

    def _dock(self) -> None:
        shown = self._wanted and self.size.width >= PANEL_COLUMNS
        if shown is not self._panel.display:
            self._panel.display = shown
            self._panel.show(None)
            if shown:
                self.facts_changed()

    @work(group="save-panel", exclusive=True)
    async def _save_panel(self, shown: bool) -> None:
        if (save := self._options.save) is None:
            return
        try:
            await asyncio.to_thread(save, "panel", shown)
        except PocketAgentError as error:
            self.tell(f"That could not be saved: {error}", failure=True)

    async def _read(self) -> None:
        """Take over the facts as they are; many changes at once are read once."""
        async with self._reading:
            while self._stale and not self._options.blank and self.dialogue.opened:
                self._stale, forgotten = False, self._forgotten
                before, self._forgotten = self._panel.known, False
                try:
                    facts = await self.dialogue.backend.facts()
                except PocketAgentError:  # it is told where the person does something
                    return
                now = await asyncio.to_thread(known, facts, before, forgotten=forgotten)
                if self._panel.known is before and self.dialogue.opened:
                    self._panel.show(now)
                else:  # the marks went meanwhile, or everything did
                    self._stale = True
                    self._forgotten |= forgotten
