"""The models that a scripted backend offers."""

import asyncio
from collections.abc import Callable

from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.calibration import Calibration
from pocket_agent.llm.catalogue import catalogue
from pocket_agent.llm.fitting import Fit, Memory, judge, need
from pocket_agent.llm.hub import Reached
from pocket_agent.llm.offers import Offer


class ScriptedModels:
    """Three models here and what can be pulled; a pull waits for `gate` in the middle."""

    def __init__(self) -> None:
        self.running = self.learns = "smollm2-135m-instruct"
        self.here = ["smollm2-135m-instruct", "mine"]
        self.gate = asyncio.Event()
        self.speed: Calibration | None = None
        self.fail: PocketAgentError | None = None

    async def offers(self) -> tuple[list[Offer], Memory]:
        memory = Memory(16 * 10**9, 4 * 10**9)
        here = [
            Offer(
                name,
                145_000_000,
                700_000_000,
                Fit.FITS,
                self._rate(145_000_000),
                here=True,
                chosen=name == self.running,
                learns=name == self.learns,
            )
            for name in self.here
        ]
        gone = Offer("[b]gone[/b]", 1, 0, Fit.UNKNOWN, 0.0, here=True, broken="There is no file")
        pull = [
            Offer(
                m.name,
                m.likely_size,
                n,
                judge(n, memory),
                self._rate(m.likely_size),
                here=False,
                known=m,
            )
            for m in catalogue()
            if m.name not in self.here
            for n in [need(m.likely_size, m.cache, 4096)]
        ]
        return [*here, gone, *pull], memory

    def _rate(self, size: int) -> float:
        return self.speed.tokens_s(size) if self.speed else 0.0

    async def measure(self) -> bool:
        news, self.speed = self.speed is None, Calibration(2e10, "CPU", "")
        return news

    async def pull(self, name: str, report: Callable[[Reached], None]) -> str:
        report(Reached(400_000_000, 1_000_000_000))
        await self.gate.wait()
        if self.fail:
            raise self.fail
        self.here.append(name)
        return name
