"""The journal of a run (a JSON line a step) and its learning curves, as a picture and as text."""

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

METRICS = "metrics.jsonl"
SHOWN = ("loss", "reward", "reward_std", "reward/lost", "entropy", "kl", "completions/mean_length")
"""What is drawn, where a run has it."""


def write_metrics(run: Path, step: int, values: dict[str, Any]) -> None:
    """Add one line to the journal of a run."""
    run.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in values.items() if value is not None}
    with (run / METRICS).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"step": step, **kept}) + "\n")


def journal(run: Path) -> Any:
    """A callback for a Trainer: one process writes every metric that is logged."""
    from transformers import TrainerCallback

    class Journal(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            if logs and state.is_world_process_zero:
                write_metrics(run, state.global_step, logs)

    return Journal()


def read_metrics(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Each metric as (step, value), by step; of a step that was done twice, the later value.

    A half-written last line, as a killed run leaves it, is passed over.
    """
    path = run / METRICS
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    found: dict[str, dict[int, float]] = {}
    for record in _records(lines):
        for name, value in record.items():
            if name != "step" and isinstance(value, int | float) and math.isfinite(value):
                found.setdefault(name, {})[int(record["step"])] = float(value)
    return {name: sorted(points.items()) for name, points in found.items()}


def draw_curves(run: Path) -> Path | None:
    """Write `curves.png` into the run's folder and print the curves on stderr.

    Returns:
        The picture, or None where there is nothing to draw yet.
    """
    found = read_metrics(run)
    drawn = {name: found[name] for name in SHOWN if len(found.get(name, ())) > 1}
    if not drawn:
        return None
    _print(drawn)
    return _picture(drawn, run / "curves.png")


def _records(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            yield record


def _picture(drawn: dict[str, list[tuple[int, float]]], out: Path) -> Path:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = -(-len(drawn) // 2)
    figure, axes = pyplot.subplots(rows, 2, figsize=(9, 2.4 * rows), squeeze=False)
    for axis, (name, points) in zip(axes.flat, drawn.items(), strict=False):
        axis.plot(*zip(*points, strict=True), linewidth=1.2)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("step", fontsize=8)
        axis.grid(alpha=0.3)
    for axis in list(axes.flat)[len(drawn) :]:
        axis.set_visible(False)
    figure.tight_layout()
    part = out.with_suffix(".part")
    figure.savefig(part, format="png", dpi=120)
    pyplot.close(figure)
    part.replace(out)
    return out


def _print(drawn: dict[str, list[tuple[int, float]]]) -> None:
    from plotext import figure

    for name in list(drawn)[:2]:
        figure.clear()
        figure.plot_size(72, 12)
        figure.theme("colorless")
        figure.title(name)
        signal = figure.signal(*(list(axis) for axis in zip(*drawn[name], strict=True)))
        figure.draw(signal.lines())
        print(figure.build().string(colorless=True), file=sys.stderr)
