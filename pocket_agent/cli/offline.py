"""`doctor --offline`: the same chat with a network and without, and whatever tried to use it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pocket_agent import NO_NETWORK
from pocket_agent.cli.checks import Finding, Place
from pocket_agent.cli.output import narrate
from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.models import ModelShelf

_NAMESPACE = ("unshare", "--user", "--map-root-user", "--net", "--")
_PATIENCE_S = 1200
_COMPARED = ("replies", "learnt", "known", "recalled", "embedder")


@dataclass(frozen=True, slots=True)
class Chat:
    """What came of one chat.

    Args:
        told: replies, facts and recalled turns. tried: uses of the network that were noted.
        watched: how many processes were watched. apart: it had no network interface at all.
    """

    told: dict[str, Any]
    tried: tuple[str, ...] = ()
    watched: int = 0
    apart: bool = False
    counted: dict[str, int] = field(default_factory=dict)


def look_offline(place: Place) -> Iterator[Finding]:
    """Chat as usual, then offline, and compare. In a home of its own, which is thrown away.

    Raises:
        PocketAgentError: there is no usable model, or a chat fails.
    """
    model = str(ModelShelf(place.locations).resolve(place.arguments.model or place.settings.model))
    with tempfile.TemporaryDirectory(prefix="pocket-agent-offline-") as folder:
        scratch, cache = Path(folder), place.locations.cache
        narrate("chatting as usual")
        usual = _chat(scratch / "usual", cache, model, guarded=False)
        narrate("chatting with every use of the network failing")
        by_meaning = usual.told["embedder"]
        offline = _chat(scratch / "offline", cache, model, guarded=True, by_meaning=by_meaning)
    yield _answers(usual, offline)
    yield _tries(offline)
    yield _system(offline)


def _answers(usual: Chat, offline: Chat) -> Finding:
    differing = [name for name in _COMPARED if usual.told[name] != offline.told[name]]
    reply = offline.told["replies"][-1]
    data = {"usual": usual.told, "offline": offline.told}
    if differing:
        return Finding("answers", False, f"offline differs in: {', '.join(differing)}", data)
    detail = f"the same with and without a network: {reply!r}"
    if not usual.told["embedder"]:
        detail += "; the embedder was too slow to start, so recall went by words alone"
    return Finding("answers", True, detail, data)


def _tries(offline: Chat) -> Finding:
    data = {"tried": list(offline.tried), "processes": offline.watched}
    if offline.tried:
        detail = f"{len(offline.tried)} uses of the network; the first: {offline.tried[0]}"
        return Finding("connections", False, detail, data)
    detail = f"none of {offline.watched} processes tried to connect, or to look up a name"
    return Finding("connections", offline.watched >= 2 + offline.told["embedder"], detail, data)


def _system(offline: Chat) -> Finding:
    if not offline.apart:
        detail = "not looked at: this system allows no network namespace; every socket call failed"
        return Finding("namespace", True, detail, {"apart": False})
    used = {name: count for name, count in offline.counted.items() if count}
    data = {"apart": True, "counted": offline.counted}
    if used:
        return Finding("namespace", False, f"native code tried to send: {used}", data)
    detail = "there was no network interface, and the system counted no try to send anything"
    return Finding("namespace", True, detail, data)


def _chat(home: Path, cache: Path, model: str, *, guarded: bool, by_meaning: bool = True) -> Chat:
    command = [sys.executable, "-P", "-m", "pocket_agent.cli.offline_chat"]
    command += [str(home), str(cache), model, "meaning" if by_meaning else "words"]
    environment = dict(os.environ)
    log = home.with_name("sockets.log")
    apart = guarded and can_be_apart()
    if guarded:
        environment |= guard(home.with_name("guard"), log)
    done = subprocess.run(
        [*(_NAMESPACE if apart else ()), *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PocketAgentError(f"The chat {'offline' if guarded else 'as usual'} failed ({last})")
    told = json.loads(done.stdout)
    counted = told.pop("counters")
    return Chat(told, *_noted(log), apart, counted)


def guard(folder: Path, log: Path) -> dict[str, str]:
    """Variables that put the guard into every Python that is started with them.

    Args:
        folder: made for the guard. log: where it notes what it refused.
    """
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("socket_guard.py"), folder / "sitecustomize.py")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    switches = " ".join(NO_NETWORK)
    names = {"PYTHONPATH": path, "POCKET_AGENT_SOCKET_LOG": str(log)}
    # As somebody may have set them: ours must win.
    return {**names, "POCKET_AGENT_SWITCHES": switches, **dict.fromkeys(NO_NETWORK, "0")}


def can_be_apart() -> bool:
    """Whether this system lets us have a network namespace without an interface."""
    if shutil.which(_NAMESPACE[0]) is None:
        return False
    tried = subprocess.run([*_NAMESPACE, "true"], capture_output=True, timeout=30)
    return tried.returncode == 0


def _noted(log: Path) -> tuple[tuple[str, ...], int]:
    tried = tuple(log.read_text("utf-8").splitlines()) if log.exists() else ()
    seen = Path(f"{log}.seen")
    return tried, len(set(seen.read_text("utf-8").split())) if seen.exists() else 0
