"""What every test may use: the real model and the real embedder, loaded once; no socket at all."""

import asyncio
import os
import runpy
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pocket_agent.paths import Locations

_SESSION = "session"
_GUARD = Path(__file__).parent / "guard"


@pytest.fixture(scope=_SESSION, autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for the whole run, so that the model is re-quantised once."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["POCKET_AGENT_CACHE"] = str(folder)
    yield folder
    del os.environ["POCKET_AGENT_CACHE"]


@pytest.fixture(scope=_SESSION, autouse=True)
def _guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Refuse the network here and in every Python that is started with this environment.

    Returns:
        Where each refusal is noted.
    """
    noted = tmp_path_factory.mktemp("guard") / "sockets.log"
    runpy.run_path(str(_GUARD / "sitecustomize.py"))
    before = os.environ.get("PYTHONPATH")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POCKET_AGENT_TEST_SOCKETS", str(noted))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(_GUARD), before))))
        yield noted


@pytest.fixture(autouse=True)
def no_network(_guard: Path) -> Iterator[Path]:
    """Nothing here may talk to anything but a local (unix) socket, or look up a name."""
    yield _guard
    if _guard.exists():
        told = _guard.read_text("utf-8")
        _guard.unlink()
        pytest.fail(f"the network was used:\n{told}")


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
