"""Profiles to carry elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from portable_samples import fill

from pocket_agent.memory.store import Store


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    """A new profile, somewhere else."""
    with Store.open(tmp_path / "there" / "new.db") as opened:
        yield opened


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Store]:
    """A profile with two conversations and a log that has changed its mind."""
    with Store.open(tmp_path / "here" / "anna.db") as store:
        fill(store)
        yield store
