"""Hours of use in some minutes: random hands on the real app, with short replies of the real model.

    python -m benchmarks.soak [--turns 300] [--minutes 10] [--seed N] [--out FILE] [--json]

A seed gives the same steps (`benchmarks.hands`): messages, pastes, stops, replies made anew, edits,
deleting, new and other conversations, every screen, finding, forgetting, undo, sizes, themes. It
ends after so many messages, or at the first step after so many minutes. All the while the memory of
all processes together is sampled. Wrong is: an error toast, a failure in the chat, an error in the
log of any library, a step that never comes to its end, a file that SQLite's check or the index of
words complains of, a log that does not replay to the profile. Exit code 1 if anything is wrong;
memory that grows is told, as a figure.
"""

import argparse
import asyncio
import json
import logging
import statistics
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.notifications import SeverityLevel

from benchmarks import footprint
from benchmarks.deeds import picture_of
from benchmarks.hands import SAYING, USUAL, Hands, plan
from benchmarks.own_app import BriefBackend, OwnApp
from benchmarks.promise import Promise, keep
from benchmarks.ui import until
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations, locate
from pocket_agent.profile.rules import replay
from pocket_agent.tui.conversation import Note
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.chat import ChatScreen

GROWTH_LIMIT_PERCENT = 5.0
REPLY = 24
"""Tokens of a reply."""
_WARM_TURNS, _SHARE = 40, 0.1
"""Turns of warm-up (half of fewer than twice as many), and the part compared, there and at the end.

The embedder takes most of its memory with the first texts, which lasts some 15 turns.
"""
_HARMLESS = ("There is nothing to undo",)
"""Failures that random hands bring about, and that are the right answer."""


@dataclass(slots=True)
class Report:
    """What came of it.

    Args:
        steps: by name. megabytes: by process, after each turn.
        wrong: a line each. ended: why it did.
    """

    seed: int
    steps: Counter[str] = field(default_factory=Counter)
    megabytes: list[dict[str, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ended: str = "all turns"
    seconds: float = 0.0

    @property
    def growth_percent(self) -> float:
        """The memory of all processes at the end over that after the warm-up."""
        totals = [sum(parts.values()) for parts in self.megabytes]
        begin, some = min(_WARM_TURNS, len(totals) // 2), max(1, int(_SHARE * len(totals)))
        first, last = totals[begin : begin + some], totals[-some:]
        if not first:
            return 0.0
        return round(100 * (statistics.median(last) / statistics.median(first) - 1), 2)

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        rounded = [{name: round(mb, 1) for name, mb in each.items()} for each in self.megabytes]
        return {
            "seed": self.seed,
            "turns": len(self.megabytes),
            "ended": self.ended,
            "seconds": round(self.seconds, 1),
            "steps": dict(self.steps),
            "growth_percent": self.growth_percent,
            "megabytes": rounded,
            "wrong": self.wrong,
        }


class _Logged(logging.Handler):
    """Notes errors that any library logs, such as a task of asyncio that failed unseen."""

    def __init__(self, wrong: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._wrong = wrong

    def emit(self, record: logging.LogRecord) -> None:
        self._wrong.append(f"logged: {record.name}: {record.getMessage()}")


class _WatchedChat(ChatScreen):
    """The chat, which notes its failures."""

    seen: set[int]
    wrong: list[str]

    def entries_changed(self) -> None:
        for entry in self.dialogue.conversation.entries:
            if isinstance(entry, Note) and entry.key not in self.seen and _failed(entry):
                self.seen.add(entry.key)
                self.wrong.append(f"in the chat: {entry.text}")
        super().entries_changed()


class _WatchedApp(OwnApp):
    """The app, which notes its error toasts."""

    def __init__(self, backend: BriefBackend, options: TuiOptions, wrong: list[str]) -> None:
        super().__init__(backend, options)
        self._wrong = wrong

    def get_default_screen(self) -> ChatScreen:
        chat = _WatchedChat(self._backend, self._options)
        chat.seen, chat.wrong = set(), self._wrong
        return chat

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        if severity == "error":
            self._wrong.append(f"toast: {message}")
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)


def _failed(note: Note) -> bool:
    bad = note.failure or note.text.startswith("✗")
    return bad and not any(words in note.text for words in _HARMLESS)


def run(seed: int, turns: int, minutes: float, patience: float) -> Report:
    """All of it, and what is left in the file.

    Args:
        turns, minutes: whichever comes first. patience: seconds that one step may take.
    """
    report, began = Report(seed), time.monotonic()
    logged = _Logged(report.wrong)
    logging.getLogger().addHandler(logged)
    try:
        with tempfile.TemporaryDirectory() as folder:
            locations = Locations(Path(folder), locate().cache)
            locations.prepare()
            try:
                asyncio.run(_play(report, locations, turns, began + 60 * minutes, patience))
            except Exception as error:
                report.wrong.append(f"the app: {type(error).__name__}: {error}")
                traceback.print_exc()
            report.wrong += _left(locations)
    finally:
        logging.getLogger().removeHandler(logged)
    report.seconds = time.monotonic() - began
    return report


async def _play(
    report: Report, locations: Locations, turns: int, end: float, patience: float
) -> None:
    options = TuiOptions(seed=report.seed % 2**32, ask=True)
    backend = BriefBackend(locations, "default", options, REPLY)
    app = _WatchedApp(backend, options, report.wrong)
    try:
        await _steps(report, app, turns, end, patience)
    finally:
        await backend.close_wholly()


async def _steps(report: Report, app: _WatchedApp, turns: int, end: float, patience: float) -> None:
    async with app.run_test(size=USUAL, notifications=True) as pilot:
        status = app.chat.dialogue.status
        await until(lambda: status.readiness.stage.value in ("ready", "failed"), patience)
        hands = Hands(app, pilot, patience)
        for step in plan(report.seed, turns):
            if not app.is_running:
                report.ended = "the app's own end"
                report.wrong.append(f"the app ended ({app.return_code}) before {step.name}")
                break
            if time.monotonic() > end:
                report.ended = "all minutes"
                break
            try:
                await hands.take(step)
            except Exception as error:
                report.wrong.append(f"{step.name}: {type(error).__name__}: {error}")
                traceback.print_exc()
            report.steps[step.name] += 1
            if step.name in SAYING and app.is_running:
                report.megabytes.append(await asyncio.to_thread(footprint.megabytes))
                _tell(report, turns)
        if app.is_running:
            await hands.rest()


def _tell(report: Report, turns: int) -> None:
    done = len(report.megabytes)
    if done % 10 == 0:
        total = sum(report.megabytes[-1].values())
        print(f"{done} of {turns} turns, {total:.0f} MB", file=sys.stderr)


def _left(locations: Locations) -> list[str]:
    """What is wrong with what is left: the file of the profile, and the folder of the logs."""
    path = locations.profile("default")
    wrong = []
    with Store.open(path, create=False) as store:
        wrong += [f"integrity check: {line}" for line in store.problems()]
        if replay(store.events()) != store.profile():
            wrong.append("the log does not replay to the profile")
    try:
        picture_of(path)  # the index of words, what a forgetting may leave
    except Exception as error:
        wrong.append(f"the file: {type(error).__name__}: {error}")
    logs = (file for file in locations.logs.iterdir() if file.stat().st_size)
    return wrong + [f"a log was written: {file.name}" for file in logs]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--turns", type=int, default=300, help="messages and replies made anew")
    parser.add_argument("--minutes", type=float, default=10.0, help="at most")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for one step")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--out", type=Path, default=Path("runs/soak.json"))
    parser.add_argument("--json", action="store_true", help="print one JSON object, write no file")
    options = parser.parse_args(arguments)
    report = run(options.seed, options.turns, options.minutes, options.patience)
    found = report.record()
    if options.json:
        print(json.dumps(found))
    else:
        grown = Promise(
            f"memory after {found['turns']} turns, growth in %",
            report.growth_percent,
            GROWTH_LIMIT_PERCENT,
        )
        keep(options.out, [grown], found)
        print(f"     ended by {report.ended}; steps: {dict(report.steps)}")
        print("\n".join(report.wrong) or "nothing wrong")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
