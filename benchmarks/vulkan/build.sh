#!/usr/bin/env bash
# Builds llama.cpp for Vulkan beside the usual one, so that offloading can be tried without a GPU:
# Mesa's lavapipe is a Vulkan driver that computes on the processor.
#
#   benchmarks/vulkan/build.sh [--packages] [FOLDER]      FOLDER: runs/vulkan unless named
#   POCKET_AGENT_VULKAN=runs/vulkan/site .venv/bin/python -m pytest tests/llm/test_vulkan.py
#
# --packages first installs what it needs (Debian, Ubuntu; asks for sudo). Elsewhere install a C and
# C++ compiler, git, glslc, the Vulkan loader with its development files, the SPIR-V headers and
# Mesa's Vulkan drivers by hand. PYTHON chooses the interpreter; VULKAN_HEADERS names a folder that
# holds vulkan/vulkan.h of Vulkan 1.4 or later, which saves the clone.
#
# NOT RUN YET in this form: it was written on a busy machine and only checked with `bash -n`. Its
# steps are those by which the same build was made by hand before (31 of 31 layers on lavapipe). It
# takes ten minutes or more of two processors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

HEADERS_VERSION=v1.4.309
HEADERS_SOURCE=https://github.com/KhronosGroup/Vulkan-Headers
PACKAGES=(build-essential git glslc libvulkan-dev mesa-vulkan-drivers spirv-headers)

fail() {
    printf '%s\n' "build.sh: $1" >&2
    exit 1
}

install_packages() {
    command -v apt-get >/dev/null || fail "--packages knows apt-get alone; see the head of this file"
    local as_root=()
    [[ $EUID -eq 0 ]] || as_root=(sudo)
    "${as_root[@]}" apt-get update
    "${as_root[@]}" apt-get install -y --no-install-recommends "${PACKAGES[@]}"
}

# Debian 12 and Ubuntu 24.04 have headers that are older than what llama.cpp includes.
find_headers() {
    local folder=$1
    if [[ -n ${VULKAN_HEADERS:-} ]]; then
        printf '%s\n' "$VULKAN_HEADERS"
        return
    fi
    if ! grep -qs VK_API_VERSION_1_4 /usr/include/vulkan/vulkan_core.h; then
        [[ -d $folder ]] || git clone --quiet --depth 1 --branch "$HEADERS_VERSION" "$HEADERS_SOURCE" "$folder"
        printf '%s\n' "$folder/include"
        return
    fi
    printf '%s\n' /usr/include
}

packages=no
folder=runs/vulkan
for word in "$@"; do
    case $word in
        --packages) packages=yes ;;
        -*) fail "there is no option $word" ;;
        *) folder=$word ;;
    esac
done

python=${PYTHON:-.venv/bin/python}
[[ -x $python ]] || command -v "$python" >/dev/null || fail "$python is missing: run make setup first, or set PYTHON"
if [[ $packages == yes ]]; then install_packages; fi
command -v glslc >/dev/null || fail "glslc is missing: try --packages"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
headers=$(find_headers "$folder/headers")
grep -qs VK_API_VERSION_1_4 "$headers/vulkan/vulkan_core.h" || fail "$headers holds no headers of Vulkan 1.4"

# The version that the program asserts, from the one place that says it.
wanted=$("$python" -c 'from pocket_agent.llm.binding import WANTED; print(WANTED)')

# Without --no-cache-dir pip would take the wheel that it has built for the processor.
rm -rf "$folder/site"
CMAKE_ARGS="-DGGML_VULKAN=on -DVulkan_INCLUDE_DIR=$headers" "$python" -m pip install \
    --no-deps --no-cache-dir --no-binary llama-cpp-python \
    --target "$folder/site" "llama-cpp-python==$wanted"

printf '%s\n' "Built. Now: POCKET_AGENT_VULKAN=$folder/site $python -m pytest tests/llm/test_vulkan.py"
