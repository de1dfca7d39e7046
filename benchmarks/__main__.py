"""`make bench`: every speed we promise, as ratios within one run where a yardstick exists.

    python -m benchmarks [--out FILE]

Prints a line a promise and writes all figures as JSON.
"""

import argparse
import asyncio
import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import footprint, recall_speed, stopping, ui, whole_walk
from benchmarks.fresh_engine import fresh_engine
from pocket_agent.assistant.measure import measure
from pocket_agent.memory.embedder import Embedder

RECALL_TURNS = 10_000


@dataclass(frozen=True, slots=True)
class Promise:
    """A figure and the bound it is held to."""

    what: str
    figure: float
    bound: float
    at_most: bool = True

    @property
    def kept(self) -> bool:
        return self.figure <= self.bound if self.at_most else self.figure >= self.bound

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        mark = "ok  " if self.kept else "MISS"
        return f"{mark} {self.what}: {self.figure:.3g} ({sign} {self.bound:g})"


def collect() -> dict[str, Any]:
    """Run everything; some minutes."""
    engine = asyncio.run(_engine())
    embedder = Embedder()
    try:
        recall = recall_speed.compare(RECALL_TURNS, embedder)
    finally:
        embedder.close()
    return {
        "engine": engine,
        "whole_walk": asdict(asyncio.run(whole_walk.measure())),
        "recall": recall["plain"],
        "recall_encrypted": recall["encrypted"],
        "recall_encrypted_ratio": recall["ratio"],
        "ui": ui.measure(),
        "start": footprint.help_seconds(),
        "memory": footprint.memory(),
    }


def promises(found: dict[str, Any]) -> list[Promise]:
    """What the figures are held to."""
    paint = sorted(found["ui"]["first_paint_s"])
    return [
        Promise("pocket-agent --help, s", found["start"]["help_s"], footprint.HELP_LIMIT_S),
        Promise("first paint of the TUI, s", paint[len(paint) // 2], ui.FIRST_PAINT_LIMIT_S),
        Promise(
            "largest gap of the event loop, ms", found["ui"]["largest_gap_ms"], ui.GAP_LIMIT_MS
        ),
        Promise("decoding × a bare loop", found["engine"]["decode_ratio_vs_bare"], 0.95, False),
        Promise("first token, turn 20 × turn 2", found["engine"]["first_token_ratio"], 1.3),
        Promise(
            "cancel in a long prefill, ms",
            found["engine"]["stopping"]["largest_ms"],
            stopping.LIMIT_MS,
        ),
        Promise(f"recall over {RECALL_TURNS} turns, ms", found["recall"]["median_ms"], 30.0),
        Promise("recall, encrypted × plain", found["recall_encrypted_ratio"], 2.0),
        Promise("memory, MB", found["memory"]["total_mb"], footprint.MEMORY_LIMIT_MB),
    ]


def _unbound(found: dict[str, Any]) -> str:
    """A figure that is held to nothing: it hangs on what recall and the policy find to do."""
    seconds = f"{found['turn_2_s']:.2f} s, {found['turn_20_s']:.2f} s"
    return (
        f"     the same with notes, recall and policy: {found['ratio']:.3g} ({seconds}; no bound)"
    )


async def _engine() -> dict[str, Any]:
    async with fresh_engine() as engine:
        return {**asdict(await measure(engine)), "stopping": await stopping.measure(engine)}


def main() -> int:
    """Measure, print, write. Returns 0 also where a promise is not kept: a figure is a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench.json"))
    out: Path = parser.parse_args().out
    found = collect()
    kept = promises(found)
    print("\n".join(map(str, kept)))
    print(_unbound(found["whole_walk"]))
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "promises": [{**asdict(p), "kept": p.kept} for p in kept],
        **found,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(about, indent=1))
    print(f"written to {out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
