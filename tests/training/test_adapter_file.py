"""From an adapter's GGUF back to trainable weights."""

from pathlib import Path

import gguf as gg
import numpy as np
import pytest

from pocket_agent.errors import ModelError, UsageError
from pocket_agent.training.adapter_file import unpack_adapter
from pocket_agent.training.base import TARGETS, bundled_gguf, load_base, prepare_base
from pocket_agent.training.export import Provenance, export_adapter


@pytest.mark.slow
def test_an_exported_adapter_comes_back_as_it_was(work: Path, tmp_path: Path, one_thread):
    """Every weight, and what the model says with them."""
    import torch
    from safetensors.numpy import load_file

    from pocket_agent.training.sft import lora

    base = prepare_base(bundled_gguf(), work / "base")
    torch.manual_seed(1)
    model = lora(load_base(base), 4, None)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.05)
    model.save_pretrained(tmp_path / "peft")
    file = export_adapter(tmp_path / "peft", bundled_gguf(), tmp_path / "a.gguf", Provenance())
    folder = unpack_adapter(file, bundled_gguf(), tmp_path / "again")
    before = load_file(tmp_path / "peft" / "adapter_model.safetensors")
    after = load_file(folder / "adapter_model.safetensors")
    assert set(before) == set(after)
    assert len(before) == 2 * 30 * len(TARGETS)
    for name, weights in before.items():
        np.testing.assert_array_equal(after[name], weights.astype(np.float16).astype(np.float32))
    again = lora(load_base(base), 4, folder)
    ids = torch.tensor([[1, 400, 900, 2000, 77]])
    with torch.no_grad():
        difference = model(input_ids=ids).logits - again(input_ids=ids).logits
    assert difference.abs().max() < 0.05
    assert again.peft_config["default"].lora_alpha == 8


def test_a_file_that_is_no_adapter_is_refused(tmp_path: Path):
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(UsageError, match="not a GGUF file"):
        unpack_adapter(tmp_path / "text.gguf", bundled_gguf(), tmp_path / "out")
    with pytest.raises(UsageError, match="holds no LoRA adapter"):
        unpack_adapter(bundled_gguf(), bundled_gguf(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("base", "tensor", "says"),
    [
        ("another", "blk.0.ffn_up", "trained for another base"),
        ("", "blk.99.ffn_up", "can't be trained"),
        ("", "token_embd", "can't be trained"),
    ],
)
def test_an_adapter_of_another_model_is_refused(tmp_path: Path, base: str, tensor: str, says: str):
    file = tmp_path / "other.gguf"
    writer = gg.GGUFWriter(str(file), "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    if base:
        writer.add_string("pocket_agent.base_sha256", base)
    writer.add_tensor(f"{tensor}.weight.lora_a", np.ones((4, 576), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelError, match=says):
        unpack_adapter(file, bundled_gguf(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
