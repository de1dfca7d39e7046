"""All of the training in one command: simulate, sft, grpo, export, evaluate.

A stage that is done is skipped; one that was interrupted goes on from its last checkpoint. What a
stage was told is kept beside its result, so that other settings do it again.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pocket_agent.errors import PocketAgentError, UsageError
from pocket_agent.training.simulator.loading import PACKAGED

_TEST_SEED = 1_000_003
"""Added to the seed for the turns that are only measured on."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a training is.

    Args:
        lives: people and turns of each, of every file of training data. Short lives make short
            prompts, of which a processor learns twice as many in the same time.
        noise: share of the training turns that say nothing; fewer than in the test, since a
            policy learns to hold back long before it learns what to write.
        judged: people of the test data, TEST_TURNS each.
        sft: examples of the warm start (0: all). steps, prompts, samples: of GRPO.
        measured: turns that are judged (0: all).
    """

    lives: tuple[tuple[int, int], ...]
    noise: float
    judged: int
    sft: int
    steps: int
    prompts: int
    samples: int
    measured: int


SIZES = {
    "full": Size(((2000, 6), (600, 10), (260, 14)), 0.42, 60, 0, 200, 8, 8, 0),
    "smoke": Size(((24, 6), (6, 14)), 0.42, 3, 64, 3, 4, 4, 24),
    "tiny": Size(((4, 12),), 0.42, 1, 8, 1, 2, 4, 4),
}
TEST_TURNS = 40


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the training.

    Args:
        made: the file that is there when it is done.
        commands: of `pocket-agent-train`, in order.
        keeps: the folder of its checkpoints, if it has any.
    """

    name: str
    made: Path
    commands: tuple[tuple[str, ...], ...]
    keeps: Path | None = None


def plan(run: Path, size: Size, seed: int, threads: int, text: Path) -> list[Stage]:
    """The stages of a training in the folder `run`."""
    files = [run / f"train-{turns}.jsonl" for _, turns in size.lives]
    data, test = tuple(map(str, files)), run / "test.jsonl"
    policy = run / "policy.gguf"
    common = ("--seed", str(seed), "--threads", str(threads))
    simulate = ("simulate", "--text", str(text))
    tellings = tuple(
        (
            *(*simulate, "--people", str(people), "--turns", str(turns)),
            *("--noise", str(size.noise), "--seed", str(seed + number), "--out", str(file)),
        )
        for number, ((people, turns), file) in enumerate(zip(size.lives, files, strict=True))
    )
    limits = ("--batch", "8", *(("--limit", str(size.sft)) if size.sft else ()))
    judged = ("--limit", str(size.measured), "--no-lives") if size.measured else ()
    return [
        Stage(
            "simulate",
            test,
            (
                *tellings,
                (
                    *(*simulate, "--people", str(size.judged), "--turns", str(TEST_TURNS)),
                    *("--split", "test"),
                    *("--seed", str(seed + _TEST_SEED), "--out", str(test)),
                ),
            ),
        ),
        Stage(
            "sft",
            run / "sft" / "adapter" / "adapter_model.safetensors",
            (("sft", "--data", *data, "--out", str(run / "sft"), *limits, *common),),
            keeps=run / "sft",
        ),
        Stage(
            "grpo",
            run / "grpo" / "adapter" / "adapter_model.safetensors",
            (
                (
                    *("grpo", "--data", *data, "--out", str(run / "grpo")),
                    *("--start", str(run / "sft" / "adapter"), "--steps", str(size.steps)),
                    *("--prompts", str(size.prompts), "--samples", str(size.samples), *common),
                ),
            ),
            keeps=run / "grpo",
        ),
        Stage(
            "export",
            policy,
            (
                (
                    *("export", "--adapter", str(run / "grpo" / "adapter"), "--out", str(policy)),
                    *("--run", run.name, "--seed", str(seed)),
                ),
            ),
        ),
        Stage(
            "evaluate",
            run / "report.json",
            (
                (
                    *("evaluate", "--data", str(test), "--policy", "rules"),
                    *("--policy", str(policy), "--json", str(run / "report.json"), *judged),
                ),
            ),
        ),
    ]


def run_stages(stages: Sequence[Stage], run: Path, call: Callable[[list[str]], int]) -> None:
    """Do what is not done yet; once a stage was done again, all later ones are too.

    Raises:
        PocketAgentError: a stage failed; the ones before it stay done.
    """
    notes = run / "stages"
    notes.mkdir(parents=True, exist_ok=True)
    again = False
    for number, stage in enumerate(stages, 1):
        label = f"{number}/{len(stages)} {stage.name}"
        begun, done = notes / f"{stage.name}.begun", notes / f"{stage.name}.done"
        told = json.dumps(stage.commands)
        if not again and stage.made.is_file() and _says(done, told):
            _say(f"{label}: done before")
            continue
        if again or not _says(begun, told):
            _forget(stage)  # checkpoints of other settings are not gone on from
        done.unlink(missing_ok=True)
        begun.write_text(told)
        _say(label)
        start = time.monotonic()
        for command in stage.commands:
            if call(list(command)) != 0:
                raise PocketAgentError(f"The stage {stage.name} failed", "Run it again to go on.")
        done.write_text(told)
        again = True
        _say(f"{label}: {time.monotonic() - start:.0f} s")


def _says(note: Path, told: str) -> bool:
    return note.is_file() and note.read_text() == told


def _forget(stage: Stage) -> None:
    stage.made.unlink(missing_ok=True)
    if stage.keeps is not None:
        shutil.rmtree(stage.keeps, ignore_errors=True)


def _say(line: str) -> None:
    print(f"── {line}", file=sys.stderr, flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pocket-agent-train all`."""
    parser.add_argument("--out", type=Path, default=Path("runs/policy"), help="folder of it all")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--smoke", dest="size", action="store_const", const="smoke")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="of the processor; 0 chooses")
    parser.add_argument("--text", type=Path, default=PACKAGED, help="folder of the text")


def main(arguments: argparse.Namespace) -> int:
    """Run `pocket-agent-train all`."""
    from pocket_agent.training.cli import main as call

    run: Path = arguments.out
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{run} can't be made ({error.strerror})") from error
    size = SIZES[arguments.size]
    run_stages(plan(run, size, arguments.seed, arguments.threads, arguments.text), run, call)
    print(run / "policy.gguf")
    return 0
