"""Writing a message in a program of one's own: a private file, wiped when the program has ended."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pocket_agent.errors import UsageError

_PREFIX = "pocket-agent-edit-"
_MOST = 1_000_000
"""Bytes that are read back."""


def editor_command(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The person's editor.

    Raises:
        UsageError: none is named, or it is not there.
    """
    named = environ.get("VISUAL") or environ.get("EDITOR") or ""
    try:
        command = shlex.split(named, posix=sys.platform != "win32")
    except ValueError:
        command = []
    if not command:
        raise UsageError("No editor is named", "Set EDITOR, for example to nano.")
    if shutil.which(command[0]) is None:
        raise UsageError(f"The editor {command[0]} is not there", "Set EDITOR to one that is.")
    return command


def edit_text(text: str, command: list[str], folder: Path | None = None) -> str:
    """Let a program change a text, and wait for its end. Blocks.

    Args:
        folder: where the private folder is made; None takes memory before the disk.

    Raises:
        UsageError: the program failed; the text is as it was.
    """
    parent = folder or _memory_folder()
    _wipe_left(parent)
    place = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))  # for us alone
    try:
        file = place / "message.md"
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as opened:
            opened.write(text.encode("utf-8", "replace"))
        if subprocess.run([*command, str(file)], check=False).returncode:
            raise UsageError(f"{command[0]} ended with an error: the message is as it was")
        return file.read_bytes()[:_MOST].decode("utf-8", "replace").rstrip("\n")
    except OSError as error:
        raise UsageError(f"{command[0]} could not be used ({error.strerror or error})") from error
    finally:
        wipe(place)


def wipe(place: Path) -> None:
    """Write over every file of a folder, then remove it: also what the editor left beside ours."""
    for file in place.rglob("*"):
        with suppress(OSError):
            if file.is_file() and not file.is_symlink():
                size = file.stat().st_size
                with file.open("r+b") as opened:
                    opened.write(bytes(size))
                    opened.flush()
                    os.fsync(opened.fileno())
    shutil.rmtree(place, ignore_errors=True)


def _memory_folder() -> Path | None:
    """A folder of this person's that is in memory, if there is one; None for the usual one."""
    for name in (os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm"):  # noqa: S108
        if name and Path(name).is_dir() and os.access(name, os.W_OK):
            return Path(name)
    return None


def _wipe_left(parent: Path | None) -> None:
    """Wipe what a program that was killed had left."""
    for left in (parent or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*-*"):
        number = left.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and int(number) != os.getpid() and not _runs(int(number)):
            wipe(left)


def _runs(process: int) -> bool:
    if sys.platform == "win32":
        return True  # there a signal would end it; the system empties its own folder
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
