"""kill -9 at random moments of a real chat: what was on the screen is in the file."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pocket_agent.memory.records import TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.profile.rules import replay

KILLS = 25
"""Each costs the start of a model; the store's own test kills a hundred times."""


def chat_and_kill(home: Path, wait: float) -> list[list[str]]:
    """Chat for `wait` seconds once the model is up, kill -9, and return what was shown."""
    script = Path(__file__).with_name("chatting.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(home), os.environ["POCKET_AGENT_CACHE"]],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == ["ready"]
    time.sleep(wait)
    process.kill()
    lines = process.stdout.read().splitlines()
    process.wait()
    return [json.loads(line) for line in lines if line.endswith(b"]")]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_was_on_the_screen_is_in_the_file(tmp_path: Path):
    draw = random.Random(5)
    accepted: dict[str, str] = {}
    shown: dict[str, str] = {}
    for _ in range(KILLS):
        for kind, turn, text in chat_and_kill(tmp_path, draw.uniform(0.0, 1.5)):
            (accepted if kind == "user" else shown)[turn] = text
    with Store.open(tmp_path / "profiles" / "chat.db", create=False) as store:
        assert store.problems() == []
        assert store.profile() == replay(store.events())
        for turn, text in accepted.items():
            assert store.turn(turn).text == text
        for turn, text in shown.items():
            kept = store.turn(turn)
            assert kept.text.startswith(text)
            assert kept.status is not TurnStatus.OPEN
    assert len(accepted) > KILLS / 2
    assert shown
