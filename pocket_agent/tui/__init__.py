"""What a person sees: the Textual app. `run` starts it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocket_agent.paths import Locations
    from pocket_agent.tui.options import TuiOptions


def run(locations: "Locations", profile_name: str, options: "TuiOptions | None" = None) -> int:
    """Open the app on one profile and stay until the person leaves.

    Textual is imported only now, so that other commands don't pay for it.

    Args:
        locations: the folders of this installation; made if they aren't there.
        profile_name: which profile to open.
        options: how the app looks and what it runs.

    Returns:
        The exit code: 0 fine, 1 if the profile could not be opened.
    """
    from pocket_agent.tui.start import start

    return start(locations, profile_name, options)
