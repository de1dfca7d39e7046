"""An adapter between two: their mean, weight by weight, and nothing but adapters of one shape."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pocket_agent.errors import UsageError
from pocket_agent.training.average import average
from pocket_agent.training.base import bundled_gguf


def adapter(folder: Path, *rows: list[float]) -> Path:
    folder.mkdir()
    save_file({"layer.lora_A.weight": torch.tensor(rows)}, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"r": len(rows)}))
    return folder


def test_it_lies_so_far_between_them(tmp_path: Path) -> None:
    first = adapter(tmp_path / "first", [0.0, 2.0])
    second = adapter(tmp_path / "second", [10.0, 2.0])
    made = average(first, second, 0.25, tmp_path / "out", bundled_gguf())
    mixed = load_file(made / "adapter_model.safetensors")["layer.lora_A.weight"]
    assert mixed.tolist() == [[2.5, 2.0]]
    assert json.loads((made / "adapter_config.json").read_text()) == {"r": 1}


def test_what_can_not_be_averaged_is_refused(tmp_path: Path) -> None:
    first = adapter(tmp_path / "first", [0.0, 2.0])
    wide = adapter(tmp_path / "wide", [0.0, 2.0], [1.0, 1.0])
    empty = tmp_path / "empty"
    empty.mkdir()
    for second, share, words in (
        (wide, 0.5, "not adapters of one shape"),
        (empty, 0.5, "not a trained adapter"),
        (first, 1.5, "between 0 and 1"),
    ):
        with pytest.raises(UsageError, match=words):
            average(first, second, share, tmp_path / "out", bundled_gguf())
    assert not (tmp_path / "out" / "adapter").exists()
