"""`pocket-agent doctor`: is everything here that is needed, and does it work?"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from pocket_agent import __version__
from pocket_agent.cli.opening import open_home
from pocket_agent.config import Settings
from pocket_agent.errors import PocketAgentError
from pocket_agent.paths import Locations

ENOUGH_DISK = 300 * 1024**2
_LIBRARIES = (
    "llama-cpp-python",
    "apsw-sqlite3mc",
    "sqlite-vec",
    "sentence-transformers",
    "textual",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `doctor`."""
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; 1 if anything is broken."""
    locations, settings = open_home(arguments)
    findings = []
    for look in (_program, _libraries, _folders, _disk, _store, _embedder, _model):
        found = _careful(look, locations, settings)
        findings.append(found)
        if not arguments.json:
            print(f"{'ok  ' if found.ok else 'FAIL'} {found.name}: {found.detail}", flush=True)
    if arguments.json:
        print(json.dumps([asdict(found) for found in findings], ensure_ascii=False))
    return 0 if all(found.ok for found in findings) else 1


Look = Callable[[Locations, Settings], Finding]


def _careful(look: Look, locations: Locations, settings: Settings) -> Finding:
    try:
        return look(locations, settings)
    except PocketAgentError as error:
        return Finding(look.__name__.strip("_"), False, " ".join(str(error).split()))


def _program(_locations: Locations, _settings: Settings) -> Finding:
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    python = ".".join(map(str, sys.version_info[:3]))
    return Finding("program", True, f"Pocket Agent {__version__}, Python {python}, {system}")


def _libraries(_locations: Locations, _settings: Settings) -> Finding:
    lines, missing = [], False
    for name in _LIBRARIES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing = True
            lines.append(f"{name} is missing")
    return Finding("libraries", not missing, ", ".join(lines))


def _folders(locations: Locations, _settings: Settings) -> Finding:
    open_to_others = [
        str(path)
        for path in (locations.home, locations.profiles, locations.cache)
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_to_others:
        return Finding("folders", False, f"others can read {', '.join(open_to_others)}")
    return Finding("folders", True, f"{locations.home}, cache in {locations.cache}")


def _disk(locations: Locations, _settings: Settings) -> Finding:
    free = shutil.disk_usage(locations.home).free
    detail = f"{free / 1024**3:.1f} GB free"
    return Finding("disk", free >= ENOUGH_DISK, detail)


def _store(locations: Locations, settings: Settings) -> Finding:
    import apsw
    import sqlite_vec

    from pocket_agent.cli.opening import passphrase
    from pocket_agent.memory.store import Store

    about = f"SQLite {apsw.sqlite_lib_version()}, sqlite-vec {sqlite_vec.__version__}"
    path = locations.profile(settings.profile)
    if not path.exists():
        return Finding("store", True, f"{about}; the profile {settings.profile!r} is not made yet")
    with Store.open(path, key=passphrase(), create=False) as store:
        problems = store.problems()
        events = len(store.events())
    if problems:
        return Finding("store", False, f"{path.name} is damaged: {problems[0]}")
    return Finding("store", True, f"{about}; {path.name} is sound, {events} changes in its log")


def _embedder(_locations: Locations, _settings: Settings) -> Finding:
    from pocket_agent.memory.embedder import Embedder

    embedder = Embedder()
    try:
        start = time.perf_counter()
        embedder.start()
        if not embedder.wait_ready(60):
            return Finding("embedder", False, embedder.problem or "it does not start")
        embedder.embed(["hello"])
        return Finding("embedder", True, f"{embedder.model_id}, up in {_since(start)}")
    finally:
        embedder.close()


def _model(locations: Locations, settings: Settings) -> Finding:
    return asyncio.run(_try_model(locations, settings))


async def _try_model(locations: Locations, settings: Settings) -> Finding:
    from pocket_agent.assistant.opening import Choice, load_policy
    from pocket_agent.llm.engine import LlamaEngine
    from pocket_agent.llm.protocol import ContextName, Message, Request, Role, Sampling, complete

    engine = LlamaEngine()
    try:
        start = time.perf_counter()
        choice = Choice(settings.model, 512, settings.offload, settings.requantize)
        reader = await load_policy(engine, locations, choice)
        info = engine.info
        assert info is not None
        loaded = _since(start)
        hello = (Message(Role.USER, "Hello"),)
        await complete(
            engine, Request(ContextName.CHAT, hello, sampling=Sampling(temperature=0, max_tokens=1))
        )
        size = info.path.stat().st_size / 1024**2
        detail = f"{info.name} ({size:.0f} MB) on {info.device}, loaded in {loaded}"
        return Finding("model", True, f"{detail}; policy {reader.version}")
    finally:
        await engine.close()


def _since(start: float) -> str:
    return f"{time.perf_counter() - start:.1f} s"
