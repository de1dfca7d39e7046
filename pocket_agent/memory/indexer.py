"""Embeds turns and facts in the background: new ones, and those a crash left behind."""

import threading
import time

from pocket_agent.errors import DiskFullError, PocketAgentError
from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.fact_vectors import FactText
from pocket_agent.memory.passages import Passage, mean
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector

RETRY = 5.0
"""Seconds until another try where turns wait for an embedder that is not ready."""
PATIENCE = 300.0
"""Seconds that a batch may take before the embedder is given up for now."""


class Indexer:
    """A daemon thread between the store and the embedder. It starts the embedder when needed.

    Args:
        batch: turns stored at a time: what a crash costs, and how long a pause takes to begin
            (a quarter of a second for eight).
    """

    def __init__(self, store: Store, embedder: Embedder, batch: int = 8) -> None:
        self._store = store
        self._embedder = embedder
        self._batch = batch
        self._wake = threading.Event()
        self._running = threading.Event()  # cleared while paused
        self._running.set()
        self._idle = threading.Event()
        self._closed = False
        self._full = False
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be new turns."""
        self._idle.clear()
        self._wake.set()

    def pause(self) -> None:
        """Leave the processor to others (the reply streams) until `resume`."""
        self._running.clear()

    def resume(self) -> None:
        """Go on, and look at once."""
        self._running.set()
        self.wake()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until every turn and fact has its vector.

        Returns:
            False if not all have one after `timeout` seconds, or the disk is full.
        """
        end = time.monotonic() + timeout
        while not self._idle.wait(min(0.1, max(0.0, end - time.monotonic()))):
            if self._full or time.monotonic() >= end:
                return False
        return True

    def close(self) -> None:
        """End the thread; what is not embedded yet is, the next time. Safe to call twice."""
        self._closed = True
        self._running.set()
        self._wake.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        while not self._closed and self._embedder.model_id:
            self._wake.clear()
            try:
                self._catch_up()
                self._full = False
            except PocketAgentError as error:  # a later look may fare better
                self._full = isinstance(error, DiskFullError)
                self._idle.clear()
            self._wake.wait(None if self._idle.is_set() else RETRY)

    def _catch_up(self) -> None:
        """Embed until nothing is left, or the embedder is not ready."""
        while not self._closed:
            self._running.wait()
            forgettings = self._store.forgettings
            facts = self._store.unembedded_facts(self._embedder.model_id, self._batch)
            passages = self._store.unembedded(self._embedder.model_id, self._batch)
            if not (facts or passages):
                self._store.forget_other_vectors(self._embedder.model_id)
                self._idle.set()
                return
            self._embedder.start()
            if not self._wait_ready():
                return
            if facts:  # first: they are few, and each may be wanted with the next message
                self._index_facts(facts, forgettings)
            else:
                self._index(passages, forgettings)

    def _wait_ready(self) -> bool:
        """Wait for the embedder, but not for long after `close`."""
        end = time.monotonic() + RETRY
        while not self._closed and time.monotonic() < end:
            if self._embedder.wait_ready(0.1):
                return True
        return False

    def _index_facts(self, facts: list[FactText], forgettings: int) -> None:
        vectors = self._embedder.embed([str(fact) for fact in facts], timeout=PATIENCE)
        made = list(zip(facts, vectors, strict=True))
        self._store.put_fact_vectors(self._embedder.model_id, made, forgettings)

    def _index(self, passages: list[Passage], forgettings: int) -> None:
        pairs = [(p.number, part, *texts) for p in passages for part, texts in enumerate(p.texts())]
        texts = list(dict.fromkeys(text for _, _, *both in pairs for text in both))
        vectors = dict(zip(texts, self._embedder.embed(texts, timeout=PATIENCE), strict=True))
        found = [
            PartVector(number, part, mean(vectors[alone], vectors[after]))
            for number, part, alone, after in pairs
        ]
        self._store.put_vectors(self._embedder.model_id, found, forgettings)
