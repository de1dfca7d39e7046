"""The first start: what the chat asks before it makes a profile. Esc skips it, and for good."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, cast

from pocket_agent.errors import PocketAgentError
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from pocket_agent.tui.app import PocketApp


class Beginning(Frame):
    """The part of the chat that meets somebody new. What is typed meanwhile goes to the field."""

    dialogue: Dialogue
    _options: TuiOptions
    _prompt: Prompt
    _wants_models = False

    async def meet(self) -> str | None:
        """Welcome the person, where this is the first start, and offer to encrypt the profile.

        Returns:
            The passphrase of the profile; None if it is to be plain, or stays so.
        """
        if not self._options.offers_encryption:
            return None
        key, encrypt = None, self._options.encrypt_existing
        if not self._options.introduces or await self._welcome():
            key = await self._offer(new=encrypt is None)
        if key is None:
            if decline := self._options.decline_encryption:
                await self._save(decline)
        elif encrypt is not None and not await self._save(partial(encrypt, key)):
            return None
        return key

    async def _welcome(self) -> bool:
        """Whether the person went through all of it."""
        from pocket_agent.tui.screens.welcome import WelcomeScreen

        app, backend = cast("PocketApp", self.app), self.dialogue.backend
        await app.take_early_keys()  # they were typed for the chat
        screen = WelcomeScreen(app.keys, backend.place, backend.profile_name)
        went_on = await app.push_screen_wait(screen) is not None
        self._keep(screen.held)
        if screen.name_given != backend.profile_name:
            backend.rename(screen.name_given)
            if save := self._options.save:
                await self._save(partial(save, "profile", screen.name_given))
        self._wants_models = screen.wants_models
        return went_on

    async def _offer(self, *, new: bool) -> str | None:
        from pocket_agent.tui.screens.offer import offer_encryption

        key, held = await offer_encryption(cast("PocketApp", self.app), new=new)
        self._keep(held)
        return key

    def _keep(self, held: str) -> None:
        if held:
            self._prompt.add(held)

    async def _save(self, save: "Callable[[], None]") -> bool:
        """Whether it was done; otherwise what was wrong is told."""
        try:
            await asyncio.to_thread(save)
        except PocketAgentError as error:
            self.tell(str(error), failure=True)
            return False
        return True
