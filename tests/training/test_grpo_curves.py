"""The journal, the curves, and the checkpoint that a killed run goes on from."""

import json
from pathlib import Path

from pocket_agent.training.checkpoints import last_whole
from pocket_agent.training.curves import METRICS, draw_curves, read_metrics, write_metrics


def test_a_step_done_twice_counts_once_and_a_torn_line_is_passed_over(tmp_path: Path):
    for step, loss in ((1, 3.0), (2, 2.0), (2, 1.5), (3, 1.0)):
        write_metrics(tmp_path, step, {"loss": loss, "kl": None, "reward": float("nan")})
    with (tmp_path / METRICS).open("a") as stream:
        stream.write('{"step": 4, "lo')
    assert read_metrics(tmp_path) == {"loss": [(1, 3.0), (2, 1.5), (3, 1.0)]}


def test_curves_are_a_picture_and_text(tmp_path: Path, capsys):
    assert draw_curves(tmp_path) is None
    for step in range(1, 6):
        write_metrics(tmp_path, step, {"loss": 1 / step, "reward": step / 5, "entropy": 0.5})
    picture = draw_curves(tmp_path)
    assert picture is not None
    assert picture.read_bytes().startswith(b"\x89PNG")
    told = capsys.readouterr().err
    assert "loss" in told
    assert "reward" in told
    assert {path.name for path in tmp_path.iterdir()} == {METRICS, "curves.png"}


def checkpoint(run: Path, step: int, state: str | None = None) -> Path:
    folder = run / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"x")
    if state is not None:
        (folder / "trainer_state.json").write_text(state)
    return folder


def test_half_a_checkpoint_is_removed_and_the_one_before_is_taken(tmp_path: Path):
    assert last_whole(tmp_path) is None
    checkpoint(tmp_path, 9, json.dumps({"global_step": 9}))
    whole = checkpoint(tmp_path, 20, json.dumps({"global_step": 20}))
    torn = [checkpoint(tmp_path, 30), checkpoint(tmp_path, 100, '{"global_st')]
    (tmp_path / "checkpoint-mine").mkdir()
    assert last_whole(tmp_path) == whole
    assert not any(folder.exists() for folder in torn)
    assert (tmp_path / "checkpoint-mine").is_dir()
