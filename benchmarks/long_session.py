"""What a conversation of a thousand messages costs: the event loop, keys, the machine at rest.

    python -m benchmarks.long_session [--messages 1000] [--rounds 6] [--tokens 512] [--idle 20]

The real app, without a terminal, on a profile with such a conversation, all of it read back and
held. In turn with a new, empty conversation (the yardstick, in the same run) it has the real model
reply, and while that streams a ticker notes how late the event loop wakes it (`benchmarks.ui`) and
keys are typed: a key's time ends when what a terminal would be sent, and holds its letter, is
composed. At the end the app is left alone, and so is the program in a pseudo-terminal on the same
profile: what all their processes take of one core then is the machine at rest.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import RenderableType
from textual import events
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from benchmarks import footprint
from benchmarks.made_session import SESSION, write_long_session
from benchmarks.own_app import BriefBackend, OwnApp
from benchmarks.promise import Promise, keep
from benchmarks.terminal import Terminal
from benchmarks.ui import Gaps, check, until
from pocket_agent.paths import Locations, locate
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.widgets.prompt import Prompt
from pocket_agent.tui.widgets.transcript import Transcript

GAP_LIMIT_MS, KEY_LIMIT_MS, IDLE_LIMIT_PERCENT = 30.0, 30.0, 1.0
MESSAGES = (
    "Write a long story about a lighthouse, a storm and a ship, in many paragraphs.",
    "List ten places by the sea, each with two sentences about what one sees there.",
    "Write a Python function that reverses a list, with an example, and explain each line.",
)
LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
"""Typed in turn; none stands anywhere else on the screen."""
LONG, EMPTY, REST = "long", "empty", "at rest"
_PAUSE_S = 0.1
_LOST_S = 5.0
_SIZE = (100, 30)
_CALM_PERCENT, _CALM_S, _CALM_ROUNDS = 5.0, 2.0, 5
_PATIENCE_S = 600.0


@dataclass(slots=True)
class Keys:
    """When typed letters came to the screen. Times in ms, by where they were typed."""

    times: dict[str, list[float]] = field(default_factory=dict)
    _letter: str = ""
    _shown_at: float = 0.0
    _shown: asyncio.Event = field(default_factory=asyncio.Event)

    def painted(self, text: str) -> None:
        """This is what a terminal would be sent."""
        if self._letter and self._letter in text:
            self._letter, self._shown_at = "", time.perf_counter()
            self._shown.set()

    async def type(self, app: PocketApp, letter: str, where: str) -> None:
        """Type a letter, and wait until it is on the screen.

        Raises:
            TimeoutError: it never came there.
        """
        driver, event = app._driver, events.Key(letter, letter)
        assert driver is not None
        event.set_sender(app)
        self._letter = letter
        self._shown.clear()
        began = time.perf_counter()
        driver.send_message(event)
        await asyncio.wait_for(self._shown.wait(), _LOST_S)
        self.times.setdefault(where, []).append((self._shown_at - began) * 1000)

    def report(self) -> dict[str, dict[str, float]]:
        """Median, 99th percentile and largest, by where."""
        return {where: _spread(times) for where, times in self.times.items()}


class ComposingApp(OwnApp):
    """The app, which composes what a terminal would be sent, as it does where there is one.

    Args:
        painted: told of it each time.
    """

    def __init__(
        self, backend: Backend, options: TuiOptions, painted: Callable[[str], None]
    ) -> None:
        super().__init__(backend, options)
        self._painted = painted

    def _display(self, screen: "Screen[object]", renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if isinstance(renderable, CompositorUpdate) and not self._batch_count:
            self._painted(renderable.render_segments(self.console))


@dataclass(slots=True)
class Watch:
    """The app under way, with what is noted of it."""

    app: ComposingApp
    backend: LiveBackend
    gaps: Gaps
    keys: Keys

    async def ready(self) -> None:
        """Wait for the model."""
        status = self.app.chat.dialogue.status
        await until(lambda: status.readiness.stage.value in ("ready", "failed"), _PATIENCE_S)

    async def hold_all(self, turns: Sequence[str]) -> None:
        """Read the long conversation back to its first message, and go to its end again."""
        conversation = self.app.chat.dialogue.conversation
        if conversation.said(turns[0]) is None:
            self.app.chat.go_to_turn(SESSION, turns[0])
        await until(lambda: self._held(turns[0]) and self._held(turns[-1]), _PATIENCE_S)
        await self.warmed()
        transcript = self.app.chat.query_one(Transcript)
        await until(lambda: not self._goes_to_turn())
        while not transcript.following:  # the way to the first message may end only now
            self.app.chat.action_to_end()
            await asyncio.sleep(_CALM_S)

    def _goes_to_turn(self) -> bool:
        return any(w.group == "sources" and not w.is_finished for w in self.app.workers)

    def _held(self, turn: str) -> bool:
        return self.app.chat.dialogue.conversation.said(turn) is not None

    async def begin_new(self) -> None:
        """Go to a new, empty conversation."""
        self.app.chat.action_new_session()
        await until(lambda: self.backend.session is None)
        await until(lambda: not self.app.chat.dialogue.conversation.entries)

    async def warmed(self) -> None:
        """Wait until the model has read the history that it resumed."""
        await self.backend._open.assistant.warming.done()

    async def reply(self, where: str, message: str) -> None:
        """Have one reply made; type while it streams."""
        dialogue = self.app.chat.dialogue
        self.gaps.phase = f"{where}, reading"
        dialogue.submit(message)
        await until(lambda: dialogue.status.doing == "answering" or not dialogue.replying)
        self.gaps.phase = f"{where}, streaming"
        await self.type(lambda: dialogue.status.doing == "answering", where)
        check(dialogue.conversation.entries)
        self.gaps.phase = "learning"
        await until(lambda: not dialogue.busy and not dialogue.status.doing)

    async def type(self, goes_on: Callable[[], bool], where: str) -> None:
        """Type letter after letter; the field is emptied whenever it holds all of them."""
        field = self.app.chat.query_one(Prompt)
        while goes_on():
            for letter in LETTERS:
                if not goes_on():
                    break
                await self.keys.type(self.app, letter, where)
                await asyncio.sleep(_PAUSE_S)
            field.clear()

    async def settle(self) -> None:
        """Wait until nothing is under way in any process."""
        dialogue, parts = self.app.chat.dialogue, self.backend._open
        await until(lambda: not dialogue.busy and not dialogue.status.doing, _PATIENCE_S)
        await self.warmed()
        if parts.indexer is not None:
            await asyncio.to_thread(parts.indexer.wait_idle, _PATIENCE_S)
        await asyncio.to_thread(_calm, psutil.Process())

    def mounted(self) -> dict[str, int]:
        """How many entries are held, how many are mounted, and all widgets of the screen."""
        return {
            "entries": len(self.app.chat.dialogue.conversation.entries),
            "in_transcript": len(self.app.chat.query_one(Transcript).children),
            "widgets": len(self.app.chat.query("*")),
        }


async def measure(
    home: Path, messages: int, rounds: int, tokens: int, idle_s: float
) -> dict[str, Any]:
    """The app on a conversation of so many messages, in turn with empty ones.

    Args:
        rounds: replies in each. tokens: after which a reply is cut.
        idle_s: seconds for which it is left alone at the end.

    Returns:
        mounted, phases (gaps of the event loop), key_to_screen_ms and idle_percent.
    """
    locations = Locations(home, locate().cache)
    locations.prepare()
    turns = write_long_session(locations.profile("default"), messages)
    options = TuiOptions(seed=5, session=SESSION)
    backend, keys = BriefBackend(locations, "default", options, tokens), Keys()
    watch = Watch(ComposingApp(backend, options, keys.painted), backend, Gaps(), keys)
    async with watch.app.run_test(size=_SIZE) as pilot:
        ticker = asyncio.create_task(watch.gaps.tick())
        found = await _rounds(watch, turns, rounds)
        watch.gaps.phase = REST
        await watch.settle()
        typing_ends = time.perf_counter() + _PAUSE_S * 3 * len(LETTERS)
        await watch.type(lambda: time.perf_counter() < typing_ends, REST)
        ticker.cancel()
        await pilot.pause()
        await watch.settle()
        idle = await _idle(psutil.Process(), idle_s)
    await backend.close_wholly()
    return {
        "messages": messages,
        "mounted": found,
        "phases": watch.gaps.report(),
        "key_to_screen_ms": keys.report(),
        "idle_percent": idle,
    }


async def _rounds(watch: Watch, turns: Sequence[str], rounds: int) -> dict[str, Any]:
    """Let both conversations have the same replies, one after the other."""
    found: dict[str, Any] = {}
    await watch.ready()
    for number in range(rounds):
        message = MESSAGES[number % len(MESSAGES)]
        await watch.begin_new()
        await watch.reply(EMPTY, message)
        found[EMPTY] = watch.mounted()
        watch.gaps.phase = "switching"
        await watch.hold_all(turns)
        await watch.reply(LONG, message)
        found[LONG] = watch.mounted()
    return found


def idle_in_terminal(home: Path, idle_s: float) -> dict[str, float]:
    """What the program takes at rest in a pseudo-terminal, on the conversation it had last."""
    command = [sys.executable, "-m", "pocket_agent", "--home", str(home), "--continue"]
    cache = {"POCKET_AGENT_CACHE": str(locate().cache)}
    program = Terminal(command, columns=_SIZE[0], rows=_SIZE[1], env=cache)
    try:
        program.wait_for("○ ready".encode(), _PATIENCE_S)
        process = psutil.Process(program.pid)
        _calm(process, program.watch)
        idle = asyncio.run(_idle(process, idle_s, program.watch))
        program.leave()
    finally:
        program.kill()
    return idle


async def _idle(
    root: psutil.Process, seconds: float, wait: Callable[[float], None] = time.sleep
) -> dict[str, float]:
    """Percent of one core that a program and all that it started take, by process and in all."""
    before, began = footprint.cpu_seconds(root), time.perf_counter()
    await asyncio.to_thread(wait, seconds)
    after, passed = footprint.cpu_seconds(root), time.perf_counter() - began
    taken = {name: 100 * (after[name] - before.get(name, 0.0)) / passed for name in after}
    return {"all": round(sum(taken.values()), 2), **{n: round(p, 2) for n, p in taken.items()}}


def _calm(root: psutil.Process, wait: Callable[[float], None] = time.sleep) -> None:
    """Wait until a program and all that it started have done next to nothing for some seconds."""
    calm, end = 0, time.perf_counter() + _PATIENCE_S
    while calm < _CALM_ROUNDS and time.perf_counter() < end:
        before = sum(footprint.cpu_seconds(root).values())
        wait(_CALM_S)
        taken = sum(footprint.cpu_seconds(root).values()) - before
        calm = calm + 1 if taken < _CALM_S * _CALM_PERCENT / 100 else 0


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 1),
        "p99": round(ordered[int(0.99 * (len(ordered) - 1))], 1),
        "largest": round(ordered[-1], 1),
        "count": len(ordered),
    }


def promises(found: dict[str, Any]) -> list[Promise]:
    """What the figures are held to."""
    count, keys, phases = found["messages"], found["key_to_screen_ms"], found["phases"]
    return [
        Promise(
            f"event loop while streaming, {count} messages, p99 ms",
            phases[f"{LONG}, streaming"]["p99_ms"],
            GAP_LIMIT_MS,
        ),
        Promise("key to screen while streaming, p99 ms", keys[LONG]["p99"], KEY_LIMIT_MS),
        Promise("key to screen at rest, p99 ms", keys[REST]["p99"], KEY_LIMIT_MS),
        Promise("idle, % of a core", found["idle_percent"]["all"], IDLE_LIMIT_PERCENT),
        Promise(
            "idle in a terminal, % of a core",
            found["idle_in_terminal_percent"]["all"],
            IDLE_LIMIT_PERCENT,
        ),
    ]


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """The long conversation over the empty one, of the same run."""
    long, empty = (found["phases"][f"{name}, streaming"] for name in (LONG, EMPTY))
    keys = found["key_to_screen_ms"]
    return {
        **{name: _ratio(long[name], empty[name]) for name in ("p50_ms", "p99_ms", "largest_ms")},
        **{f"key_{name}": _ratio(keys[LONG][name], keys[EMPTY][name]) for name in ("p50", "p99")},
    }


def _ratio(one: float, other: float) -> float:
    return round(one / max(other, 0.01), 2)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.long_session",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=6, help="replies in each conversation")
    parser.add_argument("--tokens", type=int, default=512, help="of a reply, at most")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds of rest")
    parser.add_argument("--out", type=Path, default=Path("runs/long_session.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        found = asyncio.run(
            measure(home, options.messages, options.rounds, options.tokens, options.idle)
        )
        found["idle_in_terminal_percent"] = idle_in_terminal(home, options.idle)
    found["long_over_empty"] = ratios(found)
    keep(options.out, promises(found), found)
    print(f"     long × empty: {found['long_over_empty']}, mounted: {found['mounted']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
