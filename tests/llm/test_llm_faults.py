"""What goes wrong is one clear message, and the engine works again afterwards."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from gguf_files import changed_copy, gguf, model_values, string, u32
from talking import FOREVER, STORY, chat, run

from pocket_agent.errors import EngineDiedError, ModelError
from pocket_agent.llm import engine as engine_module
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.gguf_header import read_header
from pocket_agent.llm.models import ModelShelf, bundled_model
from pocket_agent.llm.protocol import ContextName, LoadSpec, Message, Request, Role

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

BAD_FILES = {
    "empty": (b"", "is empty"),
    "text": (b"Dear diary, today I wrote a model.\n" * 9, "is not a GGUF file"),
    "cut short": (gguf(model_values())[:-300], "is cut short"),
    "nonsense": (gguf(model_values()), r"can't load .* \(error loading model hyperparameters"),
}


@pytest_asyncio.fixture(loop_scope="module")
async def fresh() -> AsyncIterator[LlamaEngine]:
    engine = LlamaEngine()
    yield engine
    await asyncio.wait_for(engine.close(), 30)


async def test_no_model_at_all() -> None:
    with pytest.raises(ModelError, match="No model is loaded"):
        await run(LlamaEngine(), chat("Hello"))


@pytest.mark.parametrize("kind", BAD_FILES)
async def test_bad_files(fresh: LlamaEngine, tmp_path: Path, kind: str) -> None:
    data, message = BAD_FILES[kind]
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=message) as caught:
        await fresh.load(LoadSpec(path))
    assert "\n" not in str(caught.value)
    assert caught.value.todo
    assert caught.value.exit_code == 1
    assert fresh.info is None


async def test_missing_files_and_folders(fresh: LlamaEngine, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model file"):
        await fresh.load(LoadSpec(tmp_path / "none.gguf"))
    with pytest.raises(ModelError, match="is a folder"):
        await fresh.load(LoadSpec(tmp_path))


async def test_a_failed_load_keeps_the_model_that_was_there(
    shared: LlamaEngine, tmp_path: Path
) -> None:
    pid = shared.pid
    with pytest.raises(ModelError):
        await shared.load(LoadSpec(tmp_path / "none.gguf"))
    _, last = await run(shared, chat("Name a fish."))
    assert last.finish in ("stop", "length")
    assert shared.pid == pid


async def test_a_file_that_kills_llama_cpp_is_one_message(
    fresh: LlamaEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = bundled_model()
    assert bundled is not None
    deadly = changed_copy(bundled, tmp_path / "deadly.gguf", llama__block_count=u32(2**31))
    with pytest.raises(ModelError, match="block_count is 2147483648"):
        await fresh.load(LoadSpec(deadly))
    # Past our own check it ends the child, not us.
    monkeypatch.setattr(engine_module, "check_model", read_header)
    with pytest.raises(EngineDiedError, match=r"deadly\.gguf") as caught:
        await fresh.load(LoadSpec(deadly))
    assert "damaged" in caught.value.todo
    deadly.unlink()


async def test_an_unknown_architecture_is_named(fresh: LlamaEngine, tmp_path: Path) -> None:
    values = model_values(general__architecture=string("llama9"))
    renamed = {key.replace("llama.", "llama9."): raw for key, raw in values.items()}
    path = tmp_path / "new.gguf"
    path.write_bytes(gguf(renamed))
    with pytest.raises(ModelError, match="unknown model architecture: 'llama9'"):
        await fresh.load(LoadSpec(path))


async def test_a_death_while_speaking_is_one_message_and_then_it_works_again(
    shared: LlamaEngine,
) -> None:
    stream = shared.stream(Request(ContextName.CHAT, STORY, sampling=FOREVER))
    await anext(stream)
    pid = shared.pid
    assert pid is not None
    os.kill(pid, signal.SIGABRT if sys.platform != "win32" else signal.SIGTERM)
    with pytest.raises(EngineDiedError, match="ended unexpectedly") as caught:
        async for _ in stream:
            pass
    assert "\n" not in str(caught.value)
    assert shared.pid is None
    _, last = await run(shared, chat("Name a fish."))
    assert last.finish in ("stop", "length")
    assert shared.pid not in (None, pid)


async def noticed(engine: LlamaEngine) -> None:
    """Wait until the death is known; on a busy machine that takes more than a moment."""
    deadline = time.monotonic() + 60
    while engine.pid is not None and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


async def test_a_stream_is_stopped_while_its_dead_child_is_started_again(
    shared: LlamaEngine,
) -> None:
    await shared.count(STORY)
    pid = shared.pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    await noticed(shared)
    speaking = asyncio.ensure_future(
        run(shared, Request(ContextName.CHAT, STORY, sampling=FOREVER))
    )
    await asyncio.sleep(0)
    await shared.cancel(ContextName.CHAT)
    text, last = await speaking
    assert (text, last.finish) == ("", "cancelled")
    _, last = await run(shared, chat("Name a fish."))
    assert last.finish in ("stop", "length")


async def test_a_death_in_silence_is_not_even_noticed(shared: LlamaEngine) -> None:
    await shared.count(STORY)
    pid = shared.pid
    assert pid is not None
    psutil.Process(pid).kill()
    await noticed(shared)
    assert len(await shared.count(STORY)) == 1
    assert shared.pid not in (None, pid)


async def test_after_a_death_even_a_lost_copy_is_made_again(
    shelf: ModelShelf, fresh: LlamaEngine, tmp_path: Path
) -> None:
    spec = replace(shelf.load_spec(chat_tokens=256), requantize_in=tmp_path)
    info = await fresh.load(spec)
    assert info.path.parent == tmp_path
    info.path.unlink()
    assert fresh.pid is not None
    psutil.Process(fresh.pid).kill()
    await noticed(fresh)
    assert len(await fresh.count(STORY)) == 1
    assert info.path.is_file()


async def test_cancelling_a_load_leaves_no_process(shelf: ModelShelf) -> None:
    before = set(psutil.Process().children())
    engine = LlamaEngine()
    loading = asyncio.create_task(engine.load(shelf.load_spec()))
    await asyncio.sleep(0.2)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert set(psutil.Process().children()) <= before
    assert engine.info is None


async def test_closing_twice_and_using_it_afterwards(shelf: ModelShelf) -> None:
    engine = LlamaEngine()
    await engine.load(shelf.load_spec(chat_tokens=256))
    pid = engine.pid
    await engine.close()
    await engine.close()
    assert engine.info is None
    assert pid is not None
    assert not psutil.pid_exists(pid)
    with pytest.raises(ModelError, match="No model is loaded"):
        await run(engine, chat("Hello"))


async def test_closing_while_it_speaks_ends_the_stream(shelf: ModelShelf) -> None:
    engine = LlamaEngine()
    await engine.load(shelf.load_spec(chat_tokens=512))
    stream = engine.stream(Request(ContextName.CHAT, STORY, sampling=FOREVER))
    await anext(stream)
    await engine.close()
    rest = [piece async for piece in stream]
    assert rest[-1].finish == "cancelled"


async def test_nothing_is_printed(
    shelf: ModelShelf, fresh: LlamaEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    await fresh.load(shelf.load_spec(chat_tokens=256))
    with pytest.raises(ModelError):
        await run(fresh, Request(ContextName.CHAT, STORY, grammar="root ::= ("))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["llama_cpp.py", "json.py"])
async def test_files_in_the_current_folder_are_not_imported(
    shelf: ModelShelf,
    fresh: LlamaEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    (tmp_path / name).write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    info = await fresh.load(shelf.load_spec(chat_tokens=256))
    assert info.layers == 31


_PARENT = """
import asyncio, sys
from pathlib import Path
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import LoadSpec

async def main():
    engine = LlamaEngine()
    await engine.load(LoadSpec(Path(sys.argv[1]), chat_tokens=256))
    print(engine.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_the_child_dies_with_its_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(bundled_model())], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(await asyncio.to_thread(parent.stdout.readline))
        assert psutil.pid_exists(child)
        parent.kill()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(child) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert not psutil.pid_exists(child)


async def test_another_version_of_the_binding_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    from pocket_agent.llm.binding import load_binding

    other = types.ModuleType("llama_cpp")
    other.__version__ = "0.2.1"
    monkeypatch.setitem(sys.modules, "llama_cpp", other)
    with pytest.raises(ModelError, match=r"llama-cpp-python 0\.2\.1 lacks llama_") as caught:
        load_binding()
    assert "pip install llama-cpp-python==" in caught.value.todo
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(ModelError, match="can't be loaded"):
        load_binding()


async def test_messages_of_any_role_order_are_answered(shared: LlamaEngine) -> None:
    odd = (Message(Role.ASSISTANT, "Hi."), Message(Role.SYSTEM, "Be brief."))
    _, last = await run(shared, Request(ContextName.CHAT, odd))
    assert last.finish is not None


async def test_a_child_that_talks_nonsense_is_replaced(shared: LlamaEngine) -> None:
    loaded = shared._loaded
    assert loaded is not None
    stream = shared.stream(Request(ContextName.CHAT, STORY, sampling=FOREVER))
    await anext(stream)
    pid, stdout = shared.pid, loaded.child._process.stdout
    assert stdout is not None
    stdout.feed_data(b"Segmentation fault (not really)\n")
    with pytest.raises(EngineDiedError):
        async for _ in stream:
            pass
    _, last = await run(shared, chat("Name a fish."))
    assert last.finish in ("stop", "length")
    assert shared.pid not in (None, pid)
