"""Export to GGUF: what is trained is what llama.cpp runs; failures leave nothing behind."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import gguf as gg
import numpy as np
import pytest

from pocket_agent.errors import ModelError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import GREEDY, ContextName, LoadSpec, Request, complete
from pocket_agent.policy.prompt import END, trained_prompt
from pocket_agent.policy.state import Known, State
from pocket_agent.training.base import Vocabulary, bundled_gguf, file_hash
from pocket_agent.training.cli import main
from pocket_agent.training.export import Provenance, export_adapter, export_merged

TURNS = (
    "I moved to Porto last week",
    "what is the capital of Peru?",
    "my sister Ana can't stand olives, but I love them",
    "I'm a nurse on night shifts",
    "write me a haiku about rain",
    "we adopted two cats, Miso and Udon",
    "I gave up chess, I play the cello now",
    "call me Sam",
    "metric units please",
    "thanks, that helped!",
    "I drive a red van",
    "ich lerne Deutsch",
)
PROMPTS = [trained_prompt(State((Known("home", "Leeds"),), "", turn)) for turn in TURNS]


@pytest.fixture(scope="module")
def trained(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A LoRA that changes the model: random on both sides, as if it had been trained."""
    import torch

    from pocket_agent.training.base import load_base, prepare_base
    from pocket_agent.training.sft import lora

    torch.set_num_threads(1)
    torch.manual_seed(3)
    model = lora(load_base(prepare_base(bundled_gguf(), work / "base")), 4, None)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.06)
    folder = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(folder)
    yield folder, model.eval()
    _vocabulary.cache_clear()  # or llama.cpp is freed after Python's modules


@pytest.mark.slow
async def test_llama_cpp_answers_as_transformers_does(work: Path, trained, tmp_path: Path):
    """Greedy answers on the full-precision base; the engine is the product's own."""
    folder, model = trained
    out = export_adapter(folder, bundled_gguf(), tmp_path / "a.gguf", Provenance("test", 7))
    full = work / "full.gguf"
    export_merged(None, bundled_gguf(), full, Provenance(), work)
    theirs, changed = await _greedy(full, out), await _greedy(full, None)
    ours = [_transformers_greedy(model, prompt, 6) for prompt in PROMPTS]
    # The engine's cache is of eight bits: a near tie may fall the other way.
    assert sum(one == other for one, other in zip(ours, theirs, strict=True)) >= 10
    assert sum(one != other for one, other in zip(theirs, changed, strict=True)) >= 3


@pytest.mark.slow
def test_the_distributions_agree(work: Path, trained, tmp_path: Path):
    """KL of llama.cpp's next token from transformers', on the merged and on the shipped base."""
    folder, model = trained
    adapter = export_adapter(folder, bundled_gguf(), tmp_path / "a.gguf", Provenance())
    merged = tmp_path / "merged.gguf"
    export_merged(folder, bundled_gguf(), merged, Provenance(), work)
    right = [_transformers_scores(model, prompt) for prompt in PROMPTS]
    assert _divergence(right, _llama_scores(merged, None)) < 1e-3
    shipped = _llama_scores(bundled_gguf(), adapter)
    assert _divergence(right, shipped) < 0.05
    assert _divergence(right, _llama_scores(bundled_gguf(), None)) > _divergence(right, shipped)


@pytest.mark.slow
def test_an_export_says_what_it_is_of_and_keeps_the_base_s_metadata(work, trained, tmp_path):
    folder, _ = trained
    about = Provenance("night", 11, extra={"stage": "grpo"})
    export_adapter(folder, bundled_gguf(), tmp_path / "a.gguf", about)
    said = gg.GGUFReader(str(tmp_path / "a.gguf"))
    assert _said(said, "pocket_agent.run") == "night"
    assert _said(said, "pocket_agent.data_seed") == 11
    assert _said(said, "pocket_agent.stage") == "grpo"
    assert _said(said, "pocket_agent.base_sha256") == file_hash(bundled_gguf())
    export_merged(folder, bundled_gguf(), tmp_path / "m.gguf", about, work)
    base, merged = (gg.GGUFReader(str(p)) for p in (bundled_gguf(), tmp_path / "m.gguf"))
    for name in ("tokenizer.chat_template", "tokenizer.ggml.pre", "llama.rope.freq_base"):
        assert _said(merged, name) == _said(base, name)
    assert {t.name for t in merged.tensors} == {t.name for t in base.tensors}


def test_another_architecture_is_refused(tmp_path: Path, capsys):
    writer = gg.GGUFWriter(str(tmp_path / "other.gguf"), "mamba")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    arguments = ["--adapter", str(tmp_path), "--gguf", str(tmp_path / "other.gguf")]
    assert main(["export", *arguments, "--out", str(tmp_path / "x.gguf")]) == 1
    assert "of the architecture mamba" in capsys.readouterr().err
    assert not (tmp_path / "x.gguf").exists()


def test_a_base_that_is_no_gguf_is_refused(tmp_path: Path):
    (tmp_path / "text.gguf").write_text("hello")
    for name in ("text.gguf", "missing.gguf"):
        with pytest.raises(ModelError, match="not a GGUF file"):
            export_adapter(tmp_path, tmp_path / name, tmp_path / "x.gguf", Provenance())


def test_a_folder_without_an_adapter_is_refused(tmp_path: Path, capsys):
    arguments = ["--adapter", str(tmp_path), "--out", str(tmp_path / "x.gguf")]
    assert main(["export", *arguments]) == 2
    assert "holds no trained adapter" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_last_file_whole(tmp_path: Path, capsys):
    """The disk is full in fact: the part file lies on /dev/full."""
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has /dev/full")
    folder = _small_adapter(tmp_path / "adapter")
    out = tmp_path / "policy.gguf"
    out.write_bytes(b"the last good one")
    out.with_suffix(".part").symlink_to("/dev/full")
    assert main(["export", "--adapter", str(folder), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert "No space left" in told
    assert len(told.splitlines()) == 1
    assert out.read_bytes() == b"the last good one"
    assert {path.name for path in tmp_path.iterdir()} == {"adapter", "policy.gguf"}


def _small_adapter(folder: Path) -> Path:
    from safetensors.numpy import save_file

    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"lora_alpha": 8}))
    name = "base_model.model.model.layers.0.mlp.up_proj"
    sides = {"A": np.ones((4, 576), np.float32), "B": np.ones((1536, 4), np.float32)}
    tensors = {f"{name}.lora_{side}.weight": data for side, data in sides.items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def test_an_adapter_of_another_model_is_refused(tmp_path: Path):
    folder = _small_adapter(tmp_path / "adapter")
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "adapter_model.safetensors")
    renamed = {name.replace("layers.0", "layers.99"): data for name, data in tensors.items()}
    save_file(renamed, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="the base does not have"):
        export_adapter(folder, bundled_gguf(), tmp_path / "x.gguf", Provenance())


async def _greedy(gguf: Path, adapter: Path | None) -> list[str]:
    engine = LlamaEngine()
    await engine.load(LoadSpec(gguf, chat_tokens=256, policy_tokens=512, adapter=adapter))
    try:
        return [
            await complete(
                engine,
                Request(
                    context=ContextName.POLICY,
                    prompt=prompt,
                    sampling=replace(GREEDY, max_tokens=6),
                    stop=(END,),
                ),
            )
            for prompt in PROMPTS
        ]
    finally:
        await engine.close()


def _transformers_greedy(model, prompt: str, tokens: int) -> str:
    import torch

    vocabulary = _vocabulary()
    ids = vocabulary.encode(prompt)
    made: list[int] = []
    with torch.no_grad():
        while len(made) < tokens:
            logits = model(input_ids=torch.tensor([ids + made]), logits_to_keep=1).logits
            made.append(int(logits[0, -1].argmax()))
            if made[-1] == vocabulary.end:
                return vocabulary.decode(made[:-1])
    return vocabulary.decode(made)


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary(bundled_gguf())


def _transformers_scores(model, prompt: str) -> np.ndarray:
    import torch

    with torch.no_grad():
        logits = model(input_ids=torch.tensor([_vocabulary().encode(prompt)])).logits[0, -1]
        return torch.log_softmax(logits.double(), -1).numpy()


def _llama_scores(gguf: Path, adapter: Path | None) -> list[np.ndarray]:
    from pocket_agent.training.rollout import Roller

    roller = Roller(gguf, slots=1, room=200, threads=1)
    if adapter:
        roller.use(adapter)
    found = [roller.scores(_vocabulary().encode(prompt)) for prompt in PROMPTS]
    roller.close()
    return found


def _divergence(right: list[np.ndarray], other: list[np.ndarray]) -> float:
    return float(np.mean([(np.exp(p) * (p - q)).sum() for p, q in zip(right, other, strict=True)]))


def _said(reader: gg.GGUFReader, name: str) -> object:
    return reader.get_field(name).contents()
