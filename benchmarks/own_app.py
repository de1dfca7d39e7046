"""The app and its backend, to be given further eyes or shorter replies."""

from dataclasses import replace
from pathlib import Path
from typing import cast

from pocket_agent.paths import Locations
from pocket_agent.tui import app
from pocket_agent.tui.backend import Report
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions

_FOLDER = Path(app.__file__).parent


class OwnApp(app.PocketApp):
    """The app as it is. Textual looks for a class's styles beside the file that it stands in."""

    CSS_PATH = [str(_FOLDER / name) for name in cast("list[str]", app.PocketApp.CSS_PATH)]  # noqa: RUF012


class BriefBackend(LiveBackend):
    """The real backend, whose replies end after so many tokens."""

    def __init__(self, locations: Locations, profile: str, options: TuiOptions, most: int) -> None:
        super().__init__(locations, profile, options)
        self._most = most

    async def open(self, session: str | None, report: Report, key: str | None = None) -> None:
        await super().open(session, report, key)
        assistant = self._open.assistant
        sampling = replace(assistant.options.sampling, max_tokens=self._most)
        assistant.options = replace(assistant.options, sampling=sampling)

    async def close_wholly(self) -> None:
        """Close what the app has left open: it waits for five seconds only, then it ends."""
        if self._parts is not None:
            await self._parts.close()
