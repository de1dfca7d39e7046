"""The model with its policy as a new user has them: no settings, only this machine's caches."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pocket_agent.assistant.opening import Choice, policy_alone
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.paths import Locations, locate


@asynccontextmanager
async def fresh_engine(chat_tokens: int = Choice().chat_tokens) -> AsyncIterator[LlamaEngine]:
    """The engine, loaded; it ends with the block.

    Args:
        chat_tokens: size of the chat context.
    """
    with tempfile.TemporaryDirectory() as folder:
        locations = Locations(Path(folder), locate().cache)
        locations.prepare()
        async with policy_alone(locations, Choice(chat_tokens=chat_tokens)) as (engine, _):
            yield engine
