"""The process that embeds: sentence-transformers, apart from the program that people type in.

Run as `python -m pocket_agent.memory.embed_child FOLDER PARENT THREADS BATCH`. Its standard input
brings frames `{"id", "texts", "urgent"}`; its standard output carries `{"ready": true}` once, then
for each frame `{"id"}` with 384 float32 values a text, or `{"id", "error"}`. It ends when its input
does.
"""

import gc
import os
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pocket_agent.memory.framing import read_frame, write_frame


@dataclass(slots=True)
class _Job:
    number: int
    texts: list[str]
    done: list[bytes] = field(default_factory=list)


class _Queue:
    """What is to be embedded; questions go before turns."""

    def __init__(self) -> None:
        self._urgent: deque[_Job] = deque()
        self._bulk: deque[_Job] = deque()
        self._filled = threading.Condition()

    def put(self, job: _Job, urgent: bool) -> None:
        with self._filled:
            (self._urgent if urgent else self._bulk).append(job)
            self._filled.notify()

    def first(self) -> _Job:
        """Wait for a job; it stays in the queue until `drop`."""
        with self._filled:
            self._filled.wait_for(lambda: self._urgent or self._bulk)
            return (self._urgent or self._bulk)[0]

    def drop(self, job: _Job) -> None:
        with self._filled:
            (self._urgent if job in self._urgent else self._bulk).remove(job)


def main() -> None:
    """Load the model, then embed until the input ends."""
    folder, (parent, threads, batch) = sys.argv[1], map(int, sys.argv[2:])
    replies = _take_stdout()
    queue = _Queue()
    threading.Thread(target=_listen, args=(queue,), daemon=True).start()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(10)  # never at the expense of the model that answers
    try:
        model = _load(folder, threads)
    except Exception as error:
        write_frame(replies, {"ready": False, "problem": f"{type(error).__name__}: {error}"})
        return
    write_frame(replies, {"ready": True})
    while True:
        _work(queue, model, replies, batch)


def _work(queue: _Queue, model: Any, replies: BinaryIO, batch: int) -> None:
    """Embed the next few texts of the first job, and answer if it is done."""
    job = queue.first()
    texts = job.texts[len(job.done) : len(job.done) + batch]
    header: dict[str, Any] = {"id": job.number}
    try:
        job.done += _embed(model, texts)
    except Exception as error:
        header["error"] = type(error).__name__
        job.done = []
    if "error" in header or len(job.done) == len(job.texts):
        queue.drop(job)
        write_frame(replies, header, b"".join(job.done))


def _embed(model: Any, texts: list[str]) -> list[bytes]:
    if not texts:
        return []
    found = model.encode(texts, batch_size=len(texts), show_progress_bar=False)
    return [row.astype("<f4").tobytes() for row in found]


def _take_stdout() -> BinaryIO:
    """Keep standard output for frames alone: what libraries print goes nowhere."""
    replies = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    return replies


def _listen(queue: _Queue) -> None:
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        header, _ = frame
        queue.put(_Job(header["id"], header["texts"]), header["urgent"])
    os._exit(0)


def _watch(parent: int) -> None:
    """A second look, should another process hold the end of our input open.

    PR_SET_PDEATHSIG would be simpler, but it fires when the *thread* that started us ends.
    """
    while hasattr(os, "getppid") and os.name == "posix" and os.getppid() == parent:
        time.sleep(1)
    if os.name == "posix":
        os._exit(0)


def _load(folder: str, threads: int) -> Any:
    from pocket_agent.memory.slim_import import import_slim

    transformer = import_slim()
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    model = transformer(folder, device="cpu", local_files_only=True)
    model.encode(["warm"], show_progress_bar=False)
    gc.collect()
    gc.freeze()
    return model


if __name__ == "__main__":
    main()
