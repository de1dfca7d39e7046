"""What stands behind the live backend: here, a policy that comes late or not at all."""

import shutil
from pathlib import Path

import pytest

from pocket_agent.assistant.events import ReplyDone
from pocket_agent.errors import ModelError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import bundled_model
from pocket_agent.llm.protocol import ModelInfo
from pocket_agent.paths import Locations
from pocket_agent.policy.reader import PolicyReader
from pocket_agent.tui.backend import Stage
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.workshop import LatePolicy, open_parts


async def test_before_the_policy_is_known_reading_fails_and_is_no_reading() -> None:
    with pytest.raises(ModelError, match="not loaded"):
        await LatePolicy().read([], "", "I live in Porto.")


async def test_a_policy_that_is_not_known_is_loaded_when_it_should_read() -> None:
    policy, tried = LatePolicy(), []

    async def load() -> None:
        tried.append("once more")
        if len(tried) == 1:
            raise ModelError("The file is broken")
        policy.become(PolicyReader(LlamaEngine()))

    policy.load_by(load)
    with pytest.raises(ModelError, match="The file is broken"):
        await policy.read([], "", "I live in Porto.")
    assert policy.version == ""
    with pytest.raises(ModelError, match="No model is loaded"):  # the reader's own
        await policy.read([], "", "I live in Porto.")
    assert policy.version == "prompted-1"


async def test_why_there_is_no_faster_copy_stays_to_be_read(
    locations: Locations, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = "Too little disk space for a faster copy (0.4 GiB); using the file as it is"
    info = ModelInfo("m", Path("m"), "llama", 0, 512, 512, 2, 0, "CPU", True, 1, note=note)
    monkeypatch.setattr(LlamaEngine, "info", info)
    parts = await open_parts(locations, "default", TuiOptions(), None)
    try:
        assert parts.readiness.stage is Stage.READY
        assert parts.readiness.note == note
    finally:
        monkeypatch.undo()
        await parts.close()


@pytest.mark.slow
async def test_a_broken_policy_model_stops_no_answer_and_is_loaded_once_it_is_whole(
    locations: Locations, tmp_path: Path
) -> None:
    bundled = bundled_model()
    assert bundled is not None
    learner = tmp_path / "learner.gguf"
    learner.write_bytes(b"GGUF" + b"\0" * 40)
    options = TuiOptions(seed=1, chat_tokens=512, requantize=False, policy_model=str(learner))
    parts = await open_parts(locations, "default", options, None)
    try:
        await parts.load(lambda *_: None)
        events = parts.assistant.send("I moved to Porto last month.")
        while not isinstance(await anext(events), ReplyDone):
            pass
        with pytest.raises(ModelError, match="The model that learns from what you say"):
            await anext(events)
        assert len(parts.store.unread_turns()) == 1
        pid = parts.engine.pid
        shutil.copy(bundled, learner)
        async for _ in parts.assistant.learn():
            pass
        assert parts.store.unread_turns() == []
        assert [fact.value for fact in parts.store.profile().active("home")] == ["Porto"]
        assert parts.engine.pid == pid, "the one that answers stays as it is"
    finally:
        await parts.close()
