"""Reading a resumed conversation into the model's cache, while the person still types.

After a restart the cache is empty, and a long history takes seconds to compute. Keeping the cache
in the profile's file instead was measured and left out; docs/architecture.md has the figures.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from pocket_agent.assistant.context import AssembledPrompt
from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.protocol import CHAT, ContextName, Engine, Request

_ONLY_READ = replace(CHAT, max_tokens=0)


class Warming:
    """At most one reading ahead, which gives way at once.

    Args:
        engine: the model; what it has read when it is stopped stays in its cache.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._task: asyncio.Task[None] | None = None

    def start(self, assemble: Callable[[], Awaitable[AssembledPrompt]]) -> None:
        """Read what will stand before the next message. A failure is left to that message.

        Args:
            assemble: makes the prompt with an empty message at its end.
        """
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read(assemble))

    async def stop(self) -> None:
        """Give way, and wait until it has."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def done(self) -> None:
        """Wait for the end of the reading."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _read(self, assemble: Callable[[], Awaitable[AssembledPrompt]]) -> None:
        with suppress(PocketAgentError):
            prompt = await assemble()
            request = Request(ContextName.CHAT, prompt.messages, sampling=_ONLY_READ)
            stream = self._engine.stream(request)
            try:
                async for _ in stream:
                    pass
            finally:
                await stream.aclose()  # type: ignore[attr-defined]  # a generator, here
