"""Work for the model that nobody waits for: it stops at once when the person wants the model."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class GivingWay(Generic[Result]):
    """At most one piece of work at a time, which can be pre-empted by another task."""

    def __init__(self) -> None:
        self._running: asyncio.Task[Result] | None = None

    async def run(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Do it, to its end or until `preempt`. A failure of the work is left in what is returned.

        Returns:
            The work as a task that is done; cancelled if it had to give way.
        """
        task = asyncio.ensure_future(work)
        self._running = task
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            self._running = None
        return task

    async def preempt(self) -> None:
        """Stop what is under way, and wait until it has stopped."""
        running = self._running
        if running is not None and not running.done():
            running.cancel()
            await asyncio.wait([running])
