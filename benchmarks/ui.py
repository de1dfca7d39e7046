"""How soon the app paints, and how long a key may have to wait while a model loads and streams.

    python -m benchmarks.ui

First paint is measured on the real program under a pseudo-terminal. The event loop's largest gap
is measured in this process, with the real backend and the bundled model: a ticker asks to be woken
every 5 ms and notes how much later it was: a key waits at most that long. `own` is the part of it
in which this process was computing; the rest is the machine being busy with others. Prints JSON.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.terminal import Terminal

TICK_S = 0.005
FIRST_PAINT_LIMIT_S = 1.0
GAP_LIMIT_MS = 50.0
MESSAGES = (
    "My name is Anna and I moved to Porto last month. What should I see there?",
    "Write a Python function that reverses a list, with an example, and explain each line.",
    "Compare trains and cars in a table with five rows.",
)

_READY = b"F1 help"


@dataclass(slots=True)
class Gaps:
    """How late the event loop woke the ticker, and how much of it was ours. In ms, by phase."""

    phase: str = "start"
    late: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    async def tick(self) -> None:
        """Tick until cancelled."""
        while True:
            before, busy = time.perf_counter(), time.process_time()
            await asyncio.sleep(TICK_S)
            late = (time.perf_counter() - before - TICK_S) * 1000
            own = min((time.process_time() - busy) * 1000, late)
            self.late.setdefault(self.phase, []).append((late, own))

    def report(self) -> dict[str, Any]:
        """Largest, median and 99th percentile of each phase."""
        return {
            phase: {
                "p50_ms": round(statistics.median(late for late, _ in values), 1),
                "largest_ms": round(max(late for late, _ in values), 1),
                "largest_own_ms": round(max(own for _, own in values), 1),
                "p99_ms": round(sorted(values)[int(0.99 * (len(values) - 1))][0], 1),
                "over_50_ms": sum(late > GAP_LIMIT_MS for late, _ in values),
                "ticks": len(values),
            }
            for phase, values in self.late.items()
        }


def first_paint(home: Path, columns: int = 80, rows: int = 24, timeout: float = 30.0) -> float:
    """Seconds from starting the program until its first picture is in the terminal.

    Raises:
        RuntimeError: it ended, did not paint in time, or did not leave when told.
    """
    command = [sys.executable, "-m", "pocket_agent", "--home", str(home)]
    program = Terminal(command, columns=columns, rows=rows)
    try:
        painted = program.wait_for(_READY, timeout)
        program.leave()
    finally:
        program.kill()
    return painted


async def gaps(home: Path, messages: tuple[str, ...] = MESSAGES) -> dict[str, Any]:
    """The event loop's gaps while the real model loads, streams and learns, by phase."""
    from pocket_agent.paths import locate
    from pocket_agent.tui.app import PocketApp
    from pocket_agent.tui.live import LiveBackend
    from pocket_agent.tui.options import TuiOptions
    from pocket_agent.tui.widgets.prompt import Prompt

    options = TuiOptions()
    app = PocketApp(LiveBackend(locate(home), "default", options), options)
    measured = Gaps()
    async with app.run_test(size=(80, 24)) as pilot:
        ticker = asyncio.create_task(measured.tick())
        dialogue = app.chat.dialogue
        measured.phase = "loading"
        await until(lambda: dialogue.status.readiness.stage.value in ("ready", "failed"))
        for message in messages:
            measured.phase = "typing"
            await pilot.press(*"hello world")
            app.chat.query_one(Prompt).clear()
            measured.phase = "streaming"
            dialogue.submit(message)
            await until(lambda: not dialogue.replying)
            check(dialogue.conversation.entries)
            measured.phase = "learning"
            await until(lambda: not dialogue.status.doing)
        measured.phase = "idle"
        await asyncio.sleep(1.0)
        ticker.cancel()
    return measured.report()


def check(entries: Sequence[object]) -> None:
    """A failure would be fast: it must not pass for a measurement."""
    failures = [entry for entry in entries if getattr(entry, "failure", False)]
    if failures:
        raise RuntimeError(f"the conversation failed: {failures[0]}")


async def until(done: Callable[[], bool], timeout: float = 180.0) -> None:
    """Wait for something to come true.

    Raises:
        TimeoutError: it did not, in so many seconds.
    """
    deadline = time.perf_counter() + timeout
    while not done():
        if time.perf_counter() > deadline:
            raise TimeoutError("the app did not get there")
        await asyncio.sleep(0.02)


def measure(runs: int = 3) -> dict[str, Any]:
    """Everything, as one record."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        paints = [first_paint(home) for _ in range(runs)]
        phases = asyncio.run(gaps(home))
    largest = max(phase["largest_ms"] for phase in phases.values())
    own = max(phase["largest_own_ms"] for phase in phases.values())
    return {
        "first_paint_s": [round(paint, 3) for paint in paints],
        "first_paint_ok": sorted(paints)[len(paints) // 2] < FIRST_PAINT_LIMIT_S,
        "largest_gap_ms": largest,
        "largest_own_gap_ms": own,
        "gap_ok": largest < GAP_LIMIT_MS,
        "phases": phases,
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often to start the program")
    print(json.dumps(measure(parser.parse_args().runs), indent=2))


if __name__ == "__main__":
    main()
