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


def test_a_stand_in_hub_opens_its_own_address_and_no_other(
    no_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        monkeypatch.setenv("POCKET_AGENT_TEST_HUBS", f"127.0.0.1:{port}")
        socket.create_connection(("127.0.0.1", port)).close()
        for host, other in (("127.0.0.1", 9), ("127.0.0.2", port), ("localhost", port)):
            with pytest.raises(RuntimeError, match="tried to use the network"):
                socket.create_connection((host, other))
    assert no_network.read_text("utf-8").count("\n") == 3
    no_network.unlink()


def test_a_name_that_can_not_exist_is_not_looked_up() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("hub.invalid", 443)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no unix sockets")
def test_a_unix_socket_is_none_of_the_network() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
