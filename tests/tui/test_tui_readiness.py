"""What the live backend tells of the model, over parts that stand in for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tui_samples import turn

from pocket_agent.assistant.events import AssistantEvent, ReplyDone, UserSaved
from pocket_agent.llm.protocol import ModelInfo
from pocket_agent.memory.records import TurnRole
from pocket_agent.paths import Locations
from pocket_agent.tui.backend import Readiness, Stage
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions


def info(placement: str) -> ModelInfo:
    return ModelInfo("m", Path("m"), "llama", 0, 512, 512, 2, 0, "CPU", True, 1, placement)


@dataclass
class Engine:
    info: ModelInfo | None = None


@dataclass
class Assistant:
    """Its model's process dies and is started again with each message that says so."""

    engine: Engine

    async def send(self, text: str, instead_of: str = "") -> AsyncIterator[AssistantEvent]:
        yield UserSaved(turn(1, TurnRole.USER, text))
        if text == "die":
            self.engine.info = info("the model runs on the CPU")
        yield ReplyDone(turn(2, TurnRole.ASSISTANT, "Fine."), "stop", None)

    def warm_up(self) -> None:
        pass


@dataclass
class Parts:
    engine: Engine = field(default_factory=Engine)
    recall_problem: str = ""

    @property
    def assistant(self) -> Assistant:
        return Assistant(self.engine)

    @property
    def readiness(self) -> Readiness:
        assert self.engine.info is not None
        return Readiness(Stage.READY, placement=self.engine.info.placement)

    async def load(self, progress: object) -> None:
        self.engine.info = info("all 2 layers fit")

    def start_recall(self) -> None:
        pass

    def hold_indexing(self, hold: bool) -> None:
        pass


async def test_a_restart_is_told_and_nothing_else(locations: Locations) -> None:
    told: list[str] = []
    backend = LiveBackend(locations, "default", TuiOptions())
    backend._parts = cast("Any", Parts())
    await backend.load(lambda ready: told.append(ready.placement))
    for text in ("hello", "die", "hello"):
        async for _ in backend.send(text):
            pass
    assert [line for line in told if line] == ["all 2 layers fit", "the model runs on the CPU"]
