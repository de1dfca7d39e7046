"""A structural check of a GGUF file in pure Python, which a bad file can't crash.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_STRING, _ARRAY = 8, 9
_SCALARS = {
    kind: struct.Struct("<" + code)
    for kind, code in {
        0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"
    }.items()
}  # fmt: skip
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")

_KEPT_ITEMS = 1024
_MOST_STRINGS = 10_000_000
_MOST_LAYERS = 512
"""llama.cpp's own limit."""

_NUMBERS = {"block_count": _MOST_LAYERS, "embedding_length": 2**20, "context_length": 2**31}
"""Metadata that every language model has, and the most each can be."""

BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4),
    27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66),
    39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18),
}  # fmt: skip
"""Tensor type: (elements in a block, bytes of a block)."""

_AGAIN = "Get the file again."


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor's entry.

    Args:
        kind: ggml's number of its type.
        end: bytes from the start of the file to the tensor's end.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    size: int
    end: int


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """What a GGUF file says of itself.

    Args:
        values: metadata; long arrays are kept as their length alone.
        data_start: where the tensors' data begin, in bytes.
    """

    path: Path
    file_size: int
    values: dict[str, Any]
    tensors: tuple[Tensor, ...]
    data_start: int

    @property
    def architecture(self) -> str:
        return str(self.values.get("general.architecture", ""))

    @property
    def name(self) -> str:
        return str(self.values.get("general.name") or self.path.stem)

    @property
    def kind(self) -> str:
        """`model`, `adapter` or another general.type."""
        return str(self.values.get("general.type", "model"))

    @property
    def parameters(self) -> int:
        return sum(prod(tensor.shape) for tensor in self.tensors)

    @property
    def trained_tokens(self) -> int:
        return int(self.values.get(f"{self.architecture}.context_length", 0))

    @property
    def main_kind(self) -> int:
        """The tensor type that most bytes are in."""
        sizes: dict[int, int] = {}
        for tensor in self.tensors:
            sizes[tensor.kind] = sizes.get(tensor.kind, 0) + tensor.size
        return max(sizes, key=lambda kind: sizes[kind], default=0)


def check_model(path: Path) -> GGUFHeader:
    """Read the header of a model file and see that it can be one we run.

    Raises:
        ModelError: it is missing, not a file, empty, cut short, not GGUF, not a language model,
            or its numbers are absurd.
    """
    header = read_header(path)
    if header.kind != "model":
        raise ModelError(f"{path.name} is of type {header.kind}, not a model", "Choose a model.")
    _check_split(header)
    arch = header.architecture
    if not arch or not header.tensors:
        raise ModelError(f"{path.name} holds no model", _AGAIN)
    for key, most in _NUMBERS.items():
        _check_number(header, f"{arch}.{key}", most)
    if not header.values.get("tokenizer.ggml.tokens"):
        raise ModelError(f"{path.name} has no vocabulary", "Choose a chat model in GGUF format.")
    return header


def check_adapter(path: Path) -> GGUFHeader:
    """Read the header of a LoRA adapter.

    Raises:
        ModelError: it isn't one, or the file is broken.
    """
    header = read_header(path)
    if header.kind != "adapter" or header.values.get("adapter.type") != "lora":
        raise ModelError(f"{path.name} is not a LoRA adapter", "Choose an adapter in GGUF format.")
    if not header.tensors:
        raise ModelError(f"The adapter {path.name} is empty", _AGAIN)
    return header


def all_tensors(header: GGUFHeader) -> tuple[Tensor, ...]:
    """The tensors of a model, those in its other files too.

    Raises:
        ModelError: one of those files is missing or broken.
    """
    others = [read_header(part) for part in _parts(header)[1:]]
    return header.tensors + tuple(tensor for other in others for tensor in other.tensors)


def read_header(path: Path) -> GGUFHeader:
    """Read any GGUF file's header and see that all of its data are there.

    Raises:
        ModelError: it is missing, not a file, empty, cut short or not GGUF.
    """
    size = _size(path)
    try:
        with path.open("rb") as file:
            if file.read(4) != _MAGIC:
                raise ModelError(f"{path.name} is not a GGUF file", "Choose a model file (.gguf).")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                header = _Reader(path, data, size).header()
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror or error})") from error
    end = max((tensor.end for tensor in header.tensors), default=header.data_start)
    if end > size:
        raise ModelError(f"{path.name} is cut short: {size:,} of {end:,} bytes", _AGAIN)
    return header


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            raise ModelError(f"{path} is a folder", "Give the .gguf file in it.")
        if not path.exists():
            raise ModelError(f"There is no model file {path}", "See: pocket-agent models list")
        if not path.is_file():
            raise ModelError(f"{path} is not a file", "Choose a model file (.gguf).")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read ({error})") from error
    if size == 0:
        raise ModelError(f"{path.name} is empty", _AGAIN)
    return size


class _Reader:
    """Walks the bytes of a header; every step is checked against the file's end."""

    def __init__(self, path: Path, data: mmap.mmap, size: int) -> None:
        self._path, self._data, self._size = path, data, size
        self._at = len(_MAGIC)

    def header(self) -> GGUFHeader:
        try:
            return self._header()
        except (struct.error, UnicodeDecodeError, OverflowError) as error:
            raise self._broken("its header is damaged") from error

    def _header(self) -> GGUFHeader:
        version = self._number(_U32)
        if version not in _VERSIONS:
            raise self._broken(f"its format is version {version}, known are 2 and 3")
        tensor_count, value_count = self._number(_U64), self._number(_U64)
        values = dict(self._pairs(value_count))
        entries = [self._entry() for _ in self._times(tensor_count)]
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 2**16:
            raise self._broken(f"its alignment is {alignment}")
        start = -(-self._at // alignment) * alignment
        tensors = tuple(self._place(*entry, start) for entry in entries)
        return GGUFHeader(self._path, self._size, values, tensors, start)

    def _pairs(self, count: int) -> Iterator[tuple[str, Any]]:
        for _ in self._times(count):
            key = self._string()
            yield key, self._value(self._number(_U32))

    def _entry(self) -> tuple[str, tuple[int, ...], int, int]:
        name, dimensions = self._string(), self._number(_U32)
        if not 1 <= dimensions <= 4:
            raise self._broken(f"the tensor {name[:40]!r} has {dimensions} dimensions")
        shape = tuple(self._number(_U64) for _ in range(dimensions))
        return name, shape, self._number(_U32), self._number(_U64)

    def _place(
        self, name: str, shape: tuple[int, ...], kind: int, offset: int, start: int
    ) -> Tensor:
        if kind not in BLOCKS:
            raise self._broken(f"the tensor {name[:40]!r} is of an unknown type ({kind})")
        per_block, block = BLOCKS[kind]
        if not shape[0] or shape[0] % per_block or prod(shape) == 0:
            raise self._broken(f"the tensor {name[:40]!r} has a wrong shape")
        size = prod(shape) // per_block * block
        return Tensor(name, shape, kind, size, start + offset + size)

    def _value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        raise self._broken(f"a value is of an unknown type ({kind})")

    def _array(self) -> Any:
        kind, count = self._number(_U32), self._number(_U64)
        if kind == _STRING:
            self._skip_strings(count)
            return count
        if kind not in _SCALARS:
            raise self._broken(f"a list is of an unknown type ({kind})")
        form = _SCALARS[kind]
        start = self._skip(count * form.size)
        if count > _KEPT_ITEMS:
            return count
        return tuple(form.unpack_from(self._data, start + i * form.size)[0] for i in range(count))

    def _skip_strings(self, count: int) -> None:
        if count > _MOST_STRINGS:
            raise self._broken(f"a list claims {count} texts")
        data, at, size, read = self._data, self._at, self._size, _U64.unpack_from
        for _ in range(count):
            at += 8 + read(data, at)[0]
            if at > size:
                raise self._short()
        self._at = at

    def _string(self) -> str:
        start = self._skip(length := self._number(_U64))
        return self._data[start : start + length].decode("utf-8", "replace")

    def _number(self, form: struct.Struct) -> Any:
        return form.unpack_from(self._data, self._skip(form.size))[0]

    def _skip(self, count: int) -> int:
        """Move on; gives back where we were."""
        start = self._at
        self._at += count
        if self._at > self._size:
            raise self._short()
        return start

    def _times(self, count: int) -> range:
        """So many entries, each of which takes at least a dozen bytes."""
        if count * 12 > self._size:
            raise self._broken(f"its header claims {count} entries")
        return range(count)

    def _short(self) -> ModelError:
        return ModelError(f"{self._path.name} is cut short inside its header", _AGAIN)

    def _broken(self, why: str) -> ModelError:
        return ModelError(f"{self._path.name} is not a GGUF file we can read: {why}", _AGAIN)


def _check_number(header: GGUFHeader, key: str, most: int) -> None:
    value = header.values.get(key)
    if isinstance(value, int) and 1 <= value <= most:
        return
    shown = "missing" if value is None else str(value)[:40]
    raise ModelError(f"{header.path.name} is damaged: its {key} is {shown}", _AGAIN)


def _check_split(header: GGUFHeader) -> None:
    """A model in several files is opened by its first, and needs the others beside it."""
    missing = [part.name for part in _parts(header) if not os.path.exists(part)]  # noqa: PTH110
    if missing:
        raise ModelError(f"The model's part {missing[0]} is missing", "Get the other parts too.")


def _parts(header: GGUFHeader) -> list[Path]:
    """All files of a model that is in several; none of one that isn't."""
    count = header.values.get("split.count", 0)
    if not isinstance(count, int) or count < 2:
        return []
    path = header.path
    found = re.fullmatch(r"(.*)-(\d{5})-of-(\d{5})\.gguf", path.name)
    if not found or int(found[3]) != count or header.values.get("split.no") != 0:
        raise ModelError(
            f"{path.name} is one part of {count}", "Choose the first part, under its own name."
        )
    names = [f"{found[1]}-{i:05d}-of-{found[3]}.gguf" for i in range(1, count + 1)]
    return [path.with_name(name) for name in names]
