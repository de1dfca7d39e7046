"""`kill -9` at random moments of whatever changes a profile: a share of `benchmarks.kills`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS, CHATS = 72, 25
"""The command itself does 500, and as many real chats as it is told."""


def kills(*options: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", "--json", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.stdout, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    assert told["wrong"] == [], done.stderr
    assert done.returncode == 0
    return told


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is of Unix")
def test_nothing_is_lost_and_nothing_half_done() -> None:
    told = kills("--count", str(KILLS))
    assert told["total"] == KILLS
    assert isinstance(told["kills"], dict)
    assert len(told["kills"]) == 12


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is of Unix")
def test_what_was_on_the_screen_of_a_real_chat_is_in_the_file() -> None:
    told = kills("--count", "0", "--chats", str(CHATS))
    assert told["kills"] == {"real chat": CHATS}
    assert isinstance(told["shown"], dict)
    assert told["shown"]["real chat"] > CHATS / 2
