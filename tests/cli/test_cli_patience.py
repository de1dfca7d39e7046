"""Where nobody waits for a first token, recall waits for the vector of the question."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocket_agent.cli import demo
from pocket_agent.cli.memory import PATIENCE_S, recall_patiently, wait_for
from pocket_agent.memory.embedder import Embedder, EmbeddingModel
from pocket_agent.memory.indexer import Indexer
from pocket_agent.memory.recall import EMBED_SECONDS, Recaller
from pocket_agent.memory.store import Store


@pytest.fixture
def embedder() -> Iterator[Embedder]:
    embedder = Embedder()
    assert wait_for(embedder), embedder.problem
    yield embedder
    embedder.close()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the child is held by a signal")
def test_a_held_embedder_is_waited_for(embedder: Embedder, tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        store.add_user_turn(store.new_session().id, "I adopted a dog last week.")
        indexer = Indexer(store, embedder)
        try:
            assert indexer.wait_idle(120)
        finally:
            indexer.close()
        recaller = Recaller(store, embedder)
        for look in (
            lambda: [recalled.turn.text for recalled in recall_patiently(recaller, "a puppy", 3)],
            lambda: demo._recalled(recaller),
        ):
            assert embedder.pid is not None
            os.kill(embedder.pid, signal.SIGSTOP)
            threading.Timer(20 * EMBED_SECONDS, os.kill, (embedder.pid, signal.SIGCONT)).start()
            assert [line for line in look() if line.endswith("I adopted a dog last week.")]


@pytest.mark.slow
def test_an_embedder_that_can_not_start_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    embedder = Embedder(EmbeddingModel(tmp_path, "broken"))
    began = time.monotonic()
    try:
        assert not wait_for(embedder)
        assert embedder.problem
        assert time.monotonic() - began < PATIENCE_S
    finally:
        embedder.close()
