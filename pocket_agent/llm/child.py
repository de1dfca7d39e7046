"""The process that runs llama.cpp: reads requests as lines on stdin, answers on stdout.

A listener thread flags cancellations, and a counter thread answers what is quick; the main thread
computes, one request at a time, in the order they came. The process ends when its stdin does.
"""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

_SPIN = {"GOMP_SPINCOUNT": "1000"}
LOG_VARIABLE = "POCKET_AGENT_ENGINE_LOG"
"""A file that receives llama.cpp's log; for people who debug."""

_PROGRESS_STEP = 0.02

for _name, _value in _SPIN.items():
    os.environ.setdefault(_name, _value)  # before llama.cpp's threads exist

from pocket_agent.errors import ModelError, PocketAgentError  # noqa: E402
from pocket_agent.llm import wire  # noqa: E402
from pocket_agent.llm.generation import Runtime, generate  # noqa: E402
from pocket_agent.llm.lifeline import die_with_parent, ignore_interrupts  # noqa: E402
from pocket_agent.llm.loading import Backend  # noqa: E402
from pocket_agent.llm.protocol import Piece, Usage  # noqa: E402
from pocket_agent.llm.wire import Record  # noqa: E402


class Child:
    """Serves one engine over a pair of pipes."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests, self._replies = requests, replies
        self._writing = threading.Lock()
        self._waiting: deque[Record] = deque()
        self._to_count: queue.SimpleQueue[Record] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._running: int | None = None
        self._stop = False
        self._backend: Backend | None = None
        self._runtime: Runtime | None = None

    def serve(self) -> None:
        """Work until the process ends."""
        # A slow chat template must not keep a cancellation from being heard: hence two threads.
        for name, work in (("listener", self._listen), ("counter", self._count_all)):
            threading.Thread(target=work, name=name, daemon=True).start()
        self._guarded(0, self._hello)
        while True:
            record = self._next()
            operation = self._load if record["op"] == "load" else self._generate
            self._guarded(record["id"], operation, record)

    def _hello(self) -> None:
        self._backend = Backend(echo=LOG_VARIABLE in os.environ)
        self._send(0, wire.pack_hello(self._backend.devices, self._backend.backends))

    def _next(self) -> Record:
        with self._changed:
            self._running = None
            self._changed.wait_for(lambda: self._waiting)
            record = self._waiting.popleft()
            self._running, self._stop = record["id"], False
            return record

    def _listen(self) -> None:
        for line in self._requests:
            record = wire.decode(line)
            if record["op"] == "cancel":
                self._cancel(record["target"])
            elif record["op"] == "count":
                self._to_count.put(record)
            else:
                with self._changed:
                    self._waiting.append(record)
                    self._changed.notify()
        os._exit(0)  # the engine is gone; llama.cpp may be in the middle of something

    def _cancel(self, target: int) -> None:
        with self._changed:
            if self._running == target:
                self._stop = True
                return
            kept = [record for record in self._waiting if record["id"] != target]
            if len(kept) == len(self._waiting):
                return  # it has ended meanwhile
            self._waiting = deque(kept)
        nothing = Usage(prompt=0, cached=0, completion=0, first_token_s=0.0, decode_s=0.0)
        self._send(target, wire.pack_piece(Piece("", "cancelled", nothing)))

    def _load(self, record: Record) -> None:
        if self._backend is None:
            raise ModelError("llama.cpp could not be started")

        shown = -1.0

        def progress(done: float) -> None:
            nonlocal shown
            if done - shown >= _PROGRESS_STEP:
                shown = done
                self._send(record["id"], {"kind": "progress", "done": done})

        self._runtime, info = self._backend.load(
            wire.unpack_spec(record["spec"]),
            wire.unpack_placement(record["placement"]),
            lambda: self._stop,
            progress,
        )
        self._send(record["id"], {"kind": "done", "info": wire.pack_info(info)})

    def _generate(self, record: Record) -> None:
        request = wire.unpack_request(record["request"])
        generate(
            self._loaded(),
            request,
            lambda piece: self._send(record["id"], wire.pack_piece(piece)),
            lambda: self._stop,
        )

    def _count_all(self) -> None:
        while True:
            record = self._to_count.get()
            self._guarded(record["id"], self._count, record)

    def _count(self, record: Record) -> None:
        counts = self._loaded().count(wire.unpack_messages(record["messages"]))
        self._send(record["id"], {"kind": "done", "counts": counts})

    def _loaded(self) -> Runtime:
        if self._runtime is None:
            raise ModelError("No model is loaded")
        return self._runtime

    def _guarded(self, call: int, work: Callable[..., None], *args: Record) -> None:
        """Do it; an error becomes the reply."""
        try:
            work(*args)
        except PocketAgentError as error:
            self._send(call, wire.pack_error(error))
        except Exception as error:
            unexpected = ModelError(f"The model's process failed ({type(error).__name__}: {error})")
            self._send(call, wire.pack_error(unexpected))

    def _send(self, call: int, record: Record) -> None:
        with self._writing:
            try:
                self._replies.write(wire.encode({"id": call} | record))
                self._replies.flush()
            except OSError:
                os._exit(0)


def main() -> None:
    """Take stdin and stdout as the pipes; native code gets none of them."""
    die_with_parent()
    ignore_interrupts()
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    _silence()
    Child(requests, replies).serve()


def _silence() -> None:
    """Point the standard descriptors away from the pipes: llama.cpp prints to them."""
    log = os.environ.get(LOG_VARIABLE, os.devnull)
    quiet = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)


if __name__ == "__main__":
    main()
