"""Offloading for real, on Mesa's software Vulkan: only where llama.cpp was built for it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pocket_agent.llm.engine import LlamaEngine, look_around
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.offload import Layers
from pocket_agent.llm.protocol import GREEDY, ContextName, ModelInfo, Request, complete

SITE = os.environ.get("POCKET_AGENT_VULKAN", "")
DRIVERS = ("/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d")
QUESTION = Request(
    ContextName.CHAT,
    prompt="The capital of France is",
    sampling=replace(GREEDY, max_tokens=12),
    stop=("\n",),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not SITE,
        reason="needs a Vulkan build: benchmarks/vulkan/build.sh --packages, then "
        "POCKET_AGENT_VULKAN=runs/vulkan/site pytest tests/llm/test_vulkan.py",
    ),
]


@pytest.fixture(autouse=True)
def _vulkan_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child imports the other build, and sees lavapipe alone."""
    ours = [str(Path(SITE).resolve()), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, ours)))
    found = [file for folder in DRIVERS for file in Path(folder).glob("lvp_icd*.json")]
    if "VK_ICD_FILENAMES" not in os.environ and found:
        monkeypatch.setenv("VK_ICD_FILENAMES", str(found[0]))
    monkeypatch.setenv("GGML_VK_VISIBLE_DEVICES", "0")  # else a driver on the CPU is passed over


async def answer(shelf: ModelShelf, layers: Layers, device: str = "") -> tuple[ModelInfo, str]:
    spec = shelf.load_spec(chat_tokens=512, gpu_layers=layers, device=device, requantize=False)
    engine = LlamaEngine()
    try:
        info = await engine.load(replace(spec, policy_tokens=0))
        return info, await complete(engine, QUESTION)
    finally:
        await engine.close()


async def test_the_device_is_listed_with_its_memory() -> None:
    devices, backends = await look_around()
    assert "Vulkan" in backends
    (vulkan,) = [device for device in devices if device.backend == "Vulkan"]
    assert vulkan.name == "Vulkan0"
    assert 0 < vulkan.free <= vulkan.total


@pytest.mark.timeout(1200)
async def test_layers_are_offloaded_and_the_answer_stays_the_same(shelf: ModelShelf) -> None:
    on_cpu, expected = await answer(shelf, "auto", "cpu")
    assert on_cpu.layers_offloaded == 0
    assert on_cpu.device.startswith("CPU, ")
    assert "Paris" in expected

    everything, said = await answer(shelf, "auto")
    assert (everything.layers_offloaded, everything.device) == (31, "Vulkan0, 31/31 layers")
    assert "all 31 layers fit" in everything.placement
    assert said == expected

    part, said = await answer(shelf, 10, "vulkan0")
    assert part.layers_offloaded == 10
    assert part.device.startswith("Vulkan0, 10/31 layers, the rest on CPU")
    assert said == expected
