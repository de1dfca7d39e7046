"""The command line, called in this process or run as a person runs it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pocket_agent.cli import main
from pocket_agent.memory.store import Store

PATIENCE_S = 120


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, known to every command."""
    place = tmp_path / "home"
    monkeypatch.setenv("POCKET_AGENT_HOME", str(place))
    monkeypatch.delenv("POCKET_AGENT_PASSPHRASE", raising=False)
    monkeypatch.delenv("POCKET_AGENT_DEBUG", raising=False)
    return place


@pytest.fixture
def call(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Call a command in this process, with nothing on its standard input."""

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield run


@pytest.fixture
def run(home: Path) -> Command:
    """Run a command as a process of its own."""

    def run(*words: str, stdin: str | bytes = b"", **environment: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "pocket_agent", *words],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=PATIENCE_S,
            env={**os.environ, **environment},
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def store(home: Path) -> Callable[[], Store]:
    """Opens the default profile of that home."""
    return lambda: Store.open(home / "profiles" / "default.db")
