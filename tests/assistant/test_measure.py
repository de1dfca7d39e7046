"""The yardstick is held as the engine is."""

from pathlib import Path

import pytest

from benchmarks import whole_walk
from pocket_agent.assistant.measure import TOKENS, bare_command
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.protocol import LoadSpec, ModelInfo
from pocket_agent.paths import Locations


def test_the_bare_loop_gets_as_many_threads_as_the_engine() -> None:
    info = ModelInfo("n", Path("m.gguf"), "llama", 1, 2, 3, 4, 5, "CPU, 3 threads", True, 3)
    assert bare_command(info)[-3:] == ["m.gguf", "3", str(TOKENS)]


@pytest.mark.slow
async def test_an_engine_tells_its_threads(locations: Locations) -> None:
    engine = LlamaEngine()
    info = await engine.load(LoadSpec(ModelShelf(locations).resolve(), 256, 0, 0, threads=2))
    await engine.close()
    assert info.threads == 2
    assert info.device.startswith("CPU, 2 threads")


@pytest.mark.slow
async def test_the_first_token_is_timed_through_the_whole_assistant() -> None:
    found = await whole_walk.measure(turns=4)
    assert found.turn_2_s > 0
    assert found.ratio == pytest.approx(found.turn_20_s / found.turn_2_s)
