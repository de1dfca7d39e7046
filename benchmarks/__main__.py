"""`make bench`: every speed we promise, as ratios within one run where a yardstick exists.

    python -m benchmarks [--out FILE]

Prints a line a promise and writes all figures as JSON. What takes longer runs alone:
`benchmarks.long_session` and `benchmarks.first_token` (`make bench-long`), `benchmarks.peers`
(`make bench-peers`), `benchmarks.soak` (`make soak`).
"""

import argparse
import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import footprint, recall_speed, stopping, ui, whole_walk
from benchmarks.fresh_engine import fresh_engine
from benchmarks.promise import Promise, keep
from pocket_agent.assistant.measure import measure
from pocket_agent.memory.embedder import Embedder

RECALL_TURNS = 10_000


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
    keep(out, promises(found), found)
    print(_unbound(found["whole_walk"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
