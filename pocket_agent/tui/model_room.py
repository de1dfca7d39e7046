"""The models as the app sees them: which there are, what they would feel like, and pulling one.

The real one is `live_models.LiveModels`. No Textual in here.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.fitting import Memory
from pocket_agent.llm.hub import Reached
from pocket_agent.llm.offers import Offer


class ModelRoom(Protocol):
    """What models there are. Every method may raise a PocketAgentError."""

    async def offers(self) -> tuple[Sequence[Offer], Memory | None]:
        """The models here and those that can be pulled, and the memory there is.

        That which answers now is `chosen`.
        """

    async def measure(self) -> bool:
        """Measure how fast this computer is, unless it is known; whether there is news."""

    async def pull(self, name: str, report: Callable[[Reached], None]) -> str:
        """Bring a model here and put it on the shelf. Cancelling it leaves what came so far.

        Returns:
            Its name.
        """


class Pull:
    """A pull that goes on whichever screen is open; one at a time.

    Args:
        room: brings the model. tell: called with a line when it ends, and whether it failed.
    """

    def __init__(self, room: ModelRoom, tell: Callable[[str, bool], None]) -> None:
        self._room, self._tell = room, tell
        self._task: asyncio.Task[None] | None = None
        self.name = ""
        self.reached = Reached()
        self.watcher: Callable[[], None] = _nobody

    @property
    def running(self) -> bool:
        return self._task is not None

    @property
    def line(self) -> str:
        """How far it is, as a line."""
        if self.reached.note:
            return f"{self.name}: {self.reached.note}"
        done, size = self.reached.done / 1e6, self.reached.size / 1e6
        if not size:
            return f"{self.name}: asking the hub"
        filled = round(self.reached.share * _BAR)
        bar = "━" * filled + "─" * (_BAR - filled)
        return f"{self.name} {bar} {self.reached.share:.0%} · {done:,.0f} of {size:,.0f} MB"

    def start(self, name: str) -> None:
        """Begin to bring a model here, if nothing is under way."""
        if self._task is None:
            self.name, self.reached = name, Reached()
            self._task = asyncio.ensure_future(self._run(name))
            self.watcher()

    def cancel(self) -> None:
        """Stop; what came so far stays for the next time."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, name: str) -> None:
        line, failed = "", False
        try:
            got = await self._room.pull(name, self._show)
            line = f"{got} is here: /model {got} answers with it"
        except asyncio.CancelledError:
            line = f"{name}: stopped at {self.reached.share:.0%}; another pull goes on from there"
        except PocketAgentError as error:
            line, failed = str(error), True
        finally:
            self._task = None
        self._tell(line, failed)
        self.watcher()

    def _show(self, reached: Reached) -> None:
        self.reached = reached
        self.watcher()


_BAR = 20


def _nobody() -> None:
    """No screen shows it."""
