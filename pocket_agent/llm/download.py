"""A file of a hub, brought to a folder: resumed where it stopped, checked byte for byte.

huggingface-hub is asked what the file is (size, SHA-256, where it lies). Its own download is not
used: it names its unfinished files anew in each process and deletes them at the end, so that a
download that was killed can't be gone on with, and it does not compare the SHA-256. What is left
to do is a request with a Range, which its HTTP client does. Runs in `hub_child` alone.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from pocket_agent.errors import DiskFullError, ModelError
from pocket_agent.llm.hub_client import Hub, LinkExpiredError, LostError, Remote, Stream

SPARE = 256 * 1024 * 1024
"""Bytes of disk to leave free."""
_CHUNK = 1024 * 1024
_EVERY_S = 0.1
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_AGAIN = "Try again; if it happens again, get the file elsewhere."
_SHA256 = re.compile(r"[0-9a-f]{64}")

Say = Callable[..., None]
"""Called with a kind and its fields: at(done, size), note(text)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be brought.

    Args:
        endpoint: address of the hub. repo, file: the file on it.
        folder, name: where it goes: NAME.gguf in the folder.
        sha256: what the file must be; empty takes the hub's word.
        tries: how often a lost connection is taken up again without anything coming.
        wait_s: seconds before the first of these, doubled each time.
        patience_s: seconds without an answer that count as lost.
    """

    endpoint: str
    repo: str
    file: str
    folder: Path
    name: str
    sha256: str = ""
    tries: int = 4
    wait_s: float = 1.0
    patience_s: float = 20.0

    @property
    def what(self) -> str:
        return f"{self.repo}/{self.file}"


def download(order: Order, say: Say) -> Path:
    """Bring the file, or the rest of it.

    Returns:
        The file, whole and checked.

    Raises:
        ModelError: the hub doesn't give it, or gives something else. DiskFullError: no room.
    """
    hub = Hub(order.endpoint, order.what, order.patience_s)
    remote = hub.look_up(order.repo, order.file)
    _check(order, remote, hub.host)
    target = order.folder / f"{order.name}.gguf"
    if target.exists():
        return _already(target, remote)
    part = order.folder / f"{order.name}.{remote.sha256[:12]}.part"
    with _opened(part) as file:
        transfer = _Transfer(order, hub, remote, file, say)
        transfer.take_up()
        _check_space(order.folder, remote.size - transfer.done)
        transfer.finish()
        if transfer.sha256 != remote.sha256:
            part.unlink()
            raise ModelError(
                f"{hub.host} sent wrong bytes for {order.what}; they were thrown away",
                _AGAIN,
            )
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
    return target


class _Transfer:
    """The bytes that are there, their hash, and the way to the rest."""

    def __init__(self, order: Order, hub: Hub, remote: Remote, file: BinaryIO, say: Say) -> None:
        self._order, self._hub, self._remote = order, hub, remote
        self._file, self._say = file, say
        self._digest = hashlib.sha256()
        self._said = 0.0
        self.done = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def take_up(self) -> None:
        """Read what an earlier run has left."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            self._digest.update(chunk)
            self.done += len(chunk)
        if self.done > self._remote.size:
            self._start_over()
        self._tell(force=True)

    def finish(self) -> None:
        """Fetch what is missing, taking up a lost connection again."""
        tries, wait = self._order.tries, self._order.wait_s
        while self.done < self._remote.size:
            before = self.done
            try:
                self._fetch()
            except LinkExpiredError as error:  # the address of the bytes holds for an hour
                if self.done == before and tries <= 0:
                    raise error.refusal from error
                self._remote = self._same(self._hub.look_up(self._order.repo, self._order.file))
                tries -= 1
            except LostError as error:
                if self.done > before:  # something came: patience begins anew
                    tries, wait = self._order.tries, self._order.wait_s
                if tries <= 0:
                    raise _with_share(error.refusal, self.done, self._remote.size) from error
                share = 100 * self.done // self._remote.size
                self._say("note", text=f"the connection was lost at {share} %; going on")
                time.sleep(wait)
                tries, wait = tries - 1, wait * 2
        self._tell(force=True)

    def _fetch(self) -> None:
        before = self.done
        with self._hub.stream(self._remote.location, self.done) as stream:
            if stream.start == 0:  # maybe though the rest was asked for: not every server can
                self._start_over()
            elif stream.start != self.done:
                raise ModelError(f"{stream.host} sends another part than was asked for", _AGAIN)
            for chunk in stream.chunks():
                self._keep(chunk, stream)
        if self.done == before:
            refusal = ModelError(f"{self._hub.host} sends nothing", "Try again later.")
            raise LostError(refusal)

    def _keep(self, chunk: bytes, stream: Stream) -> None:
        if self.done + len(chunk) > self._remote.size:
            self._start_over()
            self._file.flush()
            raise ModelError(
                f"{stream.host} sends more bytes than {self._order.what} has; all were thrown away",
                _AGAIN,
            )
        try:
            self._file.write(chunk)
            self._file.flush()
        except OSError as error:
            raise _not_written(error) from error
        self._digest.update(chunk)
        self.done += len(chunk)
        self._tell()

    def _start_over(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._digest, self.done = hashlib.sha256(), 0

    def _same(self, remote: Remote) -> Remote:
        if remote.sha256 != self._remote.sha256:
            raise ModelError(
                f"{self._order.what} was changed on the hub in the middle of it",
                "Run the same again to get the new one.",
            )
        return remote

    def _tell(self, force: bool = False) -> None:
        now = time.monotonic()
        if force or now - self._said > _EVERY_S:
            self._said = now
            self._say("at", done=self.done, size=self._remote.size)


def _check(order: Order, remote: Remote, host: str) -> None:
    if not _SHA256.fullmatch(remote.sha256) or remote.size <= 0:
        raise ModelError(
            f"{host} tells no SHA-256 of {order.what}, so it can't be checked",
            "Choose a model file (.gguf), or get it elsewhere and: pocket-agent models add FILE",
        )
    if order.sha256 and remote.sha256 != order.sha256:
        raise ModelError(
            f"{order.what} is another file now than the one the catalogue names",
            f"If you trust it all the same: pocket-agent models pull {order.what}",
        )


def _already(target: Path, remote: Remote) -> Path:
    """The file of an earlier pull that was not put on the shelf, if it is that one."""
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == remote.sha256:
            return target
    raise ModelError(
        f"There is another file at {target}", "Move it away, or pull with another --name."
    )


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed and free < needed + SPARE:
        raise DiskFullError(
            f"The download needs {_gb(needed + SPARE)} and {_gb(free)} are free in {folder}",
            "Free some space, or choose a smaller model.",
        )


@contextlib.contextmanager
def _opened(part: Path) -> Iterator[BinaryIO]:
    """The unfinished file, for us alone.

    Raises:
        ModelError: another process is at it. DiskFullError: there is no room for it.
    """
    try:
        number = os.open(part, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as error:
        raise _not_written(error) from error
    with os.fdopen(number, "r+b") as file:
        _lock(file)
        yield file


def _lock(file: BinaryIO) -> None:
    try:
        import fcntl
    except ImportError:  # Windows refuses to rename what another process has open
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ModelError("This model is being pulled already", "Wait for that to end.") from error


def _not_written(error: OSError) -> ModelError | DiskFullError:
    if error.errno in _FULL:
        return DiskFullError(
            "The disk is full; what came so far stays", "Free some space and run the same again."
        )
    return ModelError(f"The file can't be written ({error.strerror or error})")


def _with_share(error: ModelError, done: int, size: int) -> ModelError:
    """The failure, and how much of the file stays."""
    return ModelError(
        f"{error.what} at {100 * done // size} %", f"{error.todo} What came so far stays."
    )


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"


def endpoint_from(environment: Any) -> str:
    """The hub's address: HF_ENDPOINT, or the usual one.

    Raises:
        ModelError: HF_ENDPOINT is no address.
    """
    endpoint = str(environment.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(
            f"HF_ENDPOINT is no address of a hub: {endpoint[:60]!r}", "Unset it, or correct it."
        )
    return endpoint
