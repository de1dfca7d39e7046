"""A model hub on this computer's own loopback: a hub and a storage beside it, as the real one has.

It can be told to drop connections, to send other bytes, to do no ranges, to refuse, to say nothing.
"""

import hashlib
import re
import socket
import socketserver
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.0.1"


@dataclass
class Manners:
    """How the hub behaves.

    Args:
        status: what the hub answers instead, with `headers`. silent: it never answers.
        storage: statuses that the storage answers with first, one for each request.
        drops: after how many bytes each of the next answers breaks off.
        stalls: after so many bytes it sends nothing more until it is `released`.
        resets: whether it breaks off with a reset rather than an end.
        ranges: whether a part may be asked for. wrong: it sends other bytes of the same number.
        more: it sends bytes that the file doesn't have. size: what it claims the size is.
        etag: what it says instead of the SHA-256.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    storage: list[int] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    stalls: int = 0
    resets: bool = False
    ranges: bool = True
    wrong: bool = False
    more: bool = False
    size: int = 0
    etag: str = ""
    location: str = ""


class StandInHub:
    """Serves files by their address, OWNER/REPO/FILE."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.manners = Manners()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.released = threading.Event()
        self.stalled = threading.Event()
        self._hub = self._serve(_Hub)
        self._storage = self._serve(_Storage)

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}"

    @property
    def address(self) -> str:
        return f"{HOST}:{self._hub.server_address[1]}"

    @property
    def addresses(self) -> list[str]:
        return [self.address, f"{HOST}:{self._storage.server_address[1]}"]

    def keep(self, address: str, data: bytes) -> str:
        """Have a file; returns its SHA-256."""
        self.files[address] = data
        return hashlib.sha256(data).hexdigest()

    def ranges(self) -> list[str]:
        """What parts were asked of the storage, in order; empty for the whole."""
        return [h.get("Range", "") for way, path, h in self.asked if path.startswith("/stored/")]

    def stop(self) -> None:
        self.released.set()
        for server in (self._hub, self._storage):
            server.shutdown()
            server.server_close()

    def _serve(self, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
        server = _Server((HOST, 0), handler)
        server.daemon_threads = True
        server.stand_in = self
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # the other one looks up its own name
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, *_: Any) -> None:
        """Whoever asked is gone: so it should be."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> StandInHub:
        return self.server.stand_in

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def answer(self, code: int, **headers: str) -> None:
        self.send_response(code)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def note(self) -> None:
        headers = {name.title(): value for name, value in self.headers.items()}
        self.hub.asked.append((self.command, self.path, headers))


class _Hub(_Handler):
    def do_HEAD(self) -> None:
        self.note()
        manners = self.hub.manners
        if manners.silent:
            self.hub.released.wait()
            return
        if manners.status:
            self.answer(manners.status, **manners.headers)
            return
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/main/(.+)", self.path)
        address = f"{found[1]}/{found[2]}" if found else ""
        if address not in self.hub.files:
            self.answer(404, X_Error_Code="EntryNotFound")
            return
        data = self.hub.files[address]
        etag = manners.etag or hashlib.sha256(data).hexdigest()
        where = manners.location or f"http://{self.hub.addresses[1]}/stored/{address}"
        self.answer(
            302,
            Location=where,
            X_Linked_Etag=f'"{etag}"',
            X_Linked_Size=str(manners.size or len(data)),
            X_Repo_Commit="0" * 40,
        )


class _Storage(_Handler):
    def do_GET(self) -> None:
        self.note()
        manners = self.hub.manners
        if manners.storage:
            self.answer(manners.storage.pop(0))
            return
        data = self.hub.files[self.path.removeprefix("/stored/")]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and manners.ranges else 0
        if manners.wrong:
            data = bytes(byte ^ 1 for byte in data)
        if manners.more:
            data += b"more than that"
        self._send(data, start, bool(asked) and manners.ranges)

    def _send(self, data: bytes, start: int, part: bool) -> None:
        self.send_response(206 if part else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if part:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        manners = self.hub.manners
        if manners.stalls:
            self.wfile.write(data[start : start + manners.stalls])
            self.wfile.flush()
            self.hub.stalled.set()
            self.hub.released.wait()
            return
        if not manners.drops:
            self.wfile.write(data[start:])
            return
        self.wfile.write(data[start : start + manners.drops.pop(0)])
        self.wfile.flush()
        if manners.resets:  # no lingering: what is on its way is lost
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
        self.close_connection = True
        self.connection.close()
