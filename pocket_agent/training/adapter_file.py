"""From an adapter in GGUF back to trainable weights: training goes on from what ships."""

import json
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError, UsageError
from pocket_agent.training.base import TARGETS
from pocket_agent.training.export import LORA_PREFIX, Base, name_map, read_base, unpermute


def unpack_adapter(file: Path, gguf: Path, folder: Path) -> Path:
    """Write an adapter's GGUF as a PEFT folder: what `export_adapter` does, the other way round.

    Args:
        file: the adapter. gguf: the base file it belongs to. folder: where the PEFT files go.

    Returns:
        The folder. Its weights are as exact as the file's f16.

    Raises:
        UsageError: the file is no adapter that can be read.
        ModelError: it was trained for another base, or changes what the base does not have.
    """
    import gguf as gg
    from safetensors.numpy import save_file

    try:
        reader = gg.GGUFReader(str(file))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} is not a GGUF file that can be read") from error
    if _field(reader, "adapter.type") != "lora":
        raise UsageError(f"{file} holds no LoRA adapter")
    base = read_base(gguf)
    if _field(reader, "pocket_agent.base_sha256") not in (None, base.sha256):
        raise ModelError(f"{file.name} was trained for another base file than {gguf.name}")
    weights = _weights(reader, base, file)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": next(data.shape[0] for name, data in weights.items() if ".lora_A." in name),
        "lora_alpha": int(_field(reader, "adapter.lora.alpha")),
        "target_modules": sorted({name.split(".")[-3] for name in weights}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def _field(reader: Any, name: str) -> Any:
    found = reader.get_field(name)
    return None if found is None else found.contents()


def _weights(reader: Any, base: Base, file: Path) -> dict[str, Any]:
    """The matrices in fp32 under PEFT's names."""
    import numpy as np

    names = name_map(base)
    modules = [f"model.layers.{block}.{part}" for block in range(base.blocks) for part in TARGETS]
    targets = {names.get_name(module): module for module in modules}
    found: dict[str, Any] = {}
    for tensor in reader.tensors:
        target, _, side = str(tensor.name).rpartition(".weight.lora_")
        if target not in targets or side not in ("a", "b"):
            raise ModelError(f"{file.name} changes {tensor.name}, which can't be trained")
        data = np.array(tensor.data, dtype=np.float32)
        if side == "b":
            data = unpermute(data, target, base)
        found[f"{LORA_PREFIX}{targets[target]}.lora_{side.upper()}.weight"] = data
    if not found:
        raise UsageError(f"{file} holds no LoRA adapter")
    return found
