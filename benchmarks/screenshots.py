"""The pictures in the README: the real app on the real model, drawn as SVG.

python -m benchmarks.screenshots [--out docs/screenshots]
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocket_agent.paths import Locations, locate
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions

SIZE = (92, 30)
SEED = 11
LINES = (
    "Hi! I'm Sam. I live in Porto with my dog Biscuit.",
    "I love spicy ramen, but I can't stand olives.",
    "Name three fruits that are yellow.",
)
_REMOTE_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


async def draw(out: Path) -> None:
    """Play a short chat and save the chat and the profile screen."""
    with tempfile.TemporaryDirectory() as folder:
        locations = Locations(Path(folder), locate().cache)
        locations.prepare()
        options = TuiOptions(seed=SEED)
        app = PocketApp(LiveBackend(locations, "sam", options), options)
        async with app.run_test(size=SIZE) as pilot:
            for line in LINES:
                await _say(pilot, line)
            _save(app, out / "chat.svg")
            await pilot.press("f2")
            await pilot.pause(1.0)
            _save(app, out / "profile.svg")


async def _say(pilot: Any, line: str) -> None:
    field = pilot.app.screen.query_one("#prompt")
    field.text = line
    await pilot.press("enter")
    await _until(pilot, lambda: "ready" not in _status(pilot), 5.0)
    await _until(pilot, lambda: "ready" in _status(pilot), 120.0)
    await pilot.pause(0.5)


async def _until(pilot: Any, holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        await pilot.pause(0.05)


def _status(pilot: Any) -> str:
    """The lowest line of the screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "".join(segment.text for segment in strips[-1])


def _save(app: PocketApp, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_REMOTE_FONTS.sub("", app.export_screenshot(title="Pocket Agent")))
    print(path, file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"))
    asyncio.run(draw(parser.parse_args().out))
