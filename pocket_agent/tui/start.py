"""Starts the app on the real backend."""

import sys

from pocket_agent.paths import Locations
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions


def start(locations: Locations, profile_name: str, options: TuiOptions | None) -> int:
    """Run the app until the person leaves. See `pocket_agent.tui.run`."""
    chosen = options or TuiOptions()
    app = PocketApp(LiveBackend(locations, profile_name, chosen), chosen)
    failure = app.run()
    if failure:
        print(failure, file=sys.stderr)
    return app.return_code or 0
