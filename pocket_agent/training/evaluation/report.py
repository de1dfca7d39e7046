"""The `evaluate` command: judge policies on a file with gold, write a Markdown table and JSON."""

import argparse
import asyncio
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pocket_agent.training.base import bundled_gguf
from pocket_agent.training.evaluation.bootstrap import Estimate, estimate
from pocket_agent.training.evaluation.policies import Decider, judge, open_policies
from pocket_agent.training.evaluation.rolling import (
    after_updates,
    by_person,
    curve,
    live,
    retention,
)
from pocket_agent.training.evaluation.turnwise import (
    MEASURES,
    Judged,
    confusion,
    false_writes_by_class,
    recall_by_class,
)
from pocket_agent.training.progress import Progress
from pocket_agent.training.records import Labelled, read_records

NOISE_SHARES = (0.0, 0.25, 0.5, 0.75)


@dataclass
class Report:
    """All measures of one policy on one set of turns."""

    policy: str
    turns: int
    people: int
    measures: dict[str, Estimate]
    milliseconds: float
    confusion: dict[str, dict[str, int]]
    noise: dict[str, tuple[float, int]]
    classes: dict[str, tuple[float, int]]
    curve: dict[int, float] = field(default_factory=dict)
    updates: dict[int, tuple[float, float, int]] = field(default_factory=dict)
    retention: dict[float, float] = field(default_factory=dict)


async def evaluate(
    name: str,
    policies: Mapping[float, Decider],
    records: Sequence[Labelled],
    *,
    lives: bool = True,
) -> list[tuple[Report, list[Judged]]]:
    """Judge one policy, at each of its cautions.

    Args:
        lives: whether to run whole lives too (three to five times as many decisions).
    """
    bar = Progress(f"{name}: turns", len(records))
    judged: dict[float, list[Judged]] = {caution: [] for caution in policies}
    async for turn in judge(policies, records):
        for caution, decided in turn.items():
            judged[caution].append(decided)
        bar.step()
    found = []
    for caution, policy in policies.items():
        label = f"{name} at {caution:g}" if len(policies) > 1 else name
        report = summarise(label, judged[caution])
        if lives:
            await _live(report, policy, records)
        found.append((report, judged[caution]))
    return found


async def _live(report: Report, policy: Decider, records: Sequence[Labelled]) -> None:
    """Add what whole lives show."""
    people = by_person(records)
    bar = Progress(f"{report.policy}: lives", len(people) + len(NOISE_SHARES))
    lived = {}
    for person, turns in people.items():
        lived[person] = (turns, await live(policy, turns))
        bar.step()
    report.curve = curve(lived)
    report.updates = after_updates(lived)
    for share in NOISE_SHARES:
        report.retention[share] = await retention(policy, records, share)
        bar.step()


def summarise(name: str, judged: Sequence[Judged]) -> Report:
    """The measures of single turns."""
    return Report(
        policy=name,
        turns=len(judged),
        people=len({turn.record.person for turn in judged}),
        measures={label: estimate(judged, measure) for label, measure in MEASURES.items()},
        milliseconds=1000 * statistics.median(turn.seconds for turn in judged),
        confusion=confusion(judged),
        noise=false_writes_by_class(judged),
        classes=recall_by_class(judged),
    )


def markdown(reports: Sequence[Report]) -> str:
    """One table with a column a policy, then the finer ones."""
    head = ["measure", *(report.policy for report in reports)]
    rows = [[label, *(str(r.measures[label]) for r in reports)] for label in MEASURES]
    rows.append(["ms a turn (median)", *(f"{r.milliseconds:.0f}" for r in reports)])
    rows += _finer("false writes, ", [r.noise for r in reports])
    rows += _finer("recall, ", [r.classes for r in reports])
    for k in sorted({k for r in reports for k in r.curve}):
        rows.append([f"profile F1 after {k} turns", *(_number(r.curve.get(k)) for r in reports)])
    for lag in sorted({lag for r in reports for lag in r.updates}):
        cells = [r.updates.get(lag) for r in reports]
        rows.append([f"adopted {lag} turns on", *(_number(c and c[0]) for c in cells)])
        rows.append([f"stale {lag} turns on", *(_number(c and c[1]) for c in cells)])
    for share in sorted({s for r in reports for s in r.retention}):
        label = f"kept over 20 sessions, {share:.0%} noise"
        rows.append([label, *(_number(r.retention.get(share)) for r in reports)])
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _finer(prefix: str, tables: Sequence[dict[str, tuple[float, int]]]) -> list[list[str]]:
    names = sorted({name for table in tables for name in table})
    return [
        [
            f"{prefix}{name} (n={next(t[name][1] for t in tables if name in t)})",
            *(_number(table[name][0]) if name in table else "–" for table in tables),
        ]
        for name in names
    ]


def _number(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3f}"


def error_lines(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """The turns that went wrong, to look at."""
    wrong = []
    for turn in judged:
        gold = {(op.kind, op.slot, op.value.casefold(), op.polarity) for op in turn.record.ops}
        made = {(op.kind, op.slot, op.value.casefold(), op.polarity) for op in turn.ops}
        if gold != made:
            wrong.append(
                {
                    "id": turn.record.id,
                    "class": turn.record.klass,
                    "assistant": turn.record.assistant,
                    "turn": turn.record.turn,
                    "gold": [_short(op) for op in turn.record.ops],
                    "made": [_short(op) for op in turn.ops],
                }
            )
    return wrong


def _short(op: Any) -> str:
    old = f"{op.old} > " if op.old else ""
    return f"{op.kind} {op.slot}{op.polarity}: {old}{op.value}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pocket-agent-train evaluate`."""
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="files with gold")
    parser.add_argument(
        "--policy",
        action="append",
        default=None,
        help="rules, base, or an adapter's GGUF; may be given several times (default: rules)",
    )
    parser.add_argument("--gguf", type=Path, default=None, help="base model (default: bundled)")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument(
        "--caution",
        type=float,
        nargs="+",
        default=[0.0],
        help="see PolicyReader; several are judged in one go, a column each",
    )
    parser.add_argument("--limit", type=int, default=0, help="at most so many turns")
    parser.add_argument("--no-lives", action="store_true", help="single turns only")
    parser.add_argument("--json", type=Path, default=None, help="write all measures here")
    parser.add_argument("--errors", type=Path, default=None, help="write the wrong turns here")


def main(arguments: argparse.Namespace) -> int:
    """Run `pocket-agent-train evaluate`."""
    records = [record for path in arguments.data for record in read_records(path)]
    if arguments.limit:
        records = records[: arguments.limit]
    reports = asyncio.run(_run(arguments, records))
    print(markdown(reports))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps([asdict(report) for report in reports], indent=1))
    return 0


async def _run(arguments: argparse.Namespace, records: Sequence[Labelled]) -> list[Report]:
    reports = []
    gguf = arguments.gguf or bundled_gguf()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    for name in arguments.policy or ["rules"]:
        cautions = arguments.caution if name != "rules" else arguments.caution[:1]
        async with open_policies(name, gguf, arguments.cache, cautions) as policies:
            lives = not arguments.no_lives
            found = await evaluate(Path(name).stem, policies, records, lives=lives)
        for report, judged in found:
            reports.append(report)
            if arguments.errors:
                _note_errors(arguments.errors, report.policy, judged)
    return reports


def _note_errors(path: Path, label: str, judged: Sequence[Judged]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        for line in error_lines(judged):
            stream.write(json.dumps({"policy": label, **line}, ensure_ascii=False) + "\n")
