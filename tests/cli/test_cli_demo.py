"""`make demo`, as a process: what it shows is what is promised."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pocket_agent.cli.demo import FIRST, QUERY, SECOND

PATIENCE_S = 900


@pytest.mark.slow
def test_what_is_learnt_in_one_session_is_used_in_the_next_and_the_turn_is_recalled(
    tmp_path: Path,
) -> None:
    """The shipped policy learns, the program closes, a second session knows it."""
    done = subprocess.run(
        [sys.executable, "-m", "pocket_agent.cli.demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    first, _, rest = done.stdout.decode().partition("— closed, and opened again")
    second, _, rest = rest.partition("— what it knows now")
    profile, _, recalled = rest.partition(f"— recall of {QUERY!r}")
    for line in (*FIRST, *SECOND):
        assert f"you        {line}\n" in first + second
    assert "remembered: name · Sam\n" in first
    assert "remembered: home · Porto\n" in first
    asked = second.partition(SECOND[0])[2].partition(SECOND[1])[0]
    knows = asked.partition("[knows: ")[2].partition("]")[0]
    assert "Sam" in knows, "what was learnt is told to the model in the second session"
    assert "remembered: home · Lisbon (was Porto)" in second
    assert "Lisbon" in profile
    assert "You: I adopted a dog last week." in recalled
    assert not list(tmp_path.glob("pocket-agent-demo-*")), "no profile is left behind"
