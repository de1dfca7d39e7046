"""How much memory each layer of a model takes, read off its GGUF header. No llama.cpp in here."""

import re
from dataclasses import dataclass
from typing import Any

from pocket_agent.llm.gguf_header import GGUFHeader, Tensor, all_tensors

GPU_BATCH = 512
"""Prompt tokens that a GPU computes at once."""
_OUTPUTS = 8
"""Rows of logits that a context may hold."""
_CACHE_BYTES = 2
"""Of one number in the cache on a GPU: 16 bits."""
_OVERHEAD = 64 * 2**20
"""Bytes of a context that follow from none of the model's numbers."""
_BLOCK = re.compile(r"blk\.(\d+)\.")
_WIDEST = 2**20


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model takes on a device. All in bytes.

    Args:
        blocks: weights of each block, in the model's order.
        output: weights of the output layer.
        caches: what one token takes in each block's key-value cache.
        scratch: what one context computes in.
    """

    blocks: tuple[int, ...]
    output: int
    caches: tuple[int, ...]
    scratch: int

    @property
    def layers(self) -> int:
        """Layers that can be offloaded: the blocks and the output."""
        return len(self.blocks) + 1

    def last(self, count: int, tokens: int) -> list[int]:
        """Bytes of each of the last `count` layers, caches for `tokens` tokens included.

        llama.cpp offloads from the end: the output first, then the last block, and so on.
        """
        pairs = zip(self.blocks, self.caches, strict=True)
        every = [weights + cache * tokens for weights, cache in pairs] + [self.output]
        return every[len(every) - count :]


def footprint(header: GGUFHeader) -> Footprint:
    """The sizes of a model that `check_model` has let through.

    Numbers that are missing or absurd are replaced by what errs on the side of too much.

    Raises:
        ModelError: another part of the model is missing or broken.
    """
    tensors = all_tensors(header)
    count = _number(header, "block_count", 1)
    blocks = [0] * count
    for tensor in tensors:
        found = _BLOCK.match(tensor.name)
        if found and int(found[1]) < count:
            blocks[int(found[1])] += tensor.size
    wide = _number(header, "embedding_length", 1)
    deep = _number(header, "feed_forward_length", 4 * wide)
    words = _entries(header.values.get("tokenizer.ggml.tokens"))
    scratch = 4 * GPU_BATCH * (2 * deep + 8 * wide) + 4 * _OUTPUTS * words + _OVERHEAD
    caches = tuple(_cache(header, block, wide) for block in range(count))
    return Footprint(tuple(blocks), _output(tensors), caches, scratch)


def _output(tensors: tuple[Tensor, ...]) -> int:
    """The output layer's weights; where it shares the embeddings, a GPU holds a copy of them."""
    sizes = {tensor.name: tensor.size for tensor in tensors}
    shared = sizes.get("token_embd.weight", 0)
    return sizes.get("output.weight", shared) + sizes.get("output_norm.weight", 0)


def _cache(header: GGUFHeader, block: int, wide: int) -> int:
    heads = max(1, _number(header, "attention.head_count", 1, block))
    grouped = _number(header, "attention.head_count_kv", heads, block, least=0)
    each = max(1, wide // heads)
    key = _number(header, "attention.key_length", each)
    value = _number(header, "attention.value_length", each)
    return _CACHE_BYTES * grouped * (key + value)


def _number(header: GGUFHeader, key: str, default: int, block: int = 0, least: int = 1) -> int:
    """A number of the architecture; of a list, the one of that block."""
    value: Any = header.values.get(f"{header.architecture}.{key}")
    if isinstance(value, tuple):
        value = value[block] if block < len(value) else None
    return value if type(value) is int and least <= value <= _WIDEST else default


def _entries(value: Any) -> int:
    return value if type(value) is int else len(value) if isinstance(value, tuple) else 0
