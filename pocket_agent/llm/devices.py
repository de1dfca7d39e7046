"""Which processors can run the model, and how many threads to give them."""

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pocket_agent.errors import ModelError
from pocket_agent.llm.offload import Device

_KINDS: tuple[Literal["cpu", "gpu", "igpu"], ...] = ("cpu", "gpu", "igpu")
"""In the order of ggml_backend_dev_type; what comes after them computes no layers."""


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


def list_devices() -> list[Device]:
    """The devices that llama.cpp's backends report, in their order. Runs in the child."""
    core, base = _libraries()
    return [
        _describe(base, core.ggml_backend_dev_get(index))
        for index in range(core.ggml_backend_dev_count())
    ]


def list_backends() -> list[str]:
    """The backends that are built into this llama.cpp, whether they find a device or not."""
    core, base = _libraries()
    found = [core.ggml_backend_reg_get(index) for index in range(core.ggml_backend_reg_count())]
    return [_text(base.ggml_backend_reg_name(backend)) for backend in found]


def handle(name: str) -> int:
    """The pointer by which llama.cpp knows a device.

    Raises:
        ModelError: there is none of that name.
    """
    core, base = _libraries()
    for index in range(core.ggml_backend_dev_count()):
        device = core.ggml_backend_dev_get(index)
        if _text(base.ggml_backend_dev_name(device)) == name:
            return int(device)
    raise ModelError(f"The device {name} is gone", "See: pocket-agent doctor")


@cache
def _libraries() -> tuple[Any, Any]:
    """The two libraries that know the devices; the binding declares none of these functions."""
    from llama_cpp import _ggml
    from llama_cpp._ctypes_extensions import load_shared_library

    core, base = _ggml.libggml, load_shared_library("ggml-base", _ggml.libggml_base_path)
    size, pointer, text = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_char_p
    sizes = [ctypes.POINTER(size)] * 2
    declared: list[tuple[Any, str, list[Any], Any]] = [
        (core, "dev_count", [], size),
        (core, "dev_get", [size], pointer),
        (core, "reg_count", [], size),
        (core, "reg_get", [size], pointer),
        (base, "dev_name", [pointer], text),
        (base, "dev_description", [pointer], text),
        (base, "dev_memory", [pointer, *sizes], None),
        (base, "dev_type", [pointer], ctypes.c_int),
        (base, "dev_backend_reg", [pointer], pointer),
        (base, "reg_name", [pointer], text),
    ]
    for library, name, takes, gives in declared:
        function = getattr(library, f"ggml_backend_{name}")
        function.argtypes, function.restype = takes, gives
    return core, base


def _describe(base: Any, device: Any) -> Device:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    base.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
    kind = base.ggml_backend_dev_type(device)
    return Device(
        name=_text(base.ggml_backend_dev_name(device)),
        about=_text(base.ggml_backend_dev_description(device)),
        backend=_text(base.ggml_backend_reg_name(base.ggml_backend_dev_backend_reg(device))),
        kind=_KINDS[kind] if kind < len(_KINDS) else "other",
        free=free.value,
        total=total.value,
    )


def _text(raw: bytes | None) -> str:
    return " ".join((raw or b"").decode("utf-8", "replace").split())


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
