"""A thin wrapper over llama.cpp's C interface: one model, and contexts with a cache each.

Runs only in the child process: a bad file or call can end the whole process in here.
"""

import ctypes
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError

_CPU_BATCH, _GPU_BATCH = 128, 512
"""Prompt tokens computed at once; a cancelled prefill keeps every batch it finished.

On CPUs 128 fit the caches better: 1,280 tokens take 2.8 s, with 512 at once 4.2 s.
"""
_SCORES = 128 * 1024 * 1024
"""Bytes of attention scores that are fine to hold at once."""

_ABORTED = 2
_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_LEVEL_ERROR = 4


class NativeLog:
    """llama.cpp's log: keeps why it failed and what was offloaded; writes to stderr if asked.

    Attributes:
        reason: the first error since it was last emptied; later ones only say that it failed.
    """

    def __init__(self, lib: Any, echo: bool) -> None:
        self.reason = ""
        self.offloaded: tuple[int, int] | None = None
        self._echo = echo
        self._callback = lib.llama_log_callback(self._take)
        lib.llama_log_set(self._callback, None)

    def _take(self, level: int, text: bytes, _data: object) -> None:
        line = text.decode("utf-8", "replace")
        if level == _LEVEL_ERROR and not self.reason:
            self.reason = " ".join(line.rpartition("error loading model: ")[2].split())[:200]
        if found := _OFFLOADED.search(line):
            self.offloaded = int(found[1]), int(found[2])
        if self._echo:
            os.write(2, text)


class NativeModel:
    """Weights and vocabulary.

    Args:
        lib: the module `llama_cpp`.
        progress: called with how much is read, in [0, 1].

    Raises:
        ModelError: llama.cpp refuses the file.
    """

    def __init__(
        self,
        lib: Any,
        path: Path,
        gpu_layers: int,
        log: NativeLog,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        self.lib, self.path = lib, path
        params = lib.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        callback = lib.llama_progress_callback(lambda done, _: _tell(progress, done))
        params.progress_callback = callback
        log.reason = ""
        self.pointer = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not self.pointer:
            reason = f" ({log.reason})" if log.reason else ""
            raise ModelError(
                f"llama.cpp can't load {path.name}{reason}", "Try another GGUF model file."
            )
        self.vocab = lib.llama_model_get_vocab(self.pointer)
        self.n_vocab: int = lib.llama_vocab_n_tokens(self.vocab)
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(self.vocab))
        self._pieces: dict[int, bytes] = {}

    @property
    def trained_tokens(self) -> int:
        return int(self.lib.llama_model_n_ctx_train(self.pointer))

    @property
    def layers(self) -> int:
        """Layers that can be offloaded: the blocks and the output."""
        return int(self.lib.llama_model_n_layer(self.pointer)) + 1

    @property
    def heads(self) -> int:
        return int(self.lib.llama_model_n_head(self.pointer))

    @property
    def parameters(self) -> int:
        return int(self.lib.llama_model_n_params(self.pointer))

    @property
    def template(self) -> str:
        """The chat template's source, or nothing."""
        source = self.lib.llama_model_chat_template(self.pointer, None)
        return source.decode("utf-8", "replace") if source else ""

    def meta(self, key: str) -> str:
        """One metadata value, or nothing."""
        buffer = ctypes.create_string_buffer(1024)
        size = self.lib.llama_model_meta_val_str(self.pointer, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if size >= 0 else ""

    def token_text(self, token: int) -> str:
        """A token as the vocabulary spells it, such as `<|im_end|>`."""
        if token < 0:
            return ""
        text = self.lib.llama_vocab_get_text(self.vocab, token)
        return text.decode("utf-8", "replace") if text else ""

    @property
    def bos(self) -> str:
        return self.token_text(self.lib.llama_vocab_bos(self.vocab))

    @property
    def eos(self) -> str:
        return self.token_text(self.lib.llama_vocab_eos(self.vocab))

    def control_texts(self) -> list[str]:
        """Spellings of the control tokens: text that must never be read as one."""
        control = self.lib.llama_vocab_is_control
        tokens = (token for token in range(self.n_vocab) if control(self.vocab, token))
        return [text for token in tokens if (text := self.token_text(token))]

    def is_end(self, token: int) -> bool:
        """Does this token end a generation?"""
        return bool(self.lib.llama_vocab_is_eog(self.vocab, token))

    def tokenize(self, text: str, *, special: bool, add_bos: bool = False) -> list[int]:
        """Tokens of a text.

        Args:
            special: read control tokens in it as such; never for text from outside.
        """
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        buffer = (ctypes.c_int32 * room)()
        count = self.lib.llama_tokenize(self.vocab, raw, len(raw), buffer, room, False, special)
        if count < 0:
            raise ModelError("llama.cpp can't read this text as tokens")
        first = [self.lib.llama_vocab_bos(self.vocab)] if add_bos and self.adds_bos else []
        return first + buffer[:count]

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for; control tokens stand for none."""
        found = self._pieces.get(token)
        if found is None:
            found = self._pieces[token] = self._spell(token, 64)
        return found

    def _spell(self, token: int, room: int) -> bytes:
        buffer = ctypes.create_string_buffer(room)
        size: int = self.lib.llama_token_to_piece(self.vocab, token, buffer, room, 0, False)
        return buffer.raw[:size] if size >= 0 else self._spell(token, -size)


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
        params = lib.llama_context_default_params()
        self._batch = min(_GPU_BATCH if on_gpu else _CPU_BATCH, size)
        params.n_ctx, params.n_batch, params.n_ubatch = size, self._batch, self._batch
        params.n_seq_max = 1
        # Logits are wanted for the last token alone; the default reserves 100 MB for all of them.
        params.n_outputs_max = 8
        params.n_threads, params.n_threads_batch = threads
        # On CPUs, flash attention makes a short turn after a long history twice as slow.
        plain = not on_gpu and 4 * size * self._batch * model.heads <= _SCORES
        params.flash_attn_type = (
            lib.LLAMA_FLASH_ATTN_TYPE_DISABLED if plain else lib.LLAMA_FLASH_ATTN_TYPE_AUTO
        )
        params.no_perf = True
        self.pointer = lib.llama_init_from_model(model.pointer, params)
        if not self.pointer:
            raise ModelError(
                f"There is no memory for a context of {size} tokens", "Choose a smaller context."
            )
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


def _shared(ours: Sequence[int], theirs: Sequence[int]) -> int:
    for index, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if a != b:
            return index
    return min(len(ours), len(theirs))


def _tell(progress: Callable[[float], None] | None, done: float) -> bool:
    if progress:
        progress(done)
    return True
