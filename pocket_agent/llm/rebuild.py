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
    "apt-get": "sudo apt-get install -y libvulkan-dev glslc spirv-headers",
    "dnf": "sudo dnf install -y vulkan-headers vulkan-loader-devel glslc spirv-headers-devel",
    "pacman": "sudo pacman -S --needed vulkan-headers vulkan-icd-loader shaderc spirv-headers",
}


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
    return "Vulkan", "-DGGML_VULKAN=on", _vulkan_packages(here)


def _vulkan_packages(here: Hardware) -> str:
    """The installation of what a Vulkan build needs, where it isn't there and we know how."""
    if here.system != "Linux" or ("glslc" in here.tools and here.vulkan_headers):
        return ""
    for manager, command in _VULKAN_PACKAGES.items():
        if manager in here.tools:
            return f"{command} && "
    return ""


def _command(here: Hardware, switches: str, before: str) -> str:
    # Without --no-cache-dir pip would take the wheel that it has built before.
    install = "pip install --force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python"
    what = f"-m {install} llama-cpp-python=={WANTED}"
    if here.system == "Windows":
        python = here.python.replace("'", "''")
        return f"$env:CMAKE_ARGS='{switches}'; & '{python}' {what}"
    return f'{before}CMAKE_ARGS="{switches}" {shlex.quote(here.python)} {what}'
