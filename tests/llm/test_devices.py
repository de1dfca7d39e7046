"""The line about the device is honest, and threads leave the machine usable."""

import pytest

from pocket_agent.llm import devices
from pocket_agent.llm.devices import Threads, choose_threads, describe_device


@pytest.mark.parametrize(
    ("gpus", "offloaded", "line"),
    [
        ([], 0, "CPU, 2 threads"),
        (["Vulkan0"], 31, "Vulkan0, 31/31 layers"),
        (["Vulkan0"], 0, "CPU, 2 threads (Vulkan0 unused)"),
        (["CUDA0", "CUDA1"], 20, "CUDA0 + CUDA1, 20/31 layers, the rest on CPU, 2 threads"),
    ],
)
def test_the_line(gpus: list[str], offloaded: int, line: str) -> None:
    assert describe_device(gpus, offloaded, layers=31, threads=2) == line


def test_one_thread_is_not_many() -> None:
    assert describe_device([], 0, 31, 1) == "CPU, 1 thread"


@pytest.mark.parametrize(
    ("logical", "physical", "asked", "expected"),
    [
        (1, 1, 0, Threads(1, 1)),
        (2, 2, 0, Threads(1, 2)),
        (2, 1, 0, Threads(1, 2)),
        (8, 4, 0, Threads(2, 4)),
        (16, 8, 0, Threads(4, 8)),
        (8, None, 0, Threads(4, 8)),
        (4, 8, 0, Threads(2, 4)),
        (2, 2, 6, Threads(6, 6)),
    ],
)
def test_threads(
    monkeypatch: pytest.MonkeyPatch,
    logical: int,
    physical: int | None,
    asked: int,
    expected: Threads,
) -> None:
    monkeypatch.setattr(devices, "_logical_cores", lambda: logical)
    monkeypatch.setattr(devices, "_physical_cores", lambda: physical)
    assert choose_threads(asked) == expected
