"""One conversation's state on a model: its key-value cache, and what computes into it.

Runs only in the child process.
"""

import ctypes
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError
from pocket_agent.llm.native import NativeModel
from pocket_agent.llm.weights import GPU_BATCH

_CPU_BATCH = 128
"""Prompt tokens computed at once; a cancelled prefill keeps every batch it finished.

On CPUs 128 fit the caches better: 1,280 tokens take 2.8 s, with 512 at once 4.2 s.
"""
_SCORES = 128 * 1024 * 1024
"""Bytes of attention scores that are fine to hold at once."""

_ABORTED = 2
_BF16 = 30
"""ggml's number of bfloat16; the binding doesn't name it."""


class NativeContext:
    """A key-value cache over a model, and the tokens whose state it holds.

    Args:
        size: tokens it can hold.
        on_gpu: some of the model's layers run on a GPU.
        stopped: asked while computing; True ends the computation at once (CPU backends).

    Raises:
        ModelError: there is no memory for it, or the model can't generate text.
    """

    def __init__(
        self,
        model: NativeModel,
        size: int,
        threads: tuple[int, int],
        on_gpu: bool,
        stopped: Callable[[], bool],
    ) -> None:
        lib = model.lib
        self.model, self._lib = model, lib
        self._batch = min(GPU_BATCH if on_gpu else _CPU_BATCH, size)
        self.pointer = self._create(size, threads, on_gpu)
        self._memory = lib.llama_get_memory(self.pointer)
        if not self._memory or not lib.llama_model_has_decoder(model.pointer):
            raise ModelError(
                f"{model.path.name} is not a model that generates text",
                "Choose a chat model in GGUF format.",
            )
        self.size = min(size, int(lib.llama_n_ctx(self.pointer)))
        self.tokens: list[int] = []
        self._one = (ctypes.c_int32 * 1)()
        self._step = lib.llama_batch_get_one(self._one, 1)
        self._abort = lib.ggml_abort_callback(lambda _: stopped())
        self._never = lib.ggml_abort_callback()
        self._stopped = stopped

    def _create(self, size: int, threads: tuple[int, int], on_gpu: bool) -> Any:
        lib = self._lib
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = size, self._batch, self._batch
        params.n_seq_max = 1
        # Logits are wanted for the last token alone; the default reserves 100 MB for all of them.
        params.n_outputs_max = 8
        params.n_threads, params.n_threads_batch = threads
        params.no_perf = True
        plain = params.flash_attn_type, params.type_k, params.type_v
        if not on_gpu and 4 * size * self._batch * self.model.heads <= _SCORES:
            _tune_for_cpu(lib, params)
            if pointer := lib.llama_init_from_model(self.model.pointer, params):
                return pointer
            # Some models' heads don't fit the tuned cache.
            params.flash_attn_type, params.type_k, params.type_v = plain
        if pointer := lib.llama_init_from_model(self.model.pointer, params):
            return pointer
        raise ModelError(
            f"There is no memory for a context of {size} tokens", "Choose a smaller context."
        )

    def close(self) -> None:
        """Give its memory back; it can't be used any more."""
        self._lib.llama_free(self.pointer)

    def reuse(self, prompt: Sequence[int]) -> int:
        """Keep the state of the longest prefix shared with `prompt`, drop the rest.

        Returns:
            Tokens kept; always fewer than the prompt's, for the last one must be computed.
        """
        shared = _shared(self.tokens, prompt)
        return self.keep(min(shared, len(prompt) - 1))

    def keep(self, count: int) -> int:
        """Keep the first `count` tokens; recurrent models can only keep all or nothing."""
        if count < len(self.tokens):
            if not self._lib.llama_memory_seq_rm(self._memory, 0, count, -1):
                self._lib.llama_memory_clear(self._memory, True)
                count = 0
            del self.tokens[count:]
        return count

    def prefill(self, tokens: Sequence[int]) -> bool:
        """Compute the state of more tokens.

        Returns:
            False when it was stopped; the state of whole batches done so far is kept.
        """
        self.interruptible(True)
        try:
            for start in range(0, len(tokens), self._batch):
                part = tokens[start : start + self._batch]
                if self._stopped() or not self._compute(part):
                    return False
            return True
        finally:
            self.interruptible(False)

    def step(self, token: int) -> bool:
        """Compute one token's state; False when it was stopped."""
        self._one[0] = token
        return self._decode(self._step, (token,))

    def interruptible(self, on: bool) -> None:
        """Ask `stopped` at each operation of a computation.

        Costs a millisecond a token: right for a long computation, wrong for a fast decode.
        """
        self._lib.llama_set_abort_callback(self.pointer, self._abort if on else self._never, None)

    def _compute(self, part: Sequence[int]) -> bool:
        buffer = (ctypes.c_int32 * len(part))(*part)
        return self._decode(self._lib.llama_batch_get_one(buffer, len(part)), part)

    def _decode(self, batch: Any, tokens: Sequence[int]) -> bool:
        code = self._lib.llama_decode(self.pointer, batch)
        if code == 0:
            self.tokens.extend(tokens)
            return True
        self._resync()
        if code == _ABORTED:
            return False
        raise ModelError(f"llama.cpp could not compute the next token (code {code})")

    def _resync(self) -> None:
        """After an interrupted batch: forget what is beyond the tokens we know to be complete."""
        if not self._lib.llama_memory_seq_rm(self._memory, 0, len(self.tokens), -1):
            self._lib.llama_memory_clear(self._memory, True)
            self.tokens.clear()

    def attach(self, adapter: Path) -> None:
        """Apply a LoRA adapter to this context alone.

        Raises:
            ModelError: the adapter doesn't fit this model.
        """
        pointer = self._lib.llama_adapter_lora_init(self.model.pointer, os.fsencode(adapter))
        if not pointer:
            raise ModelError(
                f"The adapter {adapter.name} doesn't fit the model {self.model.path.name}",
                "Use the model it was trained for, or none.",
            )
        adapters = (type(pointer) * 1)(pointer)
        scales = (ctypes.c_float * 1)(1.0)
        if self._lib.llama_set_adapters_lora(self.pointer, adapters, 1, scales) != 0:
            raise ModelError(f"The adapter {adapter.name} can't be applied")


def _tune_for_cpu(lib: Any, params: Any) -> None:
    """Make a short turn after a long history fast.

    Measured with 25 new tokens after 1,200 on SmolLM2-135M: flash attention doubles their time;
    eight bits for keys, and bfloat16 for values where the CPU multiplies it, save half of what
    the history costs; elsewhere values of 32 bits keep the answers those of full precision. The
    divergence from an f32 cache stays that of f16 (0.0046 against 0.0042).
    """
    params.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.type_k = lib.GGML_TYPE_Q8_0
    fast_bf16 = b"AVX512_BF16 = 1" in lib.llama_print_system_info()
    params.type_v = _BF16 if fast_bf16 else lib.GGML_TYPE_F32


def _shared(ours: Sequence[int], theirs: Sequence[int]) -> int:
    for index, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if a != b:
            return index
    return min(len(ours), len(theirs))
