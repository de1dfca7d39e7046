"""Where everything lives on disk. The one place that builds a path."""

import contextlib
import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from pocket_agent.errors import PocketAgentError, UsageError

APP = "pocket-agent"
_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Locations:
    """The folders and files of one installation.

    Args:
        home: state that must survive (profiles, configuration, added models).
        cache: what can be made again (re-quantised models).
    """

    home: Path
    cache: Path

    @property
    def config(self) -> Path:
        return self.home / "config.toml"

    @property
    def profiles(self) -> Path:
        return self.home / "profiles"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def profile(self, name: str) -> Path:
        """The store file of the profile called `name`.

        Raises:
            UsageError: the name could leave the folder or is not a plain word.
        """
        if not _PROFILE_NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} can't be a profile's name",
                "Use letters, digits, dot, dash and underscore, 64 at most.",
            )
        return self.profiles / f"{name}.db"

    def prepare(self) -> None:
        """Make the folders, and close them and what people wrote in them to everyone else.

        Raises:
            PocketAgentError: a folder can't be made or isn't ours to close.
        """
        for folder in (self.home, self.profiles, self.models, self.logs, self.cache):
            _make_private(folder)
        for file in self.private_files():
            with contextlib.suppress(OSError):  # what stays open, `exposed` tells
                if is_exposed(file):
                    file.chmod(0o600)

    def private_files(self) -> list[Path]:
        """The files that hold what a person said or set."""
        try:
            return [
                file
                for folder in (self.home, self.profiles, self.logs)
                for file in folder.iterdir()
                if file.is_file() and not file.is_symlink()
            ]
        except OSError:
            return []

    def exposed(self) -> list[Path]:
        """The folders and files that others on this computer may read all the same."""
        folders = (self.home, self.profiles, self.models, self.logs, self.cache)
        return [path for path in (*folders, *self.private_files()) if is_exposed(path)]


def locate(home: str | os.PathLike[str] | None = None) -> Locations:
    """Find the folders: an explicit home first, then POCKET_AGENT_HOME, then the platform's."""
    chosen = home or os.environ.get("POCKET_AGENT_HOME")
    cache = os.environ.get("POCKET_AGENT_CACHE")
    if chosen:
        root = Path(chosen).expanduser().absolute()
        return Locations(root, Path(cache) if cache else root / "cache")
    import platformdirs

    return Locations(
        platformdirs.user_data_path(APP, appauthor=False),
        Path(cache) if cache else platformdirs.user_cache_path(APP, appauthor=False),
    )


def shipped_models() -> Path:
    """The folder of the adapters that come with the program (wheel or checkout)."""
    packaged = Path(__file__).parent / "_models"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "models"


def is_exposed(path: Path) -> bool:
    """Whether others than the owner have any right to a folder or file that is there."""
    try:
        return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_exposed(folder):
            folder.chmod(0o700)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return  # what is there can be read all the same; who needs the folder will complain
        raise PocketAgentError(
            f"The folder {folder} can't be used ({error.strerror or error})",
            "Choose another with --home DIR.",
        ) from error
