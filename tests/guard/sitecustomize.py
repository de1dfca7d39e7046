"""Refuses every use of the network, and notes it: in pytest, and in each Python that a test starts.

Python imports a `sitecustomize` that lies on PYTHONPATH by itself, before anything else runs.
"""

import os
import socket
import sys

LOG = "POCKET_AGENT_TEST_SOCKETS"
"""Names the file for the notes: whoever catches the refusal must not hide it from the test."""
HUBS = "POCKET_AGENT_TEST_HUBS"
"""The addresses, HOST:PORT each, of the stand-in hub that a test has started on the loopback, and
of nothing else: to pull a model is the one thing that may use the network at all."""
_NOWHERE = ".invalid"
"""No name that ends so exists, by RFC 6761; that much can be told without asking anybody."""
_TO_AN_ADDRESS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_BY_NAME = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_AF_UNIX = 1


def _refuse(event, arguments):
    if event in _TO_AN_ADDRESS:
        local = int(arguments[0].family) == _AF_UNIX
        # Windows has its socket pairs, which asyncio needs, on the loopback.
        local |= sys.platform == "win32" and str(arguments[1][0]) in ("127.0.0.1", "::1")
    else:
        local = event not in _BY_NAME
    if local or _is_stand_in(event, arguments):
        return
    if event == "socket.getaddrinfo" and str(arguments[0]).endswith(_NOWHERE):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    told = f"{event} {arguments[-1] if event in _TO_AN_ADDRESS else arguments[0]!r}"
    if LOG in os.environ:
        with open(os.environ[LOG], "a", encoding="utf-8") as log:  # noqa: PTH123  no import of it
            log.write(f"{sys.argv[:2]}: {told}\n")
    raise RuntimeError(f"a test tried to use the network: {told}")


def _is_stand_in(event, arguments):
    if event == "socket.connect":
        host, port = arguments[1][:2]
    elif event == "socket.getaddrinfo":
        host, port = arguments[:2]
    else:
        return False
    return host == "127.0.0.1" and f"{host}:{port}" in os.environ.get(HUBS, "").split()


sys.addaudithook(_refuse)
