"""Folders and files of a home: closed to others at the start, or told."""

import os
import stat
from pathlib import Path

import pytest

from pocket_agent.paths import Locations

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are of Unix")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path: Path) -> Locations:
    home = Locations(tmp_path / "home", tmp_path / "cache")
    home.prepare()
    return home


def test_folders_are_made_for_their_owner_alone(home: Locations) -> None:
    for folder in (home.home, home.profiles, home.models, home.logs, home.cache):
        assert mode(folder) == 0o700
    assert home.exposed() == []


def test_what_others_could_read_is_closed(home: Locations) -> None:
    home.profiles.chmod(0o755)
    files = [home.config, home.profile("a"), home.profiles / "a.db-wal", home.logs / "x"]
    for file in files:
        file.touch()
        file.chmod(0o644)
    assert set(home.exposed()) == {home.profiles, *files}
    home.prepare()
    assert home.exposed() == []
    assert {mode(file) for file in files} == {0o600}


def test_what_a_link_points_to_is_left_alone(home: Locations, tmp_path: Path) -> None:
    elsewhere = tmp_path / "shared.toml"
    elsewhere.touch()
    elsewhere.chmod(0o644)
    home.config.symlink_to(elsewhere)
    home.prepare()
    assert mode(elsewhere) == 0o644


def test_what_cannot_be_closed_is_told(home: Locations, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without permissions, which no test machine has mounted."""
    home.config.touch()
    home.config.chmod(0o644)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "no")

    monkeypatch.setattr(Path, "chmod", refuse)
    home.prepare()
    assert home.exposed() == [home.config]
