"""What this computer has for computing and for building: looked at, never asked of llama.cpp."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Vendor = Literal["nvidia", "amd", "intel", "apple"]
_VENDORS: dict[str, Vendor] = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
"""PCI ids. Those of virtual machines' screens are none that compute."""
_TOOLS = ("nvcc", "hipconfig", "icpx", "glslc", "apt-get", "dnf", "pacman")
_VULKAN_HEADERS = ("usr/include", "usr/local/include")
_VULKAN_HEADER, _NEW_ENOUGH = "vulkan/vulkan_core.h", b"VK_API_VERSION_1_4"
"""llama.cpp includes what came with Vulkan 1.4; Debian 12 and Ubuntu 24.04 have older headers."""
_VULKAN_PATH = "VULKAN_SDK"


@dataclass(frozen=True, slots=True)
class Hardware:
    """What was found.

    Args:
        system: Linux, Darwin or Windows. vendors: whose GPUs are here, the likeliest first.
        tools: programs that a build needs and that are on the PATH.
        vulkan_headers: what a Vulkan build includes is installed, and new enough.
        python: the interpreter that llama.cpp is installed for.
    """

    system: str
    vendors: tuple[Vendor, ...] = ()
    tools: frozenset[str] = frozenset()
    vulkan_headers: bool = False
    python: str = "python3"


def look(
    root: Path = Path("/"),
    system: str = "",
    which: Callable[[str], str | None] = shutil.which,
) -> Hardware:
    """Look at this computer.

    Args:
        root: where its files begin. system: as `platform.system` says it. which: finds programs.
    """
    system = system or platform.system()
    found = set(_vendors(root, system, which))
    order: tuple[Vendor, ...] = ("nvidia", "amd", "apple", "intel")
    return Hardware(
        system=system,
        vendors=tuple(vendor for vendor in order if vendor in found),
        tools=frozenset(tool for tool in _TOOLS if which(tool)),
        vulkan_headers=_VULKAN_PATH in os.environ
        or any(_is_new(root / folder / _VULKAN_HEADER) for folder in _VULKAN_HEADERS),
        python=sys.executable,
    )


def _is_new(header: Path) -> bool:
    try:
        return _NEW_ENOUGH in header.read_bytes()
    except OSError:
        return False


def _vendors(root: Path, system: str, which: Callable[[str], str | None]) -> Iterator[Vendor]:
    if system == "Darwin":
        yield "apple"
        return
    if which("nvidia-smi") or (root / "proc/driver/nvidia/version").exists():
        yield "nvidia"
    for file in sorted((root / "sys/class/drm").glob("card*/device/vendor")):
        try:
            vendor = _VENDORS.get(file.read_text("ascii").strip().lower())
        except (OSError, ValueError):
            continue
        if vendor:
            yield vendor
