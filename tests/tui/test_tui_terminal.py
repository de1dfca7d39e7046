"""What comes from a real terminal: bytes, not events."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.traceback import Traceback
from scripted import ScriptedBackend

from pocket_agent.tui.app import PocketApp

PROGRAM = """
from pocket_agent.tui.app import PocketApp
from scripted import ScriptedBackend

app = PocketApp(ScriptedBackend())
app.run()
raise SystemExit(app.return_code)
"""


def read_until(terminal: int, sign: str, timeout: float = 60.0) -> None:
    seen, deadline = b"", time.monotonic() + timeout
    while sign.encode() not in seen:
        assert time.monotonic() < deadline, seen[-400:]
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 65536)


@contextmanager
def in_a_terminal(typed: bytes = b"") -> Iterator[int]:
    """The app in a pseudo-terminal, with what is typed before it has begun; left by ctrl+q."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.write(ours, typed)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": _paths()},
        start_new_session=True,
    ) as app:
        try:
            yield ours
            os.write(ours, b"\x11")
            read_until(ours, "\x1b[?1049l")
            assert app.wait(30) == 0
        finally:
            app.kill()
            os.close(ours)
            os.close(theirs)


def _paths() -> str:
    return os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_bytes_that_are_no_text_do_not_end_the_app() -> None:
    with in_a_terminal() as terminal:
        read_until(terminal, "F1 help")
        os.write(terminal, b"\x1b[200~caf\xe9 \xffau lait\x1b[201~")
        read_until(terminal, "caf� �au lait")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_what_is_typed_before_it_starts_is_sent() -> None:
    with in_a_terminal(b"early\r") as terminal:
        read_until(terminal, "Hello there.")


async def test_what_fails_beside_the_app_is_told_in_one_line_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = PocketApp(ScriptedBackend())
    async with app.run_test():
        try:
            raise ValueError("what a person wrote")
        except ValueError:
            app.panic(Traceback())
    assert app.return_code == 1
    assert capsys.readouterr().err == (
        "Pocket Agent stopped on a defect of its own. What was saved is intact.\n"
    )
