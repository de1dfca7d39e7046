"""Which processors can run the model, and how many threads to give them."""

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

_KIND_GPU = (1, 2)
"""GGML_BACKEND_DEVICE_TYPE_GPU and _IGPU."""


@dataclass(frozen=True, slots=True)
class Threads:
    """Threads to use: one token at a time (decode) and many at once (prefill)."""

    decode: int
    prefill: int


def choose_threads(asked: int = 0) -> Threads:
    """Threads for this machine.

    Half the cores decode: with all of them, decoding collapses as soon as anything else runs.

    Args:
        asked: decode threads the user wants; 0 chooses.
    """
    logical = _logical_cores()
    physical = min(_physical_cores() or logical, logical)
    prefill = physical if physical >= 4 else logical
    return Threads(asked or max(1, physical // 2), max(prefill, asked))


def gpu_names() -> list[str]:
    """Names of the GPU devices that llama.cpp's backends report, such as `Vulkan0`."""
    from llama_cpp import _ggml
    from llama_cpp._ctypes_extensions import load_shared_library

    core = _ggml.libggml
    base = load_shared_library("ggml-base", _ggml.libggml_base_path)
    core.ggml_backend_dev_count.restype = ctypes.c_size_t
    core.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    core.ggml_backend_dev_get.restype = ctypes.c_void_p
    base.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    base.ggml_backend_dev_type.restype = ctypes.c_int
    base.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]
    base.ggml_backend_dev_name.restype = ctypes.c_char_p
    devices = [core.ggml_backend_dev_get(i) for i in range(core.ggml_backend_dev_count())]
    return [
        base.ggml_backend_dev_name(device).decode("utf-8", "replace")
        for device in devices
        if base.ggml_backend_dev_type(device) in _KIND_GPU
    ]


def describe_device(gpus: list[str], offloaded: int, layers: int, threads: int) -> str:
    """The honest line: what runs the model, such as "CPU, 1 thread" or "Vulkan0, 31/31 layers"."""
    cpu = f"CPU, {threads} thread{'s' if threads != 1 else ''}"
    if not gpus:
        return cpu
    names = " + ".join(gpus)
    if offloaded == 0:
        return f"{cpu} ({names} unused)"
    rest = "" if offloaded >= layers else f", the rest on {cpu}"
    return f"{names}, {offloaded}/{layers} layers{rest}"


def _logical_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _physical_cores() -> int | None:
    """Cores without their hyper-threads, where the system says (Linux)."""
    listed = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list")
    try:
        return len({path.read_text().strip() for path in listed}) or None
    except OSError:
        return None
