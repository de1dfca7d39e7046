"""`doctor` on devices: what llama.cpp computes on here, and how to make it use a GPU."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pocket_agent.cli.checks import Finding
from pocket_agent.llm.engine import look_around
from pocket_agent.llm.hardware import Hardware, look
from pocket_agent.llm.offload import Device, offloaders
from pocket_agent.llm.rebuild import rebuild

_GIB = 2**30


def look_at_devices() -> Finding:
    """Ask llama.cpp in its own process, and look at the computer.

    Raises:
        ModelError: llama.cpp isn't there or can't be started.
    """
    devices, backends = asyncio.run(look_around())
    return devices_finding(devices, backends, look())


def devices_finding(devices: Sequence[Device], backends: Sequence[str], here: Hardware) -> Finding:
    """The devices with their memory; for a GPU that isn't used, what to do. No fault either way."""
    data: dict[str, Any] = {"devices": [asdict(device) for device in devices]}
    data |= {"backends": list(backends), "gpus": list(here.vendors), "rebuild": None}
    lines = [_line(device) for device in devices]
    todo = rebuild(here, backends)
    if todo is not None:
        data["rebuild"] = todo.command
        lines.append(
            f"{todo.gpu} is here and this llama.cpp has no {todo.backend}; "
            f"to use it: {todo.command}"
        )
    elif here.vendors and not offloaders(devices):
        lines.append("a GPU is here, but llama.cpp doesn't find it: is its driver installed?")
    elif not offloaders(devices):
        lines.append("no GPU")
    return Finding("devices", True, "; ".join(lines), data)


def _line(device: Device) -> str:
    memory = "memory unknown"
    if device.total:
        memory = f"{device.free / _GIB:.1f} of {device.total / _GIB:.1f} GiB free"
    return f"{device.name} ({device.about}, {memory})"
