"""`pocket-agent-train simulate`: write labelled turns, check the text, measure the variety."""

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from pocket_agent.errors import UsageError
from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Op, OpKind
from pocket_agent.training.simulator.check import check_text, count_text
from pocket_agent.training.simulator.conversation import Record, simulate_people
from pocket_agent.training.simulator.loading import PACKAGED, load_text
from pocket_agent.training.simulator.person import NOISE
from pocket_agent.training.simulator.splits import SPLITS
from pocket_agent.training.simulator.variety import as_markdown, measure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pocket-agent-train simulate`."""
    parser.add_argument("--people", type=int, default=100, help="how many people (default: 100)")
    parser.add_argument("--turns", type=int, default=40, help="turns of each (default: 40)")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--seed", type=int, default=0, help="the same seed, the same people")
    parser.add_argument(
        "--noise", type=float, default=NOISE, help=f"mean share of noise (default: {NOISE})"
    )
    parser.add_argument("--out", type=Path, help="file of JSON lines (default: standard output)")
    parser.add_argument("--text", type=Path, default=PACKAGED, help="folder of the text")
    parser.add_argument("--check", action="store_true", help="only list problems of the text")
    parser.add_argument(
        "--variety", type=Path, nargs="+", metavar="FILE", help="only measure files of turns"
    )


def main(arguments: argparse.Namespace) -> int:
    """Run `pocket-agent-train simulate`."""
    if arguments.check:
        return _check(arguments.text)
    if arguments.variety:
        return _variety(arguments.variety, arguments.seed)
    if arguments.people < 1 or arguments.turns < 1:
        raise UsageError("--people and --turns need to be at least 1")
    if not 0.0 <= arguments.noise <= 1.0:
        raise UsageError("--noise needs to be between 0 and 1")
    text = load_text(arguments.text)
    if text.problems:
        print(f"{len(text.problems)} lines left out; --check lists them", file=sys.stderr)
    records = simulate_people(
        text,
        arguments.split,
        arguments.seed,
        arguments.people,
        arguments.turns,
        arguments.noise,
    )
    if arguments.out is None:
        _write(records, sys.stdout)
        return 0
    written = _write_file(records, arguments.out)
    print(f"{written} turns in {arguments.out}", file=sys.stderr)
    return 0


def as_json(record: Record) -> dict[str, Any]:
    """The record as docs/annotation.md has it."""
    return {
        "id": record.id,
        "person": record.person,
        "split": record.split,
        "session": record.session,
        "turn_no": record.turn_no,
        "kind": record.kind,
        "class": record.klass,
        "profile": [_known_json(fact) for fact in record.known],
        "assistant": record.assistant,
        "turn": record.turn,
        "ops": [_op_json(op) for op in record.ops],
        "pattern": record.pattern,
    }


def _known_json(fact: Known) -> dict[str, str]:
    return {"slot": fact.slot, "value": fact.value, "polarity": fact.polarity.value}


def _op_json(op: Op) -> dict[str, str]:
    made = {"op": op.kind.value, "slot": op.slot}
    if op.kind is OpKind.UPDATE:
        made["old"] = op.old
    return {**made, "value": op.value, "polarity": op.polarity.value}


def _write(records: Iterable[Record], stream: TextIO) -> int:
    written = 0
    for record in records:
        stream.write(json.dumps(as_json(record), ensure_ascii=False) + "\n")
        written += 1
    return written


def _write_file(records: Iterable[Record], out: Path) -> int:
    """Write beside the file and rename, so that it is whole or not there."""
    part = out.with_name(out.name + ".part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as stream:
            written = _write(records, stream)
        part.replace(out)
    except OSError as error:
        raise UsageError(f"{out} can't be written ({error.strerror})") from error
    finally:
        with suppress(OSError):  # no folder to have left anything in
            part.unlink(missing_ok=True)
    return written


def _check(root: Path) -> int:
    text = load_text(root)
    problems = [*text.problems, *check_text(text)]
    for problem in problems:
        print(problem)
    print(count_text(text), file=sys.stderr)
    print(f"{len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


def _variety(paths: list[Path], seed: int) -> int:
    found = measure(paths, seed)
    print(json.dumps(found, indent=2))
    print(as_markdown(found), file=sys.stderr)
    return 0
