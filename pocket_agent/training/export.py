"""From trained weights to GGUF: a LoRA adapter, and merged files in any quantisation.

The metadata of the base file (tokenizer, chat template, everything) is kept, ours is added.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError, UsageError
from pocket_agent.training.base import bundled_gguf, file_hash, load_base, prepare_base
from pocket_agent.training.quiet import quiet_llama

ARCHITECTURES = ("llama", "qwen3")
LORA_PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an exported file says of itself.

    Args:
        run: name of the training run. seed: of its data. licence: of the result (the base's).
    """

    run: str = "unnamed"
    seed: int = 0
    licence: str = "apache-2.0"
    extra: dict[str, str] = field(default_factory=dict)


def export_adapter(adapter: Path, gguf: Path, out: Path, about: Provenance) -> Path:
    """Write a PEFT adapter as a llama.cpp LoRA file of a few MB (f16).

    Args:
        adapter: the folder that training saved. gguf: the base file it was trained on.

    Raises:
        ModelError: the base is of an architecture we can't export.
        UsageError: the folder holds no adapter.
    """
    import gguf as gg
    import numpy as np

    base = read_base(gguf)
    config, tensors = _load_adapter(adapter)
    names = name_map(base)
    part = out.with_suffix(".part")
    writer = gg.GGUFWriter(str(part), base.arch)
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(config["lora_alpha"]))
    _add_provenance(writer, base.sha256, about)
    for module, side, data in tensors:
        target = names.get_name(module)
        if target is None:
            raise ModelError(f"The adapter changes {module}, which the base does not have")
        if side == "b":
            data = _permute(data, target, base)
        writer.add_tensor(f"{target}.weight.lora_{side}", data.astype(np.float16))
    _finish(writer, part, out)
    return out


def export_merged(
    adapter: Path | None, gguf: Path, out: Path, about: Provenance, work: Path
) -> Path:
    """Write base and adapter as one f16 GGUF, with the base file's metadata.

    Raises:
        ModelError: the base is of an architecture we can't export.
    """
    import gguf as gg
    import numpy as np

    reader, arch = _open_base(gguf)
    model = load_base(prepare_base(gguf, work / "base"))
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    base = read_base(gguf)
    names = name_map(base)
    wanted = {tensor.name for tensor in reader.tensors}
    part = out.with_suffix(".part")
    writer = gg.GGUFWriter(str(part), arch)
    _copy_metadata(reader, writer)
    writer.add_file_type(gg.LlamaFileType.MOSTLY_F16)
    _add_provenance(writer, base.sha256, about)
    written = set()
    for name, tensor in model.state_dict().items():
        module, _, kind = name.rpartition(".")
        target = names.get_name(module)
        if target is None or f"{target}.{kind}" not in wanted:
            continue
        data = tensor.detach().float().numpy()
        data = _permute(data, target, base)
        stored = np.float32 if data.ndim == 1 else np.float16
        writer.add_tensor(f"{target}.{kind}", data.astype(stored))
        written.add(f"{target}.{kind}")
    for tensor in reader.tensors:
        if tensor.name == "rope_freqs.weight":  # made of the configuration; never trained
            writer.add_tensor(tensor.name, tensor.data)
            written.add(tensor.name)
    if missing := wanted - written:
        raise ModelError(f"The trained model lacks {min(missing)} of the base")
    _finish(writer, part, out)
    return out


def quantise(source: Path, out: Path, kind: str = "Q8_0") -> Path:
    """Quantise a GGUF with llama.cpp's own quantiser.

    Args:
        kind: a type of llama.cpp, such as Q8_0, Q4_0 or BF16.

    Raises:
        UsageError: no such type. ModelError: llama.cpp could not do it.
    """
    llama_cpp, _ = quiet_llama()
    number = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind}", None)
    if number is None:
        raise UsageError(f"llama.cpp has no type {kind!r}", "Try Q8_0, Q4_0, Q5_1 or BF16.")
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = number
    options.allow_requantize = True
    part = out.with_suffix(".part")
    import ctypes

    done = llama_cpp.llama_model_quantize(
        str(source).encode(), str(part).encode(), ctypes.byref(options)
    )
    if done != 0:
        part.unlink(missing_ok=True)
        raise ModelError(f"{source.name} could not be quantised to {kind}")
    part.replace(out)
    return out


def _open_base(gguf: Path) -> tuple[Any, str]:
    import gguf as gg

    try:
        reader = gg.GGUFReader(str(gguf))
    except (OSError, ValueError) as error:
        raise ModelError(f"{gguf} is not a GGUF file that can be read") from error
    arch = str(_field(reader, "general.architecture"))
    if arch not in ARCHITECTURES:
        raise ModelError(
            f"{gguf.name} is of the architecture {arch}",
            "Training and export know Llama-family and Qwen3 models.",
        )
    return reader, arch


def name_map(base: "Base") -> Any:
    """From transformers' names of modules to the GGUF's, by `get_name`."""
    import gguf as gg

    arch = next(key for key, value in gg.MODEL_ARCH_NAMES.items() if value == base.arch)
    return gg.get_tensor_name_map(arch, base.blocks)


def _field(reader: Any, name: str) -> Any:
    found = reader.get_field(name)
    if found is None:
        raise ModelError(f"The base file says nothing of {name}")
    return found.contents()


@dataclass(frozen=True, slots=True)
class Base:
    """What an adapter needs to know of its base."""

    arch: str
    blocks: int
    heads: int
    kv_heads: int
    sha256: str


def read_base(gguf: Path) -> Base:
    """The header of a base file.

    Raises:
        ModelError: it is of an architecture we can't export, or no GGUF file.
    """
    return _read_base(gguf, gguf.stat().st_mtime_ns if gguf.is_file() else 0)


@lru_cache(maxsize=4)
def _read_base(gguf: Path, _changed: int) -> Base:
    """Reading the header takes two seconds, and training exports at every step."""
    reader, arch = _open_base(gguf)

    def count(name: str) -> int:
        return int(_field(reader, f"{arch}.{name}"))

    heads = count("attention.head_count"), count("attention.head_count_kv")
    return Base(arch, count("block_count"), *heads, file_hash(gguf))


def _permute(weights: Any, target: str, base: Base) -> Any:
    """llama.cpp's order of rotary dimensions, as its own converter makes it. (rows, columns)."""
    heads = _rotary_heads(target, base)
    if not heads:
        return weights
    rows, columns = weights.shape
    split = weights.reshape(heads, 2, rows // heads // 2, columns)
    return split.swapaxes(1, 2).reshape(rows, columns)


def unpermute(weights: Any, target: str, base: Base) -> Any:
    """transformers' order of rotary dimensions, from llama.cpp's. (rows, columns)."""
    heads = _rotary_heads(target, base)
    if not heads:
        return weights
    rows, columns = weights.shape
    split = weights.reshape(heads, rows // heads // 2, 2, columns)
    return split.swapaxes(1, 2).reshape(rows, columns)


def _rotary_heads(target: str, base: Base) -> int:
    """How many heads a module's rows are reordered in; 0 if they are not."""
    if base.arch != "llama" or not target.endswith(("attn_q", "attn_k")):
        return 0
    return base.heads if target.endswith("attn_q") else base.kv_heads


def _load_adapter(folder: Path) -> tuple[dict[str, Any], list[tuple[str, str, Any]]]:
    from safetensors.numpy import load_file

    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        tensors = load_file(folder / "adapter_model.safetensors")
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} holds no trained adapter ({error})") from error
    return config, list(_split_names(tensors))


def _split_names(tensors: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for name in sorted(tensors):
        module, _, side = name.removeprefix(LORA_PREFIX).rpartition(".lora_")
        yield module, side[0].lower(), tensors[name]


def _copy_metadata(reader: Any, writer: Any) -> None:
    import gguf as gg

    skip = {"general.architecture", "general.file_type", "general.quantization_version"}
    for entry in reader.fields.values():
        if entry.name in skip or entry.name.startswith("GGUF."):
            continue
        kind = entry.types[0]
        inner = entry.types[-1] if kind == gg.GGUFValueType.ARRAY else None
        writer.add_key_value(entry.name, entry.contents(), kind, sub_type=inner)


def _add_provenance(writer: Any, base_sha256: str, about: Provenance) -> None:
    writer.add_string("pocket_agent.run", about.run)
    writer.add_uint64("pocket_agent.data_seed", about.seed)
    writer.add_string("pocket_agent.base_sha256", base_sha256)
    writer.add_string("pocket_agent.licence", about.licence)
    for key, value in about.extra.items():
        writer.add_string(f"pocket_agent.{key}", value)


def _finish(writer: Any, part: Path, out: Path) -> None:
    """Write beside the file and rename: what was there stays whole if the disk fills up."""
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        part.replace(out)
    except OSError as error:
        with suppress(OSError):
            writer.close()
        part.unlink(missing_ok=True)
        raise UsageError(f"{out} can't be written ({error.strerror})") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pocket-agent-train export`."""
    parser.add_argument("--adapter", type=Path, required=True, help="folder of a trained adapter")
    parser.add_argument("--gguf", type=Path, default=None, help="base model (default: bundled)")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--merged", default="", metavar="TYPE", help="merge, and quantise to TYPE")
    parser.add_argument("--run", default="unnamed")
    parser.add_argument("--seed", type=int, default=0)


def main(arguments: argparse.Namespace) -> int:
    """Run `pocket-agent-train export`."""
    gguf = arguments.gguf or bundled_gguf()
    about = Provenance(arguments.run, arguments.seed)
    out: Path = arguments.out
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out.parent} can't be made ({error.strerror})") from error
    if not arguments.merged:
        print(export_adapter(arguments.adapter, gguf, out, about))
        return 0
    full = out.with_suffix(".f16.gguf")
    export_merged(arguments.adapter, gguf, full, about, Path("runs"))
    if arguments.merged.upper() == "F16":
        full.replace(out)
    else:
        quantise(full, out, arguments.merged.upper())
        full.unlink()
    print(out)
    return 0
