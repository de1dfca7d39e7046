"""What every test may use: the real model and the real embedder, loaded once; no socket at all."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pocket_agent.paths import Locations

_SESSION = "session"


@pytest.fixture(scope=_SESSION, autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for the whole run, so that the model is re-quantised once."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["POCKET_AGENT_CACHE"] = str(folder)
    yield folder
    del os.environ["POCKET_AGENT_CACHE"]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may connect to anything but a local (unix) socket or the loopback."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        local = self.family == getattr(socket, "AF_UNIX", None)
        if not local and not (isinstance(address, tuple) and address[0] in ("127.0.0.1", "::1")):
            raise AssertionError(f"a test tried to connect to {address!r}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    """A home of the test's own."""
    places = Locations(tmp_path / "home", Path(os.environ["POCKET_AGENT_CACHE"]))
    places.prepare()
    return places


@pytest.fixture
async def engine(locations: Locations) -> AsyncIterator[object]:
    """The real bundled model, loaded."""
    from pocket_agent.llm.engine import LlamaEngine
    from pocket_agent.llm.models import ModelShelf

    loaded = LlamaEngine()
    await loaded.load(ModelShelf(locations).load_spec(chat_tokens=2048))
    yield loaded
    await asyncio.wait_for(loaded.close(), 30)
