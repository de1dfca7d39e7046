"""Which models this computer's memory holds: how much there is, and how much a model takes."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pocket_agent.llm.gguf_header import GGUFHeader

_BUFFERS = 600 * 1024 * 1024
"""Bytes for the program, the buffers of llama.cpp, and the policy's model in its own process."""
_SHARE = 0.85
"""Of all memory: more than that, and the system has to push everything else out."""
_HALF = 2
"""Bytes of a key or value in the cache."""


class Fit(StrEnum):
    """How a model sits in this computer's memory."""

    FITS = "fits"
    TIGHT = "tight"
    TOO_BIG = "too big"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Memory:
    """This computer's memory in bytes: all of it, and what is free for a new program."""

    total: int
    available: int


def look() -> Memory | None:
    """How much memory there is; None where the system doesn't say."""
    with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
        if sys.platform == "linux":
            return _linux(Path("/proc/meminfo").read_text("ascii"))
        if sys.platform == "win32":
            return _windows()
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return Memory(total, total)  # macOS makes room by compressing what is idle
    return None


def need(size: int, cache: int, chat_tokens: int) -> int:
    """Bytes of memory that a model takes.

    Args:
        size: of its file. cache: bytes that each token of the context takes.
    """
    return size + cache * chat_tokens + _BUFFERS


def judge(needed: int, memory: Memory | None) -> Fit:
    """Whether so much memory can be had."""
    if memory is None or not needed:
        return Fit.UNKNOWN
    if needed <= memory.available:
        return Fit.FITS
    return Fit.TIGHT if needed <= _SHARE * memory.total else Fit.TOO_BIG


def cache_of(header: GGUFHeader) -> int:
    """Bytes of memory that each token of the context takes, by the file's own numbers."""
    values, arch = header.values, header.architecture
    layers = _number(values.get(f"{arch}.block_count"))
    heads = _number(values.get(f"{arch}.attention.head_count"), 1)
    width = _number(values.get(f"{arch}.embedding_length")) // heads
    keys = _number(values.get(f"{arch}.attention.key_length"), width)
    held = _number(values.get(f"{arch}.attention.value_length"), width)
    shared = values.get(f"{arch}.attention.head_count_kv")
    if isinstance(shared, Sequence) and not isinstance(shared, str):  # one number for each layer
        groups = sum(_number(one) for one in shared)
    else:
        groups = layers * _number(shared, heads)
    return groups * (keys + held) * _HALF


def _number(value: object, other: int = 0) -> int:
    return value if type(value) is int and 0 < value < 2**31 else other


def _linux(text: str) -> Memory:
    """From /proc/meminfo, and what a container may have of it."""
    rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    total, available = (1024 * int(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text("ascii"))  # "max" where there is none
        used = int((group / "memory.current").read_text("ascii"))
        return Memory(min(total, limit), min(available, max(0, limit - used)))
    return Memory(total, available)


def _windows() -> Memory:
    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "available", *"abcde")),
        ]

    status = Status()
    status.length = ctypes.sizeof(status)
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # Windows alone
    kernel.GlobalMemoryStatusEx(ctypes.byref(status))
    return Memory(int(status.total), int(status.available))
