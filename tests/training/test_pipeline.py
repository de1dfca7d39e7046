"""`pocket-agent-train all`: the order of the stages, what is skipped, what is done again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pocket_agent.errors import PocketAgentError
from pocket_agent.training.pipeline import SIZES, Stage, plan, run_stages

TEXT = Path(__file__).parent / "sample_text"


class Recorder:
    """Stands for the commands: makes the file that its stage is to make, and remembers."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.failing = ""

    def __call__(self, command: list[str]) -> int:
        self.called.append(command[0])
        if command[0] == self.failing:
            return 1
        made = Path(command[1])
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(command[0])
        return 0


def stages(run: Path, b: str = "1") -> list[Stage]:
    return [
        Stage("a", run / "a.txt", (("a", str(run / "a.txt")),)),
        Stage("b", run / "b" / "x", (("b", str(run / "b" / "x"), b),), keeps=run / "b"),
        Stage("c", run / "c.txt", (("c", str(run / "c.txt")),)),
    ]


def test_what_is_done_is_skipped(tmp_path: Path):
    call = Recorder()
    run_stages(stages(tmp_path), tmp_path, call)
    run_stages(stages(tmp_path), tmp_path, call)
    assert call.called == ["a", "b", "c"]


def test_an_interrupted_stage_keeps_its_checkpoints(tmp_path: Path):
    call = Recorder()
    call.failing = "b"
    with pytest.raises(PocketAgentError, match="stage b failed"):
        run_stages(stages(tmp_path), tmp_path, call)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "checkpoint").write_text("half way")
    call.failing = ""
    run_stages(stages(tmp_path), tmp_path, call)
    assert call.called == ["a", "b", "b", "c"]
    assert (tmp_path / "b" / "checkpoint").exists()


def test_other_settings_do_a_stage_and_all_after_it_again(tmp_path: Path):
    call = Recorder()
    run_stages(stages(tmp_path), tmp_path, call)
    (tmp_path / "b" / "checkpoint").write_text("of the old settings")
    run_stages(stages(tmp_path, b="2"), tmp_path, call)
    assert call.called == ["a", "b", "c", "b", "c"]
    assert not (tmp_path / "b" / "checkpoint").exists()


def test_a_lost_result_is_made_again(tmp_path: Path):
    call = Recorder()
    run_stages(stages(tmp_path), tmp_path, call)
    (tmp_path / "c.txt").unlink()
    run_stages(stages(tmp_path), tmp_path, call)
    assert call.called == ["a", "b", "c", "c"]


def test_every_size_has_the_five_stages(tmp_path: Path):
    for size in SIZES.values():
        names = [stage.name for stage in plan(tmp_path, size, 0, 0, TEXT)]
        assert names == ["simulate", "sft", "grpo", "export", "evaluate"]


@pytest.mark.slow
def test_the_whole_training_at_its_tiniest(work: Path, tmp_path: Path):
    """Real simulation, training, export and evaluation; then again, with nothing left to do."""
    shutil.copytree(work / "base", tmp_path / "runs" / "base")
    command = [sys.executable, "-m", "pocket_agent.training", "all", "--size", "tiny"]
    command += ["--text", str(TEXT), "--threads", "1", "--out", "made"]
    options = {
        "cwd": tmp_path,
        "env": {**os.environ, "OMP_NUM_THREADS": "1"},
        "capture_output": True,
        "text": True,
        "check": False,
        "timeout": 280,
    }
    done = subprocess.run(command, **options)
    assert done.returncode == 0, done.stderr
    made = tmp_path / "made"
    assert (made / "policy.gguf").read_bytes().startswith(b"GGUF")
    report = json.loads((made / "report.json").read_text())
    assert [one["policy"] for one in report] == ["rules", "policy"]
    assert all(one["turns"] == 4 for one in report)
    assert (made / "sft" / "metrics.jsonl").exists()
    assert (made / "grpo" / "metrics.jsonl").exists()
    again = subprocess.run(command, **options)
    assert again.returncode == 0
    assert again.stderr.count("done before") == 5
