"""Copies text: by the platform's own tool if it works, else by the terminal (OSC 52)."""

import base64
import codecs
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

_TIMEOUT_S = 3.0


def candidates(
    environ: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> list[list[str]]:
    """The commands that may copy on this platform, best first; each reads the text from stdin."""
    found: list[list[str]] = []
    if platform == "darwin":
        found.append(["pbcopy"])
    if platform == "win32" or "WSL_DISTRO_NAME" in environ:
        found.append(["clip.exe"])
    if environ.get("WAYLAND_DISPLAY"):
        found.append(["wl-copy"])
    if environ.get("DISPLAY"):
        found += [["xclip", "-selection", "clipboard"], ["xsel", "--clipboard", "--input"]]
    return found


def copy_with_tool(text: str, commands: Sequence[Sequence[str]] | None = None) -> str | None:
    """Copy by the first tool that works. Blocks: call it in a thread.

    Returns:
        The tool's name, or None if there was none.
    """
    for command in candidates() if commands is None else commands:
        path = shutil.which(command[0])
        if path and _feed([path, *command[1:]], _encoded(text, command[0])):
            return command[0]
    return None


def osc52(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """The control sequence that asks the terminal to copy.

    Inside tmux it is sent twice: plain for a tmux that handles it, wrapped for one that passes it.
    """
    payload = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    plain = f"\x1b]52;c;{payload}\a"
    if "TMUX" not in environ:
        return plain
    escaped = plain.replace("\x1b", "\x1b\x1b")
    return f"{plain}\x1bPtmux;{escaped}\x1b\\"


def _encoded(text: str, tool: str) -> bytes:
    """The text as a tool reads it. clip.exe takes all but UTF-16 with its mark for a code page."""
    if tool == "clip.exe":
        return codecs.BOM_UTF16_LE + text.encode("utf-16-le", "replace")
    return text.encode("utf-8", "replace")


def _feed(command: list[str], text: bytes) -> bool:
    # xclip stays in the background and would hold a pipe open: give it none to write to.
    try:
        done = subprocess.run(
            command,
            input=text,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
