"""Stores to test with, and one embedder for all tests that need the real one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profiles" / "anna.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as store:
        yield store


@pytest.fixture(scope="session")
def embedder() -> Iterator[Embedder]:
    """The bundled MiniLM in its process, ready."""
    embedder = Embedder()
    embedder.start()
    assert embedder.wait_ready(120), embedder.problem
    yield embedder
    embedder.close()
