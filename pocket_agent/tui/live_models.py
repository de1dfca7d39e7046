"""The real models: the shelf, the catalogue, this computer's memory and speed, and the hub."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pocket_agent.assistant.opening import Choice, policy_file
from pocket_agent.errors import ModelError, UsageError
from pocket_agent.llm.calibration import calibrate, known
from pocket_agent.llm.fitting import Memory, look
from pocket_agent.llm.hub import Reached, fetch, order_for
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.offers import Offer, offers
from pocket_agent.paths import Locations
from pocket_agent.tui.options import TuiOptions


class LiveModels:
    """See `model_room.ModelRoom` for what each method promises.

    Args:
        running: the model that answers now, and the setting of that which learns.
    """

    def __init__(
        self, locations: Locations, options: TuiOptions, running: Callable[[], tuple[str, str]]
    ) -> None:
        self._cache, self._options, self._running = locations.cache, options, running
        self._shelf = ModelShelf(locations)

    async def offers(self) -> tuple[Sequence[Offer], Memory | None]:
        return await asyncio.to_thread(self._offers)

    async def measure(self) -> bool:
        how = self._options.gpu_layers, self._options.threads
        if await asyncio.to_thread(known, self._cache, *how) or self._options.incognito:
            return False
        await calibrate(self._shelf, self._cache, *how)
        return True

    async def pull(self, name: str, report: Callable[[Reached], None]) -> str:
        if self._options.incognito:
            raise UsageError("Incognito writes nothing", "Pull a model in a chat without it.")
        order = await asyncio.to_thread(order_for, self._shelf, name)
        path = await fetch(order, report)
        report(Reached(note="trying the model out"))
        try:
            return (await asyncio.to_thread(self._shelf.add, path, order.name)).name
        except ModelError as error:
            raise ModelError(error.what, f"{error.todo} The file stays: {path}") from error

    def _offers(self) -> tuple[list[Offer], Memory | None]:
        memory, options = look(), self._options
        speed = known(self._cache, options.gpu_layers, options.threads)
        model, policy_model = self._running()
        running = self._path(model)
        learns = None
        if running is not None and not options.incognito:
            choice = Choice(model=model, policy_model=policy_model)
            with suppress(ModelError):  # it is told when the model is loaded
                learns = policy_file(self._shelf, choice, running)
        found = offers(self._shelf, options.chat_tokens, memory, speed, learns)
        files = {model.name: model.path for model in self._shelf.models()}
        return [replace(o, chosen=o.here and files[o.name] == running) for o in found], memory

    def _path(self, model: str) -> Path | None:
        try:
            return self._shelf.resolve(model)
        except ModelError:
            return None
