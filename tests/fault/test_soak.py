"""Random hands on the real app: a short form of `benchmarks.soak`, always the same steps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.hands import DOING, SAYING, plan

ROOT = Path(__file__).parents[2]
TURNS, SEED = 20, 1
"""This seed has every kind of step in so few turns."""


def test_a_seed_gives_the_same_steps_and_another_seed_others() -> None:
    assert list(plan(SEED, TURNS)) == list(plan(SEED, TURNS))
    assert list(plan(SEED, TURNS)) != list(plan(SEED + 1, TURNS))


def test_every_kind_of_step_is_taken() -> None:
    assert {step.name for step in plan(SEED, TURNS)} == {*SAYING, *DOING}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_goes_wrong_under_random_hands() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.soak",
        "--json",
        "--minutes",
        "25",
        "--patience",
        "900",
    ]
    done = subprocess.run(
        [*command, "--turns", str(TURNS), "--seed", str(SEED)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == [], done.stderr
    assert done.returncode == 0
    assert told["turns"] == TURNS
