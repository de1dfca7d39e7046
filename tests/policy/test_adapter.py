"""The shipped policy is used for the model it was trained on, and for no other."""

import hashlib
from pathlib import Path

import pytest

from pocket_agent.errors import ModelError
from pocket_agent.policy.adapter import find_adapter


def ship(folder: Path, base: bytes = b"base", sha: str | None = None) -> Path:
    (folder / "policy.gguf").write_bytes(b"weights")
    (folder / "base.gguf").write_bytes(b"base")
    digest = sha or hashlib.sha256(b"weights").hexdigest()
    (folder / "manifest.toml").write_text(
        f'[policy]\nfile = "policy.gguf"\nsha256 = "{digest}"\nversion = "grpo-3"\ncaution = 1.5\n'
        f'base_sha256 = "{hashlib.sha256(base).hexdigest()}"\n'
    )
    return folder / "base.gguf"


def test_it_is_found(tmp_path: Path):
    adapter = find_adapter(tmp_path, ship(tmp_path))
    assert adapter is not None
    assert (adapter.path, adapter.version) == (tmp_path / "policy.gguf", "grpo-3")
    assert adapter.caution == 1.5


def test_another_base_has_none(tmp_path: Path):
    assert find_adapter(tmp_path, ship(tmp_path, base=b"other")) is None


@pytest.mark.parametrize("name", ["missing.gguf", ""])
def test_a_base_that_is_no_file_has_none(tmp_path: Path, name: str):
    ship(tmp_path)
    assert find_adapter(tmp_path, tmp_path / name) is None


def test_without_a_manifest_there_is_none(tmp_path: Path):
    assert find_adapter(tmp_path, tmp_path / "base.gguf") is None


def test_a_damaged_one_is_refused(tmp_path: Path):
    base = ship(tmp_path, sha="0" * 64)
    with pytest.raises(ModelError, match="damaged"):
        find_adapter(tmp_path, base)


@pytest.mark.parametrize("text", ["[policy", "policy = 3", '[policy]\nfile = "x"'])
def test_a_broken_manifest_is_one_message(tmp_path: Path, text: str):
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(ModelError, match=r"can't be read"):
        find_adapter(tmp_path, tmp_path / "base.gguf")
