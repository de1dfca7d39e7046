"""No chat opens a socket: every process of a real one is watched from its first instruction."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WATCH = """
import os, sys

def _watch(event, arguments):
    internet = event == "socket.__new__" and int(arguments[1]) in (2, 10)
    if internet or event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
        with open(os.environ["SOCKET_LOG"], "a") as log:
            log.write(f"{sys.argv[:2]} {event} {arguments!r}\\n")

sys.addaudithook(_watch)
with open(os.environ["SOCKET_LOG"] + ".seen", "a") as seen:
    seen.write(f"{os.getpid()}\\n")
"""


def run_watched(tmp_path: Path, *command: str) -> tuple[subprocess.CompletedProcess[str], str, int]:
    """Run a command with the watch in it and in every Python that it starts.

    Returns:
        What it did, what the watch noted, and how many processes were watched.
    """
    hooks = tmp_path / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "sitecustomize.py").write_text(WATCH)
    log = tmp_path / "sockets.log"
    done = subprocess.run(
        [sys.executable, *command],
        env={
            **os.environ,
            "PYTHONPATH": str(hooks),
            "SOCKET_LOG": str(log),
            "POCKET_AGENT_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )
    noted = log.read_text() if log.exists() else ""
    watched = len(set(Path(f"{log}.seen").read_text().split()))
    return done, noted, watched


@pytest.mark.slow
def test_model_policy_and_embedder_open_no_socket(tmp_path: Path):
    ask = ("-m", "pocket_agent", "ask", "--max-tokens", "8", "I live in Porto.")
    done, noted, watched = run_watched(tmp_path, *ask)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert watched >= 2  # the command and the model's process
    search = ("-m", "pocket_agent", "memory", "search", "where is my home?")
    done, more, all_watched = run_watched(tmp_path, *search)
    assert done.returncode == 0, done.stderr
    assert "I live in Porto." in done.stdout
    assert all_watched >= watched + 2  # the command and the embedder's process
    assert noted == more == ""


def test_the_watch_would_notice(tmp_path: Path):
    code = "import socket; socket.socket().close()"
    _, noted, _ = run_watched(tmp_path, "-c", code)
    assert "socket.__new__" in noted
