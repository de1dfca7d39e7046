"""GRPO on the real model at the smallest size: runs, survives kill -9, agrees with itself."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pocket_agent.training.cli import main
from pocket_agent.training.curves import read_metrics

SIZE = "--samples 4 --prompts 2 --answer 12 --longest 110 --limit 20 --rank 4 --threads 1".split()
SIZE += "--save-every 1 --keep-even --seed 5".split()
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
STEPS = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("turns") / "turns.jsonl"
    text = Path(__file__).parent / "sample_text"
    arguments = ["--text", str(text), "--people", "4", "--turns", "20", "--out", str(out)]
    assert main(["simulate", *arguments]) == 0
    return out


def grpo(data: Path, work: Path, out: Path, *more: str) -> list[str]:
    where = ["--data", str(data), "--work", str(work), "--out", str(out)]
    return ["grpo", *where, *SIZE, *more]


def start(launcher: list[str], arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", *launcher, *arguments],
            env=ENVIRONMENT,
            stdout=stream,
            stderr=stream,
        )


@pytest.fixture(scope="module")
def killed(data: Path, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed after its first checkpoint, and run again to its end."""
    out = tmp_path_factory.mktemp("grpo") / "run"
    log = out.with_suffix(".log")
    arguments = grpo(data, work, out, "--steps", str(STEPS))
    first = start(["pocket_agent.training"], arguments, log)
    deadline = time.monotonic() + 200
    while not (out / "checkpoint-1" / "trainer_state.json").exists():
        assert first.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not (out / "adapter").exists()
    second = start(["pocket_agent.training"], arguments, log)
    assert second.wait(timeout=200) == 0, log.read_text()
    return out


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_checkpoint(killed: Path):
    lines = [json.loads(line) for line in (killed / "metrics.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if "loss" in line]
    assert steps.count(1) == 1  # the first step was not done again
    assert sorted(set(steps)) == [1, 2, 3]
    assert (killed / "adapter" / "adapter_model.safetensors").is_file()
    assert (killed / "curves.png").is_file()
    log = killed.with_suffix(".log").read_text()
    assert "3/3" in log  # the progress bar, with its time left


@pytest.mark.slow
def test_a_finished_run_is_not_trained_again(killed: Path, data: Path, work: Path, tmp_path: Path):
    """Even if it was killed between its last step and its adapter."""
    run = tmp_path / "run"
    shutil.copytree(killed, run)
    shutil.rmtree(run / "adapter")
    assert main(grpo(data, work, run, "--steps", str(STEPS))) == 0
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (run / "adapter" / name).is_file()
    weights = (killed / "adapter" / "adapter_model.safetensors").read_bytes()
    assert (run / "adapter" / "adapter_model.safetensors").read_bytes() == weights


@pytest.mark.slow
def test_rewards_and_metrics_are_those_of_the_issue(killed: Path):
    found = read_metrics(killed)
    assert {"loss", "reward", "reward/lost", "reward/perfect", "grad_norm"} <= set(found)
    assert {"rollout/redrawn", "entropy", "groups/used"} <= set(found)
    assert all(-2.0 <= value <= 1.0 for _, value in found["reward"])
    assert any(value > 0 for _, value in found["grad_norm"])


@pytest.mark.slow
def test_packed_training_is_trl_s_own(killed: Path, data: Path, work: Path, tmp_path, one_thread):
    """The same rollouts, row by row through TRL's code: same loss, same size of gradient."""
    arguments = grpo(data, work, tmp_path / "stock", "--steps", "1", "--no-pack")
    assert main(arguments) == 0
    assert_same_step(read_metrics(killed), read_metrics(tmp_path / "stock"))


@pytest.mark.slow
def test_two_processes_learn_what_one_does(killed: Path, data: Path, work: Path, tmp_path: Path):
    launcher = "accelerate.commands.launch --cpu --num_processes 2 --num_machines 1".split()
    launcher += "--mixed_precision no --dynamo_backend no -m pocket_agent.training".split()
    log = tmp_path / "two.log"
    arguments = grpo(data, work, tmp_path / "two", "--steps", "1")
    assert start(launcher, arguments, log).wait(timeout=280) == 0, log.read_text()
    assert_same_step(read_metrics(killed), read_metrics(tmp_path / "two"))


def assert_same_step(one: dict, other: dict) -> None:
    """The first update is the same up to the noise of 16-bit floats."""
    first = {name: dict(points)[1] for name, points in one.items() if points[0][0] == 1}
    again = {name: dict(points)[1] for name, points in other.items() if points[0][0] == 1}
    for name in ("reward", "completions/mean_length"):
        assert again[name] == pytest.approx(first[name], abs=1e-6)
    assert again["loss"] == pytest.approx(first["loss"], abs=2e-3)
    assert again["grad_norm"] == pytest.approx(first["grad_norm"], rel=0.03)
