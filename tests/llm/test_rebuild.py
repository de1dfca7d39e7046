"""The command for a GPU that isn't used: from what is found on a computer to what to type."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pocket_agent.cli.devices import devices_finding
from pocket_agent.llm.binding import WANTED
from pocket_agent.llm.hardware import Hardware, look
from pocket_agent.llm.offload import Device
from pocket_agent.llm.rebuild import rebuild

PIP = (
    "-m pip install --force-reinstall --no-deps --no-cache-dir "
    f"--no-binary llama-cpp-python llama-cpp-python=={WANTED}"
)
CPU = Device("CPU", "a processor", "CPU", "cpu", 2**30, 2**31)
READY = frozenset({"glslc"})


def machine(
    *vendors: str, tools: frozenset[str] = frozenset(), system: str = "Linux", **more: Any
) -> Hardware:
    return Hardware(system, vendors, tools, **{"python": "/opt/py", **more})


@pytest.mark.parametrize(
    ("here", "backend", "command"),
    [
        (
            machine("nvidia", tools=frozenset({"nvcc"})),
            "CUDA",
            f'CMAKE_ARGS="-DGGML_CUDA=on" /opt/py {PIP}',
        ),
        (
            machine("nvidia", tools=READY, vulkan_headers=True),
            "Vulkan",
            f'CMAKE_ARGS="-DGGML_VULKAN=on" /opt/py {PIP}',
        ),
        (
            machine("nvidia", tools=frozenset({"apt-get"})),
            "Vulkan",
            "sudo apt-get install -y git libvulkan-dev glslc spirv-headers && "
            "headers=$(mktemp -d) && git clone --depth 1 --branch v1.4.309 "
            'https://github.com/KhronosGroup/Vulkan-Headers "$headers" && '
            'CMAKE_ARGS="-DGGML_VULKAN=on -DVulkan_INCLUDE_DIR=$headers/include" '
            f"/opt/py {PIP}",
        ),
        (
            machine("amd", tools=frozenset({"hipconfig"})),
            "ROCm",
            'HIPCXX="$(hipconfig -l)/clang" HIP_PATH="$(hipconfig -R)" '
            f'CMAKE_ARGS="-DGGML_HIP=on" /opt/py {PIP}',
        ),
        (
            machine("amd", tools=frozenset({"dnf"})),
            "Vulkan",
            "sudo dnf install -y vulkan-headers vulkan-loader-devel glslc spirv-headers-devel && "
            f'CMAKE_ARGS="-DGGML_VULKAN=on" /opt/py {PIP}',
        ),
        (
            machine("intel", tools=frozenset({"icpx"})),
            "SYCL",
            'CMAKE_ARGS="-DGGML_SYCL=on -DCMAKE_C_COMPILER=icx -DCMAKE_CXX_COMPILER=icpx" '
            f"/opt/py {PIP}",
        ),
        (
            machine("intel", tools=frozenset({"pacman", "glslc"})),
            "Vulkan",
            "sudo pacman -S --needed vulkan-headers vulkan-icd-loader shaderc spirv-headers && "
            f'CMAKE_ARGS="-DGGML_VULKAN=on" /opt/py {PIP}',
        ),
        (
            machine("apple", system="Darwin", python="/Users/a b/py"),
            "Metal",
            f"CMAKE_ARGS=\"-DGGML_METAL=on\" '/Users/a b/py' {PIP}",
        ),
        (
            machine("nvidia", tools=frozenset({"nvcc"}), system="Windows", python="C:\\it's\\py"),
            "CUDA",
            f"$env:CMAKE_ARGS='-DGGML_CUDA=on'; & 'C:\\it''s\\py' {PIP}",
        ),
    ],
)
def test_the_command_is_that_of_the_machine(here: Hardware, backend: str, command: str) -> None:
    found = rebuild(here, ["CPU"])
    assert found is not None
    assert (found.backend, found.command) == (backend, command)
    if here.system != "Windows":
        assert subprocess.run(["sh", "-n", "-c", command]).returncode == 0
        assert shlex.split(command)


@pytest.mark.parametrize(
    ("vendor", "backend"),
    [
        ("nvidia", "CUDA"),
        ("nvidia", "Vulkan"),
        ("amd", "ROCm"),
        ("amd", "Vulkan"),
        ("intel", "SYCL"),
        ("apple", "Metal"),
        ("apple", "MTL"),
    ],
)
def test_a_gpu_that_is_driven_needs_nothing(vendor: str, backend: str) -> None:
    assert rebuild(machine(vendor), ["CPU", backend]) is None


def test_without_a_gpu_there_is_nothing_to_rebuild() -> None:
    assert rebuild(machine(), ["CPU"]) is None


def test_the_integrated_one_does_not_hide_the_card() -> None:
    found = rebuild(machine("nvidia", "intel", tools=frozenset({"nvcc"})), ["CPU"])
    assert found is not None
    assert found.backend == "CUDA"


# --- looking ---------------------------------------------------------------------------------


def _card(root: Path, number: int, vendor: str) -> None:
    folder = root / f"sys/class/drm/card{number}/device"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(f"{vendor}\n")


def nothing(_tool: str) -> None:
    return None


def test_cards_are_found_by_their_vendor(tmp_path: Path) -> None:
    assert look(tmp_path, "Linux", nothing).vendors == ()
    _card(tmp_path, 0, "0x8086")
    _card(tmp_path, 1, "0x1002")
    _card(tmp_path, 2, "0x1af4")  # a virtual machine's screen
    (tmp_path / "sys/class/drm/card3").mkdir()
    assert look(tmp_path, "Linux", nothing).vendors == ("amd", "intel")


def test_nvidia_is_found_by_its_driver(tmp_path: Path) -> None:
    version = tmp_path / "proc/driver/nvidia/version"
    version.parent.mkdir(parents=True)
    version.write_text("NVRM version\n")
    assert look(tmp_path, "Linux", nothing).vendors == ("nvidia",)
    found = look(tmp_path / "none", "Windows", lambda tool: tool if "nvidia" in tool else None)
    assert (found.vendors, found.tools) == (("nvidia",), frozenset())


def test_a_mac_has_its_own(tmp_path: Path) -> None:
    assert look(tmp_path, "Darwin", nothing).vendors == ("apple",)


def test_what_a_build_needs_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VULKAN_SDK", raising=False)
    assert not look(tmp_path, "Linux", nothing).vulkan_headers
    header = tmp_path / "usr/include/vulkan/vulkan_core.h"
    header.parent.mkdir(parents=True)
    header.write_text("#define VK_API_VERSION_1_3 ...\n")
    assert not look(tmp_path, "Linux", nothing).vulkan_headers
    header.write_text("#define VK_API_VERSION_1_4 ...\n")
    found = look(tmp_path, "Linux", lambda tool: f"/bin/{tool}")
    assert found.vulkan_headers
    assert {"nvcc", "glslc"} <= found.tools


# --- what doctor says ------------------------------------------------------------------------


def test_doctor_gives_the_command_and_calls_nothing_broken() -> None:
    found = devices_finding([CPU], ["CPU"], machine("nvidia", tools=frozenset({"nvcc"})))
    assert found.ok
    assert found.detail.startswith("CPU (a processor, 1.0 of 2.0 GiB free); an NVIDIA GPU is here")
    assert found.detail.endswith(found.data["rebuild"])
    assert found.data["gpus"] == ["nvidia"]


def test_doctor_says_when_a_built_backend_finds_no_device() -> None:
    found = devices_finding([CPU], ["CPU", "Vulkan"], machine("amd"))
    assert "is its driver installed?" in found.detail
    assert found.data["rebuild"] is None


def test_doctor_is_quiet_about_a_gpu_that_works() -> None:
    card = Device("Vulkan0", "a card", "Vulkan", "gpu", 0, 0)
    found = devices_finding([CPU, card], ["CPU", "Vulkan"], machine("amd"))
    assert found.detail.endswith("Vulkan0 (a card, memory unknown)")
    assert devices_finding([CPU], ["CPU"], machine()).detail.endswith("; no GPU")
