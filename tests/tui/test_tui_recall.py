"""Recall in the chat: it starts without a model, and says once where it goes by words alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from running import Running
from scripted import ScriptedBackend
from tui_samples import READY

from pocket_agent.assistant.events import AssistantEvent
from pocket_agent.errors import ModelError
from pocket_agent.memory import embedder as embedder_module
from pocket_agent.paths import Locations
from pocket_agent.tui.backend import Readiness, Stage
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions

WORDS_ALONE = "so recall goes by words alone."


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 40)
    return str(path)


@pytest.fixture
async def opened(
    locations: Locations, broken: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[LiveBackend, list[Readiness]]]:
    """A live backend without an embedder, whose model can't be loaded, and what it reported."""
    monkeypatch.setattr(embedder_module, "find_bundled", lambda: None)
    backend = LiveBackend(locations, "default", TuiOptions(model=broken))
    reports: list[Readiness] = []
    await backend.open(None, reports.append)
    with pytest.raises(ModelError):
        await backend.load(reports.append)
    yield backend, reports
    await backend.close()


async def test_recall_starts_though_the_model_can_not_be_loaded(
    opened: tuple[LiveBackend, list[Readiness]],
) -> None:
    backend, reports = opened
    assert backend._open.recalling
    assert reports[-1].stage is Stage.FAILED
    assert "not installed" in reports[-1].note
    assert WORDS_ALONE in reports[-1].note


async def test_an_embedder_that_has_ended_is_told_with_the_next_message(
    opened: tuple[LiveBackend, list[Readiness]],
) -> None:
    async def nothing() -> AsyncIterator[AssistantEvent]:
        return
        yield

    backend, reports = opened
    backend._open.embedder.problem = f"The embedder has ended, {WORDS_ALONE}"
    async for _ in backend._exchange(nothing()):
        pass
    assert reports[-1].note == f"The embedder has ended, {WORDS_ALONE}"


async def test_a_blank_chat_recalls_nothing_and_misses_nothing(
    locations: Locations, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedder_module, "find_bundled", lambda: None)
    options = TuiOptions(model=broken, incognito=True, blank=True)
    backend = LiveBackend(locations, "default", options)
    reports: list[Readiness] = []
    await backend.open(None, reports.append)
    with pytest.raises(ModelError):
        await backend.load(reports.append)
    assert [report.note for report in reports if report.note] == []
    await backend.close()


async def test_a_note_about_the_start_stays_in_the_conversation_once() -> None:
    running = Running(ScriptedBackend())
    await running.start()
    note = f"The embedder has ended, {WORDS_ALONE}"
    for _ in range(2):
        running.dialogue._report(Readiness(READY.stage, note=note))
    running.dialogue._report(READY)
    assert running.notes == [note]
