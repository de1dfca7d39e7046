"""The `average` command: an adapter between two, one of which was trained on from the other.

Method: weight averaging (model soups, arXiv 2203.05482): what lies between two solutions of one
training path often does better than either. Only for such two: A and B are averaged each by itself.
"""

import argparse
import shutil
from pathlib import Path

from pocket_agent.errors import UsageError
from pocket_agent.training.adapter_file import unpack_adapter
from pocket_agent.training.base import bundled_gguf

_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"


def average(first: Path, second: Path, share: float, out: Path, gguf: Path) -> Path:
    """Write the adapter that lies `share` of the way from the first to the second.

    Args:
        first, second: PEFT folders, or exported GGUFs of the base `gguf`.

    Raises:
        UsageError: they are no adapters of one shape.
    """
    from safetensors.torch import load_file, save_file

    if not 0 <= share <= 1:
        raise UsageError("The share must lie between 0 and 1")
    folders = [_folder(one, gguf, out / name) for name, one in (("a", first), ("b", second))]
    one, other = (load_file(folder / _WEIGHTS) for folder in folders)
    if {name: one[name].shape for name in one} != {name: other[name].shape for name in other}:
        raise UsageError(f"{first} and {second} are not adapters of one shape")
    mixed = {name: (1 - share) * one[name].float() + share * other[name].float() for name in one}
    adapter = out / "adapter"
    adapter.mkdir(parents=True, exist_ok=True)
    save_file(mixed, adapter / _WEIGHTS)
    shutil.copy(folders[1] / _CONFIG, adapter / _CONFIG)
    return adapter


def _folder(path: Path, gguf: Path, into: Path) -> Path:
    folder = unpack_adapter(path, gguf, into) if path.is_file() else path
    for name in (_WEIGHTS, _CONFIG):
        if not (folder / name).is_file():
            raise UsageError(f"{path} is not a trained adapter: it has no {name}")
    return folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pocket-agent-train average`."""
    parser.add_argument("first", type=Path, help="an adapter: a PEFT folder or a GGUF")
    parser.add_argument("second", type=Path, help="one that was trained on from it")
    parser.add_argument("--share", type=float, default=0.5, help="of the second, from 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--gguf", type=Path, default=None, help="base model (default: bundled)")


def main(arguments: argparse.Namespace) -> int:
    """Run `pocket-agent-train average`."""
    gguf = arguments.gguf or bundled_gguf()
    print(average(arguments.first, arguments.second, arguments.share, arguments.out, gguf))
    return 0
