"""A LoRA adapter works on the policy's context alone; a wrong one is refused."""

import random
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_files import gguf, model_values, string, tensor
from talking import chat, run

from pocket_agent.errors import ModelError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.protocol import GREEDY, ContextName, Request

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

RANK = 4
LINE = "The quick brown fox"


def adapter(path: Path, width: int = 576) -> Path:
    """A random adapter for the bundled model's first queries."""
    dice, shapes = random.Random(1), ((width, RANK), (RANK, 576))
    entries, data = [], b""
    for part, shape in zip(("lora_a", "lora_b"), shapes, strict=True):
        entries.append(tensor(f"blk.0.attn_q.weight.{part}", shape, offset=len(data)))
        count = shape[0] * shape[1]
        data += struct.pack(f"<{count}f", *(dice.uniform(-1, 1) for _ in range(count)))
    values = {
        "general.architecture": string("llama"),
        "general.type": string("adapter"),
        "adapter.type": string("lora"),
        "adapter.lora.alpha": struct.pack("<If", 6, 64.0),
    }
    path.write_bytes(gguf(values, tuple(entries), data))
    return path


def line(context: ContextName) -> Request:
    return Request(context, prompt=LINE, sampling=GREEDY, stop=("\n",))


async def test_it_changes_the_policy_and_not_the_chat(shelf: ModelShelf, tmp_path: Path) -> None:
    bare, adapted = LlamaEngine(), LlamaEngine()
    spec = shelf.load_spec(chat_tokens=256)
    await bare.load(spec)
    await adapted.load(replace(spec, adapter=adapter(tmp_path / "a.gguf")))
    plain = {name: (await run(bare, line(name)))[0] for name in ContextName}
    tuned = {name: (await run(adapted, line(name)))[0] for name in ContextName}
    await bare.close()
    await adapted.close()
    assert plain[ContextName.CHAT] == plain[ContextName.POLICY]
    assert tuned[ContextName.CHAT] == plain[ContextName.CHAT]
    assert tuned[ContextName.POLICY] != plain[ContextName.POLICY]


async def test_wrong_adapters_are_refused_and_the_engine_lives_on(
    shelf: ModelShelf, shared: LlamaEngine, tmp_path: Path
) -> None:
    spec = shelf.load_spec(chat_tokens=256)
    model = tmp_path / "model.gguf"
    model.write_bytes(gguf(model_values()))
    wrong = {
        tmp_path / "none.gguf": "There is no model file",
        model: "is not a LoRA adapter",
        adapter(tmp_path / "wide.gguf", width=640): r"wide\.gguf doesn't fit",
    }
    for path, message in wrong.items():
        with pytest.raises(ModelError, match=message):
            await shared.load(replace(spec, adapter=path))
    _, last = await run(shared, chat("Name a fish."))
    assert last.finish in ("stop", "length")
