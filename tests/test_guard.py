"""The guard of all other tests: no Python of ours reaches the network unseen."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = ("127.0.0.1", 9)


def _connect() -> None:
    with socket.socket() as made:
        made.connect(HERE)


def _send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as made:
        made.sendto(b"x", HERE)


def _look_up() -> None:
    socket.getaddrinfo("localhost", 9)


@pytest.mark.parametrize("use", [_connect, _send, _look_up])
def test_the_network_is_refused_here(use: Callable[[], None], no_network: Path) -> None:
    with pytest.raises(RuntimeError, match="tried to use the network"):
        use()
    assert no_network.read_text("utf-8").count("\n") == 1
    no_network.unlink()


def test_a_child_that_hides_the_refusal_is_noted(no_network: Path) -> None:
    code = (
        "import contextlib, socket\n"
        "with contextlib.suppress(Exception):\n"
        "    socket.getaddrinfo('localhost', 9)\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
    assert "socket.getaddrinfo 'localhost'" in no_network.read_text("utf-8")
    no_network.unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no unix sockets")
def test_a_unix_socket_is_none_of_the_network() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
