"""The real model, loaded once for each file of tests."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf
from pocket_agent.paths import Locations


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> ModelShelf:
    """A shelf with the bundled model on it; the cache is the whole run's."""
    home = tmp_path_factory.mktemp("home")
    places = Locations(home, Path(os.environ["POCKET_AGENT_CACHE"]))
    places.prepare()
    return ModelShelf(places)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(shelf: ModelShelf) -> AsyncIterator[LlamaEngine]:
    """One engine for all tests of a file; none of them may leave it broken."""
    engine = LlamaEngine()
    await engine.load(shelf.load_spec(chat_tokens=2048))
    yield engine
    await asyncio.wait_for(engine.close(), 30)
