"""Copying, with real programs in the place of the platform's."""

import base64
import sys
from pathlib import Path

import pytest

from pocket_agent.tui.clipboard import candidates, copy_with_tool, osc52


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if sys.platform == "win32":
        pytest.skip("the stand-ins are shell scripts")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name, body in (
        ("good-tool", f"cat > {tmp_path}/copied"),
        ("clip.exe", f"cat > {tmp_path}/copied"),
        ("bad-tool", "cat > /dev/null; exit 1"),
        ("stubborn-tool", f"exec 0<&-; echo began > {tmp_path}/began; exit 1"),
    ):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
    return tmp_path


def test_the_first_tool_that_works_copies(tools: Path) -> None:
    tool = copy_with_tool("olá\nmundo", [["missing"], ["bad-tool"], ["good-tool", "-x"]])
    assert tool == "good-tool"
    assert (tools / "copied").read_text("utf-8") == "olá\nmundo"


@pytest.mark.parametrize("text", ["olá\r\nmundo", "日本 🍜", ""])
def test_windows_gets_utf_16_with_its_mark(tools: Path, text: str) -> None:
    assert copy_with_tool(text, candidates({"WSL_DISTRO_NAME": "x"}, "linux")) == "clip.exe"
    copied = (tools / "copied").read_bytes()
    assert copied[:2] == b"\xff\xfe"
    assert copied.decode("utf-16") == text
    assert copy_with_tool("\ud800", [["clip.exe"]]) == "clip.exe", "half a character is no failure"


def test_no_tool_is_no_error(tools: Path) -> None:
    assert copy_with_tool("x" * 1_000_000, [["missing"], ["stubborn-tool"]]) is None


@pytest.mark.parametrize(
    ("platform", "environ", "first"),
    [
        ("darwin", {}, "pbcopy"),
        ("win32", {}, "clip.exe"),
        ("linux", {"WSL_DISTRO_NAME": "x", "DISPLAY": ":0"}, "clip.exe"),
        ("linux", {"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, "wl-copy"),
        ("linux", {"DISPLAY": ":0"}, "xclip"),
    ],
)
def test_each_platform_has_its_tool(platform: str, environ: dict[str, str], first: str) -> None:
    assert candidates(environ, platform)[0][0] == first


def test_a_bare_terminal_has_no_tool() -> None:
    assert candidates({}, "linux") == []


def test_osc52_carries_the_text() -> None:
    sequence = osc52("olá", {})
    assert sequence.startswith("\x1b]52;c;")
    assert sequence.endswith("\a")
    assert base64.b64decode(sequence[len("\x1b]52;c;") : -1]).decode() == "olá"


def test_inside_tmux_it_is_also_passed_through() -> None:
    sequence = osc52("x", {"TMUX": "1"})
    assert sequence.startswith("\x1b]52;c;")
    assert sequence.endswith("\x1b\\")
    assert "\x1bPtmux;\x1b\x1b]52;c;" in sequence


def test_text_that_is_not_quite_text_is_copied_all_the_same() -> None:
    assert osc52("\ud800", {})
