"""Put a trained policy into `models/`: the adapter, and the manifest that names it by hash."""

import argparse
from pathlib import Path

from pocket_agent.paths import shipped_models
from pocket_agent.policy.adapter import MANIFEST
from pocket_agent.training.base import bundled_gguf, file_hash
from pocket_agent.training.export import Provenance, export_adapter
from pocket_agent.whole_file import replacing

FILE = "policy-smollm2-135m.lora.gguf"


def ship(adapter: Path, gguf: Path, folder: Path, version: str, seed: int, caution: float) -> Path:
    """Export an adapter into `folder` and name it in the manifest, which is written last.

    Args:
        adapter: PEFT folder. gguf: the base file it was trained on.
        version: what the log remembers as the author of an op. caution: see `PolicyReader`.

    Returns:
        The adapter's file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = export_adapter(adapter, gguf, folder / FILE, Provenance(version, seed))
    lines = [
        "# The adapters that come with the program. Written by `pocket-agent-train ship`.",
        "",
        "[policy]",
        f'file = "{file.name}"',
        f'sha256 = "{file_hash(file)}"',
        f'version = "{version}"',
        f'base = "{gguf.name}"',
        f'base_sha256 = "{file_hash(gguf)}"',
        f"caution = {caution}",
        f"data_seed = {seed}",
        'licence = "Apache-2.0"',
    ]
    with replacing(folder / MANIFEST) as manifest:
        manifest.write(("\n".join(lines) + "\n").encode())
    (folder / MANIFEST).chmod(0o644)
    return file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pocket-agent-train ship`."""
    parser.add_argument("--adapter", type=Path, required=True, help="folder of a trained adapter")
    parser.add_argument("--gguf", type=Path, default=None, help="base model (default: bundled)")
    parser.add_argument("--version", required=True, help="such as sft-1")
    parser.add_argument("--seed", type=int, default=0, help="of the training data")
    parser.add_argument("--caution", type=float, default=0.0, help="see PolicyReader")
    parser.add_argument("--out", type=Path, default=None, help="folder (default: models/)")


def main(arguments: argparse.Namespace) -> int:
    """Run `pocket-agent-train ship`."""
    folder = arguments.out or shipped_models()
    gguf = arguments.gguf or bundled_gguf()
    print(
        ship(arguments.adapter, gguf, folder, arguments.version, arguments.seed, arguments.caution)
    )
    return 0
