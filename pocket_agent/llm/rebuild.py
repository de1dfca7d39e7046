"""The command that builds llama.cpp for the GPU that is here. A pure function of what was found.

The switches: https://github.com/ggml-org/llama.cpp/blob/master/docs/build.md
"""

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from pocket_agent.llm.binding import WANTED
from pocket_agent.llm.hardware import Hardware, Vendor

_NAMES: dict[Vendor, str] = {
    "nvidia": "an NVIDIA GPU",
    "amd": "an AMD GPU",
    "intel": "an Intel GPU",
    "apple": "a Mac's GPU",
}
_DRIVEN_BY: dict[Vendor, frozenset[str]] = {
    "nvidia": frozenset({"CUDA", "Vulkan"}),
    "amd": frozenset({"ROCm", "HIP", "Vulkan"}),
    "intel": frozenset({"SYCL", "Vulkan"}),
    "apple": frozenset({"Metal", "MTL"}),
}
"""As llama.cpp names its backends."""
_HIP = 'HIPCXX="$(hipconfig -l)/clang" HIP_PATH="$(hipconfig -R)" '
_VULKAN_PACKAGES = {
    "apt-get": "sudo apt-get install -y git libvulkan-dev glslc spirv-headers",
    "dnf": "sudo dnf install -y vulkan-headers vulkan-loader-devel glslc spirv-headers-devel",
    "pacman": "sudo pacman -S --needed vulkan-headers vulkan-icd-loader shaderc spirv-headers",
}
_NEWER_HEADERS = (
    "headers=$(mktemp -d) && git clone --depth 1 --branch v1.4.309 "
    'https://github.com/KhronosGroup/Vulkan-Headers "$headers" && '
)
"""For systems whose packages may be older than Vulkan 1.4."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What to do so that the GPU is used.

    Args:
        gpu: what it is, in words. backend: the part of llama.cpp that is missing.
        command: what to type; everything that is needed first is in it.
    """

    gpu: str
    backend: str
    command: str


def rebuild(here: Hardware, backends: Collection[str]) -> Rebuild | None:
    """The rebuild that this computer's GPU wants; None if there is none or it is driven already.

    Args:
        backends: the backends that this llama.cpp has.
    """
    for vendor in here.vendors:
        if _DRIVEN_BY[vendor].intersection(backends):
            return None
    if not here.vendors:
        return None
    vendor = here.vendors[0]
    backend, switches, before = _plan(here, vendor)
    return Rebuild(_NAMES[vendor], backend, _command(here, switches, before))


def _plan(here: Hardware, vendor: Vendor) -> tuple[str, str, str]:
    """Backend, CMake's switches, and what comes before the command.

    The vendor's own backend where its compiler is here; Vulkan otherwise, which needs the least.
    """
    if vendor == "apple":
        return "Metal", "-DGGML_METAL=on", ""
    if vendor == "nvidia" and "nvcc" in here.tools:
        return "CUDA", "-DGGML_CUDA=on", ""
    if vendor == "amd" and "hipconfig" in here.tools and here.system == "Linux":
        return "ROCm", "-DGGML_HIP=on", _HIP
    if vendor == "intel" and "icpx" in here.tools and here.system == "Linux":
        compilers = "-DCMAKE_C_COMPILER=icx -DCMAKE_CXX_COMPILER=icpx"
        return "SYCL", f"-DGGML_SYCL=on {compilers}", ""
    return _plan_vulkan(here)


def _plan_vulkan(here: Hardware) -> tuple[str, str, str]:
    """Vulkan, with the installation of what its build needs where that isn't there."""
    name, switch = "Vulkan", "-DGGML_VULKAN=on"
    if here.system != "Linux" or ("glslc" in here.tools and here.vulkan_headers):
        return name, switch, ""
    for manager, command in _VULKAN_PACKAGES.items():
        if manager in here.tools and manager == "apt-get" and not here.vulkan_headers:
            newer = f"{switch} -DVulkan_INCLUDE_DIR=$headers/include"
            return name, newer, f"{command} && {_NEWER_HEADERS}"
        if manager in here.tools:
            return name, switch, f"{command} && "
    return name, switch, ""


def _command(here: Hardware, switches: str, before: str) -> str:
    # Without --no-cache-dir pip would take the wheel that it has built before.
    install = "pip install --force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python"
    what = f"-m {install} llama-cpp-python=={WANTED}"
    if here.system == "Windows":
        python = here.python.replace("'", "''")
        return f"$env:CMAKE_ARGS='{switches}'; & '{python}' {what}"
    return f'{before}CMAKE_ARGS="{switches}" {shlex.quote(here.python)} {what}'
