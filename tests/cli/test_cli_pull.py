"""`models pull` as it is run: progress, Ctrl-C, a kill, and what stays of each."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_checks import complaint, heed_ctrl_c
from hubs import FILE, WHAT, hub
from stand_in_hub import Manners, StandInHub

from pocket_agent.cli.progress import ProgressLine
from pocket_agent.llm.models import BUNDLED, bundled_model

__all__ = ["hub"]
NOISE = os.urandom(600_000)


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pocket_agent", "models", "pull", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )


def parts(home: Path) -> list[Path]:
    return list((home / "models").glob("*.part"))


def test_names_that_lead_nowhere(call, home: Path) -> None:
    assert "models list --available" in complaint(call("models", "pull", "no-such"))
    assert "already a model" in complaint(call("models", "pull", WHAT, "--name", BUNDLED))
    assert call("models", "pull").code == 2


@pytest.mark.skipif(os.name != "posix", reason="signals are a POSIX thing")
def test_ctrl_c_and_a_kill_leave_what_came_and_the_next_run_goes_on(
    hub: StandInHub, home: Path, call
) -> None:
    hub.keep(WHAT, NOISE)
    hub.manners.stalls = 300_000
    with started(WHAT) as running:
        assert hub.stalled.wait(120)
        wait_for_bytes(home, 300_000)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert (running.returncode, out) == (130, "")
    assert "stopped at 50 %; to go on from there, run the same again" in err
    assert "Traceback" not in err
    hub.stalled.clear()
    hub.manners.stalls = 100_000
    with started(WHAT) as running:
        assert hub.stalled.wait(120)
        wait_for_bytes(home, 400_000)
        running.kill()
    hub.manners = Manners()
    said = call("models", "pull", WHAT)
    assert "is not a GGUF file" in complaint(said)
    assert "The file stays" in said.err
    assert f"{FILE.removesuffix('.gguf')}: 100%, 1 MB of 1 MB" in said.err
    assert "\r" not in said.err
    assert hub.ranges() == ["", "bytes=300000-", "bytes=400000-"]
    assert parts(home) == []
    assert (home / "models" / FILE).read_bytes() == NOISE


def wait_for_bytes(home: Path, count: int) -> None:
    """Wait until so much is on the disk."""
    deadline = time.monotonic() + 120
    while sum(part.stat().st_size for part in parts(home)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_hub_failures_are_one_line_and_exit_1(hub: StandInHub, call) -> None:
    assert "no such file" in complaint(call("models", "pull", WHAT))
    hub.stop()
    assert "can't be reached" in complaint(call("models", "pull", WHAT))


@pytest.mark.slow
def test_a_model_is_pulled_tried_listed_and_removed(hub: StandInHub, home: Path, call) -> None:
    bundled = bundled_model()
    assert bundled is not None
    digest = hub.keep(WHAT, bundled.read_bytes())
    hub.manners.drops = [40_000_000]
    said = call("models", "pull", WHAT, "--name", "tiny")
    assert (said.code, said.out) == (0, "tiny\n"), said.err
    assert "the connection was lost at 40 %; going on" in said.err
    assert "trying the model out" in said.err
    assert "models use tiny" in said.err
    assert digest in call("models", "list", "--json").out
    assert call("models", "verify", "tiny").code == 0
    said = call("models", "remove", "tiny", "--delete")
    assert (said.code, said.out) == (0, "tiny\n")
    assert list((home / "models").glob("*.gguf")) == []


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo terminals")
def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    outer, inner = pty.openpty()
    with os.fdopen(inner, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        line = ProgressLine("tiny")
        line.show(0, 100)
        line.show(100, 100)
        line.end()
        said = ""
        while "\n" not in said:
            said += os.read(outer, 4096).decode()
    os.close(outer)
    assert "tiny [------------------------]   0%" in said
    assert "tiny [########################] 100%" in said
    assert said.endswith("\r\n")
