"""How much memory all processes of a running chat take together, and how quick --help is."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from pocket_agent.assistant.opening import open_profile
from pocket_agent.paths import Locations, locate

MEMORY_LIMIT_MB = 1200
HELP_LIMIT_S = 0.3


def help_seconds(runs: int = 7) -> dict[str, float]:
    """Median seconds of `pocket-agent --help`, and of a bare interpreter as the yardstick."""
    ours = [sys.executable, "-m", "pocket_agent", "--help"]
    return {"help_s": _time(ours, runs), "bare_python_s": _time([sys.executable, "-c", ""], runs)}


def memory() -> dict[str, Any]:
    """Megabytes of a chat after one exchange: the app with Textual loaded, and its children.

    Shared pages are counted once (PSS), as far as the system tells; else the resident set.
    """
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_memory(Locations(Path(folder), locate().cache)))


async def _memory(locations: Locations) -> dict[str, Any]:
    import pocket_agent.tui.app  # noqa: F401  (the app's own modules count too)

    locations.prepare()
    opened = await open_profile(locations, "bench")
    try:
        await asyncio.to_thread(opened.embedder.wait_ready, 60)
        async for _ in opened.assistant.send("Hello, I live in Porto and I love the sea."):
            pass
        opened.embedder.embed(["warm"])
        me = psutil.Process()
        parts = {"app": _megabytes(me)}
        for child in me.children(recursive=True):
            name = next((word for word in child.cmdline() if word.startswith("pocket_agent.")), "")
            parts[name or child.name()] = _megabytes(child)
    finally:
        await opened.close()
    return {"total_mb": round(sum(parts.values())), **{k: round(v) for k, v in parts.items()}}


def _megabytes(process: psutil.Process) -> float:
    info = process.memory_full_info()
    return float(getattr(info, "pss", 0) or info.rss) / 1024**2


def _time(command: list[str], runs: int) -> float:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return round(statistics.median(seconds), 3)
