"""The trained policy that ships with the program: found by its manifest, refused if unfit."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pocket_agent.errors import ModelError

MANIFEST = "manifest.toml"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA file for the policy's context.

    Args:
        path: the GGUF file. version: what the log remembers as the author of an op.
        caution: see `PolicyReader`.
    """

    path: Path
    version: str
    caution: float = 0.0


def find_adapter(folder: Path, base: Path) -> Adapter | None:
    """The shipped policy for the model `base`, or None if none was trained for that file.

    Args:
        folder: holds the manifest and the adapters. base: the model as it was installed, before
            any re-quantisation.

    Raises:
        ModelError: the manifest can't be read, or the adapter is not the file it names.
    """
    entry = _entry(folder)
    if entry is None or not base.is_file() or entry["base_sha256"] != _hash(base):
        return None  # a missing model is the loader's to complain of
    path = folder / entry["file"]
    if not path.is_file() or _hash(path) != entry["sha256"]:
        raise ModelError(
            f"The trained policy {path.name} is missing or damaged",
            "Install Pocket Agent again.",
        )
    return Adapter(path, entry["version"], float(entry["caution"]))


def _entry(folder: Path) -> dict[str, str] | None:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return None
    try:
        policy = tomllib.loads(manifest.read_text("utf-8")).get("policy")
        if policy is None:
            return None
        wanted = ("file", "sha256", "version", "base_sha256")
        found = {key: str(policy[key]) for key in wanted}
        return {**found, "caution": str(float(policy.get("caution", 0.0)))}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{manifest} can't be read ({error})", "Install Pocket Agent again."
        ) from error


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path.name} can't be read ({error.strerror or error})") from error
