"""How long an update of GRPO takes: ours, and stock TRL's for the same prompts, in one run.

    python -m benchmarks.grpo_step --data TURNS.jsonl [--start ADAPTER] [--steps 3]

Ours samples with llama.cpp under the grammar and lets the samples of a prompt share its
computation; stock TRL generates with transformers, row by row and without a grammar. Both take
8 prompts × 8 samples, never leave a group out, and start from the same adapter. The first update
of each is left out (it loads and warms up). Prints JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pocket_agent.training.grpo import build_trainer
from pocket_agent.training.grpo_options import GrpoOptions

LIMIT_S = 25.0
"""What an update may take on two processors."""


def step_seconds(options: GrpoOptions) -> list[float]:
    """Seconds of each update, the first left out."""
    from transformers import TrainerCallback

    taken: list[float] = []

    class Watch(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            taken.append(time.perf_counter() - self.began)

    trainer = build_trainer(options)
    trainer.add_callback(Watch())
    trainer.train()
    return taken[1:]


def measure(data: list[Path], start: Path | None, steps: int, threads: int) -> dict[str, Any]:
    """Median seconds of an update, ours and stock, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        ours = GrpoOptions(
            data=data,
            out=Path(folder) / "ours",
            start=start,
            steps=steps + 1,
            limit=8 * (steps + 1),
            skip_even=False,
            threads=threads,
        )
        stock = replace(ours, out=Path(folder) / "stock", pack=False, rollouts="model")
        found = {"ours": step_seconds(ours), "stock": step_seconds(stock)}
    middle = {name: statistics.median(values) for name, values in found.items()}
    return {
        **{f"{name}_s": round(value, 1) for name, value in middle.items()},
        "ours_over_stock": round(middle["ours"] / middle["stock"], 3),
        "limit_s": LIMIT_S,
        "updates": steps,
        "threads": threads,
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="labelled turns")
    parser.add_argument("--start", type=Path, default=None, help="adapter to start from")
    parser.add_argument("--steps", type=int, default=3, help="updates that are timed")
    parser.add_argument("--threads", type=int, default=0, help="of the processor; 0 chooses")
    given = parser.parse_args()
    print(json.dumps(measure(given.data, given.start, given.steps, given.threads), indent=2))


if __name__ == "__main__":
    main()
