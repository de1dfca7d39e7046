"""What `doctor` looks at, one function each: everything is tried for real."""

import argparse
import asyncio
import hashlib
import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pocket_agent import __version__
from pocket_agent.cli.memory import PATIENCE_S, wait_for
from pocket_agent.cli.opening import Narrator, choose_model, profile_name
from pocket_agent.cli.output import narrate
from pocket_agent.cli.passphrases import passphrase_for
from pocket_agent.config import Settings, load_settings
from pocket_agent.errors import ConfigError, ModelError, PocketAgentError, StoreBusyError
from pocket_agent.paths import Locations, is_exposed, locate

ENOUGH_DISK = 300 * 1024**2
_LIBRARIES = (
    "llama-cpp-python",
    "apsw-sqlite3mc",
    "sqlite-vec",
    "sentence-transformers",
    "torch",
    "textual",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        detail: one line for people. data: the same for scripts.
    """

    name: str
    ok: bool
    detail: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look."""

    arguments: argparse.Namespace
    locations: Locations
    settings: Settings

    @property
    def profile(self) -> Path:
        """The file of the profile in use."""
        return self.locations.profile(profile_name(self.arguments, self.settings))


Look = Callable[[Place], Finding]


def look_at_all(arguments: argparse.Namespace) -> Iterator[Finding]:
    """Look at one thing after the other, whatever the one before is like."""
    locations = locate(arguments.home)
    settings = Settings()
    try:
        settings = load_settings(locations.config)
    except ConfigError as error:
        yield Finding("settings", False, str(error))
    place = Place(arguments, locations, settings)
    looks: dict[str, Look] = {
        "program": _program,
        "libraries": _libraries,
        "folders": _folders,
        "disk": _disk,
        "database": _database,
        "profile": _profile,
        "encryption": _encryption,
        "devices": _devices,
        "model": _model,
        "copy": _copy,
        "engine": _engine,
        "embedder": _embedder,
    }
    for name, look in looks.items():
        yield _careful(name, look, place)


def look_offline(arguments: argparse.Namespace) -> Iterator[Finding]:
    """Show that a chat needs no network.

    Raises:
        PocketAgentError: there is no usable model, or a chat fails.
    """
    from pocket_agent.cli import offline

    locations = locate(arguments.home)
    yield from offline.look_offline(Place(arguments, locations, load_settings(locations.config)))


def _careful(name: str, look: Look, place: Place) -> Finding:
    try:
        return look(place)
    except PocketAgentError as error:
        return Finding(name, False, str(error))
    except Exception as error:
        return Finding(name, False, f"unexpected error: {type(error).__name__}: {error}")


def _program(_place: Place) -> Finding:
    python = ".".join(map(str, sys.version_info[:3]))
    data: dict[str, Any] = {"version": __version__, "python": python}
    data |= {"system": platform.system()}
    data |= {"machine": platform.machine(), "processors": os.cpu_count()}
    system = f"{data['system']} {data['machine']}, {data['processors']} processors"
    return Finding("program", True, f"Pocket Agent {__version__}, Python {python}, {system}", data)


def _libraries(_place: Place) -> Finding:
    found = {name: _version_of(name) for name in _LIBRARIES}
    lines = [f"{name} {number or 'is missing'}" for name, number in found.items()]
    return Finding("libraries", all(found.values()), ", ".join(lines), found)


def _folders(place: Place) -> Finding:
    """The folders as they were found, before they are made or closed to others."""
    where = place.locations
    folders = (where.home, where.profiles, where.models, where.logs, where.cache)
    modes = {str(folder): _mode(folder) for folder in folders}
    open_files = [str(file) for file in where.private_files() if is_exposed(file)]
    was_open = [name for name, mode in modes.items() if mode and int(mode, 8) & 0o077]
    was_open += open_files
    place.locations.prepare()
    still_open = [str(path) for path in where.exposed()]
    locked = [str(folder) for folder in folders if not os.access(folder, os.W_OK | os.X_OK)]
    data = {"home": str(where.home), "cache": str(where.cache), "modes": modes}
    if locked:
        return Finding("folders", False, f"can't be written: {', '.join(locked)}", data)
    if still_open:
        return Finding("folders", False, f"others can read: {', '.join(still_open)}", data)
    closed = f"; others could read {', '.join(was_open)}: closed now" if was_open else ""
    return Finding("folders", True, f"{where.home}, cache in {where.cache}{closed}", data)


def _disk(place: Place) -> Finding:
    free = shutil.disk_usage(place.locations.home).free
    detail = f"{free / 1024**3:.1f} GiB free"
    if free < ENOUGH_DISK:
        detail += f"; {ENOUGH_DISK / 1024**3:.1f} are wanted"
    return Finding("disk", free >= ENOUGH_DISK, detail, {"free": free})


def _database(_place: Place) -> Finding:
    """SQLite with all that a profile needs, tried in memory."""
    import apsw
    import sqlite_vec

    connection = apsw.Connection(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    ciphers = str(apsw.mc_version)  # type: ignore[attr-defined,unused-ignore]  # no stub
    data: dict[str, Any] = {"sqlite": apsw.sqlite_lib_version(), "ciphers": ciphers}
    data["sqlite_vec"] = str(connection.execute("SELECT vec_version()").get)
    connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text)")
    connection.execute("INSERT INTO words VALUES ('hello')")
    data["fts5"] = connection.execute("SELECT count(*) FROM words('hello')").get == 1
    connection.close()
    detail = f"SQLite {data['sqlite']} with FTS5, {data['ciphers']}, "
    return Finding("database", bool(data["fts5"]), f"{detail}sqlite-vec {data['sqlite_vec']}", data)


def _profile(place: Place) -> Finding:
    from pocket_agent.memory.cipher import is_encrypted
    from pocket_agent.memory.store import Store

    path = place.profile
    data: dict[str, Any] = {"name": path.stem, "path": str(path), "mode": _mode(path)}
    data["encrypted"] = is_encrypted(path)
    if not path.exists():
        return Finding("profile", True, f"{path.stem!r} is made when it is first used", data)
    key = passphrase_for(place.arguments, place.settings, path, ask=False)
    if data["encrypted"] and key is None:
        detail = f"{path.stem!r} is encrypted: not looked into without its passphrase"
        return Finding("profile", True, detail, data)
    try:
        with Store.open(path, key=key, create=False) as store:
            problems = store.problems()
            data |= {"events": len(store.events()), "facts": len(store.profile().active())}
    except StoreBusyError as error:
        return Finding("profile", True, f"not looked at: {error.what}", data)
    if problems:
        return Finding("profile", False, f"{path} is damaged: {problems[0]}", data)
    detail = f"{path.stem!r} is sound: {data['facts']} facts from {data['events']} changes"
    return Finding("profile", True, detail, data)


def _encryption(place: Place) -> Finding:
    """Which profiles open with a passphrase alone. Plain ones are no fault: it is a choice."""
    from pocket_agent.memory.cipher import is_encrypted, is_plain

    kinds = {
        path.stem: "encrypted" if is_encrypted(path) else "plain" if is_plain(path) else "unknown"
        for path in sorted(place.locations.profiles.glob("*.db"))
    }
    lines = [f"{name} is {kind}" for name, kind in kinds.items()]
    return Finding("encryption", True, ", ".join(lines) or "there is no profile yet", kinds)


def _model(place: Place) -> Finding:
    """The file that would be loaded: its place, its size, whether it is what was added."""
    from pocket_agent.llm.gguf_header import check_model
    from pocket_agent.llm.models import ModelShelf

    shelf = ModelShelf(place.locations)
    wanted = place.arguments.model or place.settings.model
    path = shelf.resolve(wanted)
    header = check_model(path)
    narrate("checking the model's file")
    entry = next((m for m in shelf.models() if m.name == wanted or (not wanted and m.chosen)), None)
    digest = shelf.verify(entry.name).sha256 if entry else _sha256(path)
    data: dict[str, Any] = {"name": entry.name if entry else path.stem, "path": str(path)}
    data |= {"size": path.stat().st_size, "sha256": digest, "verified": entry is not None}
    data |= {"architecture": header.architecture, "parameters": header.parameters}
    known = "unchanged since it was added" if entry else "not on the shelf"
    detail = f"{path} ({data['size'] / 1024**2:.0f} MiB), SHA-256 {digest[:12]}…, {known}"
    return Finding("model", True, detail, data)


def _copy(place: Place) -> Finding:
    """The faster copy of the model's file, which is made when that is first loaded."""
    from pocket_agent.llm.gguf_header import check_model
    from pocket_agent.llm.models import ModelShelf
    from pocket_agent.llm.requantize import is_slow, verify_copy

    wanted = place.arguments.model or place.settings.model
    try:
        header = check_model(ModelShelf(place.locations).resolve(wanted))
    except ModelError:  # told already
        return Finding("copy", True, "there is no model to make one of")
    if not is_slow(header):
        return Finding("copy", True, "the model's file needs no faster copy", {"needed": False})
    found = verify_copy(header, place.locations.cache)
    data = {"needed": True, "path": str(found.path), "found": found.found, "sound": found.sound}
    if not found.found:
        return Finding("copy", True, "a faster copy is made when the model is first loaded", data)
    if found.sound is None:
        detail = f"{found.path}, with no hash to check it by: delete it, and it is made anew"
        return Finding("copy", True, detail, data)
    if not found.sound:
        return Finding(
            "copy", False, f"{found.path} is damaged: delete it, and it is made anew", data
        )
    return Finding("copy", True, f"{found.path}, unchanged since it was made", data)


def _devices(_place: Place) -> Finding:
    from pocket_agent.cli.devices import look_at_devices

    return look_at_devices()


def _engine(place: Place) -> Finding:
    return asyncio.run(_try_engine(place))


async def _try_engine(place: Place) -> Finding:
    from pocket_agent.assistant.opening import policy_alone
    from pocket_agent.llm.protocol import ContextName, Message, Request, Role, Sampling, complete

    start = time.perf_counter()
    choice = choose_model(place.arguments, place.settings, 512)
    async with policy_alone(place.locations, choice, Narrator()) as (engine, reader):
        loaded = time.perf_counter() - start
        start = time.perf_counter()
        hello = (Message(Role.USER, "Hello"),)
        one = Sampling(temperature=0, max_tokens=1)
        word = await complete(engine, Request(ContextName.CHAT, hello, sampling=one))
        token = time.perf_counter() - start
        info = engine.info
    assert info is not None
    data: dict[str, Any] = {"name": info.name, "device": info.device, "policy": reader.version}
    data |= {"layers": info.layers, "layers_offloaded": info.layers_offloaded}
    data |= {"load_s": round(loaded, 3), "first_token_s": round(token, 3)}
    data["placement"] = info.placement
    if not word:
        return Finding("engine", False, f"{info.name} loads but produces no word", data)
    detail = f"{info.name} on {info.device}: loaded in {loaded:.1f} s, a word in {token:.2f} s"
    return Finding("engine", True, f"{detail}; policy {reader.version}", data)


def _embedder(_place: Place) -> Finding:
    from pocket_agent.memory.embedder import Embedder

    embedder = Embedder()
    start = time.perf_counter()
    try:
        if not wait_for(embedder):
            slow = (
                f"it is not up after {PATIENCE_S:.0f} s: try again when the computer is less busy"
            )
            return Finding("embedder", False, embedder.problem or slow)
        embedder.embed(["hello"], timeout=PATIENCE_S)
    finally:
        embedder.close()
    took = time.perf_counter() - start
    data = {"model": embedder.model_id, "start_s": round(took, 3)}
    return Finding("embedder", True, f"{embedder.model_id}, up in {took:.1f} s", data)


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _mode(path: Path) -> str | None:
    """Permissions in octal digits; None if there is no such file."""
    try:
        return f"{stat.S_IMODE(path.stat().st_mode):04o}" if os.name == "posix" else "0700"
    except OSError:
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
