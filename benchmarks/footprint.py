"""How much memory all processes of a running chat take together, and how quick --help is."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
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
        parts = megabytes()
    finally:
        await opened.close()
    return {"total_mb": round(sum(parts.values())), **{k: round(v) for k, v in parts.items()}}


def megabytes() -> dict[str, float]:
    """Megabytes of this process and of all that it started, by what they are.

    Shared pages are counted once (PSS), as far as the system tells; else the resident set.
    """
    parts: defaultdict[str, float] = defaultdict(float)
    for name, process in _tree(psutil.Process()):
        with suppress(psutil.Error):  # it has just ended
            parts[name] += _megabytes(process)
    return dict(parts)


def cpu_seconds(root: psutil.Process) -> dict[str, float]:
    """Seconds of a processor that it and all it started have taken so far, by what they are.

    Those of children that have ended count with the process that started them.
    """
    parts: defaultdict[str, float] = defaultdict(float)
    for name, process in _tree(root):
        with suppress(psutil.Error):
            times = process.cpu_times()
            parts[name] += times.user + times.system
            parts[name] += times.children_user + times.children_system
    return dict(parts)


def _tree(root: psutil.Process) -> Iterator[tuple[str, psutil.Process]]:
    yield "app", root
    for child in root.children(recursive=True):
        with suppress(psutil.Error):
            words = (word for word in child.cmdline() if word.startswith("pocket_agent."))
            yield next(words, "") or child.name(), child


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
