"""Which model learns from turns is a choice of its own; the trained policy stays the default."""

import asyncio
from pathlib import Path

import pytest

from pocket_agent.assistant.opening import SAME, Choice, load_policy, policy_file, policy_model
from pocket_agent.errors import ModelError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf, bundled_model
from pocket_agent.llm.protocol import ContextName
from pocket_agent.paths import Locations


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A copy of the bundled model with one byte more: another file to the trained policy."""
    bundled = bundled_model()
    assert bundled is not None
    path = tmp_path / "other.gguf"
    path.write_bytes(bundled.read_bytes() + b"\0")
    return path


def test_whose_file_reads(locations: Locations, tmp_path: Path) -> None:
    shelf, bundled = ModelShelf(locations), bundled_model()
    assert bundled is not None
    base = tmp_path / "chat.gguf"
    base.touch()
    assert policy_file(shelf, Choice(), base) == bundled
    assert policy_file(shelf, Choice(policy_model=SAME), base) == base
    assert policy_file(shelf, Choice(policy_model=str(base)), bundled) == base
    same = tmp_path / "same.gguf"
    same.symlink_to(bundled)
    assert policy_file(shelf, Choice(), same) == same, "one process is enough for one file"
    with pytest.raises(ModelError, match="no model called"):
        policy_file(shelf, Choice(policy_model="nobody"), base)
    assert policy_model(locations, Choice(model=str(base))) == str(bundled)
    assert policy_model(locations, Choice(model=str(base), policy_model=SAME)) == str(base)


@pytest.mark.slow
async def test_another_model_answers_and_the_trained_policy_reads(
    locations: Locations, other: Path
) -> None:
    engine, apart = LlamaEngine(), LlamaEngine()
    try:
        choice = Choice(model=str(other), chat_tokens=512, requantize=False)
        reader = await load_policy(engine, locations, choice, apart=apart)
        assert reader.version.startswith("sft")
        assert engine.info is not None
        assert engine.info.path == other
        reading = await reader.read([], "", "I moved to Porto last month.")
        assert [(op.slot, op.value) for op in reading.ops] == [("home", "Porto")]
        assert engine._running[ContextName.POLICY] == []
        first = apart.pid
        await load_policy(engine, locations, choice, apart=apart)
        assert apart.pid == first, "the one that reads stays when the other is changed"
        mine = Choice(model=str(other), chat_tokens=512, requantize=False, policy_model=SAME)
        reader = await load_policy(engine, locations, mine, apart=apart)
        assert reader.version.startswith("prompted")
        assert apart.info is None
    finally:
        await asyncio.gather(engine.close(), apart.close())
