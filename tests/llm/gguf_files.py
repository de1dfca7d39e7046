"""Small GGUF files made by hand, and copies of real ones with metadata changed."""

import struct
from pathlib import Path

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def u32(value: int) -> bytes:
    return struct.pack("<II", 4, value)


def string(value: str) -> bytes:
    return struct.pack("<I", 8) + text(value)


def strings(values: list[str]) -> bytes:
    return struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(text, values))


def model_values(**changed: bytes | None) -> dict[str, bytes]:
    """Metadata of a plausible model; None takes a key away, `__` stands for a dot."""
    values = {
        "general.architecture": string("llama"),
        "general.name": string("Tiny"),
        "llama.block_count": u32(2),
        "llama.embedding_length": u32(64),
        "llama.context_length": u32(128),
        "tokenizer.ggml.tokens": strings(["a", "b"]),
    }
    for key, raw in changed.items():
        values.pop(key.replace("__", "."), None)
        if raw is not None:
            values[key.replace("__", ".")] = raw
    return values


def tensor(name: str, shape: tuple[int, ...] = (64, 2), kind: int = 0, offset: int = 0) -> bytes:
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + dims + struct.pack("<IQ", kind, offset)


def gguf(
    values: dict[str, bytes],
    tensors: tuple[bytes, ...] = (tensor("token_embd.weight"),),
    data: bytes = bytes(512),
    version: int = 3,
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values))
    head += b"".join(text(key) + raw for key, raw in values.items()) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def changed_copy(source: Path, target: Path, **changed: bytes) -> Path:
    """A copy of a real model with other metadata; `__` stands for a dot."""
    data = source.read_bytes()
    version, tensor_count, value_count = struct.unpack_from("<IQQ", data, 4)
    at, values = 24, {}
    for _ in range(value_count):
        key_end = _skip(data, at, 8)
        end = _skip(data, key_end + 4, struct.unpack_from("<I", data, key_end)[0])
        values[data[at + 8 : key_end].decode()] = data[key_end:end]
        at = end
    start = at
    for _ in range(tensor_count):
        at = _skip(data, at, 8)
        at += 4 + 8 * struct.unpack_from("<I", data, at)[0] + 12
    values |= {key.replace("__", "."): raw for key, raw in changed.items()}
    head = b"GGUF" + struct.pack("<IQQ", version, tensor_count, len(values))
    head += b"".join(text(key) + raw for key, raw in values.items()) + data[start:at]
    target.write_bytes(head + bytes(-len(head) % 32) + data[-(-at // 32) * 32 :])
    return target


def _skip(data: bytes, at: int, kind: int) -> int:
    if kind in _SIZES:
        return at + _SIZES[kind]
    if kind == 8:
        return at + 8 + struct.unpack_from("<Q", data, at)[0]
    item, count = struct.unpack_from("<IQ", data, at)
    at += 12
    for _ in range(count):
        at = _skip(data, at, item)
    return at
