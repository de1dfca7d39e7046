"""What the training tests share: the bundled model as trainable weights, made once a run."""

from pathlib import Path

import pytest

from pocket_agent.training.base import bundled_gguf, prepare_base


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder that holds the base's weights (twenty seconds to make)."""
    folder = tmp_path_factory.mktemp("work")
    prepare_base(bundled_gguf(), folder / "base")
    return folder


@pytest.fixture
def one_thread():
    """Keep torch to one thread, whatever else the machine does."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
