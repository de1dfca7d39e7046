"""A thin wrapper over llama.cpp's C interface: its log, and a model with its vocabulary.

Runs only in the child process: a bad file or call can end the whole process in here.
"""

import ctypes
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError

_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_LEVEL_ERROR = 4
_HELD: list[Any] = []
"""The callback that llama.cpp has, which must outlive whoever gave it: freed, it is a crash."""


class NativeLog:
    """llama.cpp's log: keeps why it failed and what was offloaded; writes to stderr if asked.

    Attributes:
        reason: the first error since it was last emptied; later ones only say that it failed.
    """

    def __init__(self, lib: Any, echo: bool) -> None:
        self.reason = ""
        self.offloaded: tuple[int, int] | None = None
        self._echo = echo
        callback = lib.llama_log_callback(self._take)
        lib.llama_log_set(callback, None)
        _HELD[:] = [callback]

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
        devices: pointers of the devices that take layers; none at all keeps everything on the
            CPU, and None leaves it to llama.cpp.
        split: layers for each device; empty leaves it to llama.cpp.

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
        *,
        devices: Sequence[int] | None = None,
        split: Sequence[int] = (),
    ) -> None:
        self.lib, self.path = lib, path
        params = lib.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        held = _aim(lib, params, devices, split)
        callback = lib.llama_progress_callback(lambda done, _: _tell(progress, done))
        params.progress_callback = callback
        log.reason = ""
        self.pointer = lib.llama_model_load_from_file(os.fsencode(path), params)
        del held
        if not self.pointer:
            reason = f" ({log.reason})" if log.reason else ""
            raise ModelError(
                f"llama.cpp can't load {path.name}{reason}", "Try another GGUF model file."
            )
        self.vocab = lib.llama_model_get_vocab(self.pointer)
        self.n_vocab: int = lib.llama_vocab_n_tokens(self.vocab)
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(self.vocab))
        self._pieces: dict[int, bytes] = {}

    def close(self) -> None:
        """Give its memory back; it can't be used any more."""
        self.lib.llama_model_free(self.pointer)

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


def _aim(lib: Any, params: Any, devices: Sequence[int] | None, split: Sequence[int]) -> list[Any]:
    """Point the load at devices. What is given back must live until it is done."""
    held: list[Any] = []
    if devices is not None:
        listed = (ctypes.c_void_p * (len(devices) + 1))(*devices, None)
        params.devices = ctypes.cast(listed, ctypes.c_void_p)
        held.append(listed)
    if len(split) > 1:
        most = max(int(lib.llama_max_devices()), len(split))
        shares = (ctypes.c_float * most)(*split)
        params.tensor_split = shares
        held.append(shares)
    return held


def _tell(progress: Callable[[float], None] | None, done: float) -> bool:
    if progress:
        progress(done)
    return True
