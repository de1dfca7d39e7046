"""What `make run` would do, without doing it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def told(*words: str) -> list[str]:
    """The commands that make would run for a folder in which nothing is installed."""
    command = ["make", "--dry-run", "--always-make", "VENV=nowhere", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("target", ["run", "setup"])
def test_pip_is_given_what_the_person_adds(target: str) -> None:
    installs = [line for line in told(target, "PIP_EXTRA=--more one") if "pip install" in line]
    assert len(installs) >= 3
    assert all("pip install --quiet --more one " in line for line in installs)


def test_without_it_pip_gets_nothing_more_and_no_index_is_ours() -> None:
    lines = told("setup")
    assert any(line.endswith('pip install --quiet  "torch>=2.6,<2.14"') for line in lines)
    assert not [line for line in lines if "index" in line and "PIP_EXTRA" not in line]


def test_what_takes_minutes_is_said_before_it_begins() -> None:
    lines = told("run")
    compiling = next(n for n, line in enumerate(lines) if "-e " in line and "bundled" in line)
    assert "minutes" in lines[compiling - 1]
    assert "echo" in lines[compiling - 1]
