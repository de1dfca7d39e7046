"""How long the first token of a resumed conversation takes, and what a kept cache would cost.

`python -m benchmarks.resume [--tokens 3000]`: one run, so read the ratios. It prints JSON:

- `cold_s`: the first token after a restart, the whole history computed while the person waits.
- `ahead_s`: the same where the history was read ahead (`assistant.warming`).
- `state_mib`, `save_s`, `restore_s`: the size of the chat context's state, and copying it.
- `write_s`, `read_s`: into and out of an SQLite file like a profile, with secure deletion.
"""

import argparse
import asyncio
import ctypes
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import apsw

from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.loading import Backend
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.offload import Placement
from pocket_agent.llm.protocol import ContextName, LoadSpec, Message, Request, Role, Sampling
from pocket_agent.paths import locate

_LINE = "The weather by the sea was calm and the ship went on with its load of figs. "
_NEW = "And what did the captain say of the storm that was to come in the evening, at home?"
_PIECE = 2**20


def main() -> None:
    """Measure, and print one object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tokens", type=int, default=3000, help="of history (default: 3000)")
    tokens = parser.parse_args().tokens
    with tempfile.TemporaryDirectory() as home:
        places = locate(home)
        places.prepare()
        spec = ModelShelf(places).load_spec(gpu_layers=0)
        cold, ahead, file = asyncio.run(_first_tokens(spec, tokens))
        found = {"tokens": tokens, "cold_s": cold, "ahead_s": ahead, "ratio": cold / ahead}
        found |= _state(file, tokens, Path(home))
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


async def _first_tokens(spec: LoadSpec, tokens: int) -> tuple[float, float, Path]:
    engine = LlamaEngine()
    try:
        info = await engine.load(spec)
        (each,) = await engine.count((Message(Role.USER, _LINE * 40),))
        history = _LINE * max(1, 40 * tokens // each)
        first = await _first_token(engine, history, _NEW)
        await _first_token(engine, "Something else.", "")  # the cache as after a restart
        await _first_token(engine, history, "", most=0)
        return first, await _first_token(engine, history, _NEW), info.path
    finally:
        await engine.close()


async def _first_token(engine: LlamaEngine, history: str, new: str, most: int = 1) -> float:
    """Seconds from the request to its end."""
    said = (Message(Role.USER, history), Message(Role.ASSISTANT, "Yes."), Message(Role.USER, new))
    sampling = Sampling(temperature=0.0, max_tokens=most)
    start = time.perf_counter()
    async for _ in engine.stream(Request(ContextName.CHAT, said, sampling=sampling)):
        pass
    return time.perf_counter() - start


def _state(file: Path, tokens: int, folder: Path) -> dict[str, float]:
    backend = Backend()
    spec = LoadSpec(file, 4096, 0)
    runtime, _ = backend.load(spec, Placement(), stopped=lambda: False)
    context, lib = runtime.context(ContextName.CHAT), backend.lib
    context.prefill(runtime.model.tokenize(_LINE * tokens, special=False)[:tokens])
    size = lib.llama_state_seq_get_size(context.pointer, 0)
    state = (ctypes.c_uint8 * size)()
    start = time.perf_counter()
    lib.llama_state_seq_get_data(context.pointer, state, size, 0)
    saved = time.perf_counter()
    context.keep(0)
    cleared = time.perf_counter()
    lib.llama_state_seq_set_data(context.pointer, state, size, 0)
    restored = time.perf_counter() - cleared
    kept = {"state_mib": size / 2**20, "save_s": saved - start, "restore_s": restored}
    return kept | _through_sqlite(bytes(state), folder / "state.db")


def _through_sqlite(state: bytes, path: Path) -> dict[str, float]:
    start = time.perf_counter()
    database = _open(path)
    database.execute("CREATE TABLE IF NOT EXISTS state (part INTEGER PRIMARY KEY, data BLOB)")
    with database:
        for at in range(0, len(state), _PIECE):
            database.execute("INSERT INTO state VALUES (?, ?)", (at, state[at : at + _PIECE]))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.close()
    written = time.perf_counter()
    database = _open(path)
    back = b"".join(row[0] for row in database.execute("SELECT data FROM state ORDER BY part"))
    database.close()
    assert back == state
    return {"write_s": written - start, "read_s": time.perf_counter() - written}


def _open(path: Path) -> Any:
    database = apsw.Connection(str(path))
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA secure_delete = ON")
    return database


if __name__ == "__main__":
    main()
