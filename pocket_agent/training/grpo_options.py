"""What a GRPO run can be told, from a file and on the command line."""

import argparse
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pocket_agent.errors import UsageError
from pocket_agent.training.base import bundled_gguf

ROLLOUTS = ("llama", "vllm", "model")
SCALES = ("group", "batch", "none")
_PATHS = ("out", "gguf", "work", "start")


@dataclass(frozen=True, slots=True)
class GrpoOptions:
    """How GRPO runs.

    Args:
        data: files of labelled turns. out: folder for checkpoints, metrics and the adapter.
        start: the adapter to start from (PEFT folder); without one, a fresh LoRA of `rank`.
        steps: updates. prompts: groups an update trains on, over all processes.
        samples: answers to a prompt. oversample: times as many prompts are sampled, to choose
            from those whose samples earned differently.
        skip_even: leave out groups whose samples all earned the same (exact while beta is 0).
        rate: peak learning rate. beta: weight of the KL term; 0 has none.
        scale: what advantages are divided by: the group's spread, the batch's, or nothing.
        lost: price of each fact that still holds and was retired (see `rewards.Prices`).
        temperature: of rollouts. answer: tokens of an answer at most. longest: of a prompt.
        accumulate: parts an update is computed in, to save memory.
        together: groups in one forward pass; 1 suits a CPU.
        rollouts: llama (llama.cpp), vllm, or model (TRL's own, without a grammar).
        gpu_layers: that llama.cpp puts on a GPU; -1 is all of them.
        pack: False trains row by row as TRL does, to compare with.
        threads: of the processor; 0 leaves it to torch.
    """

    data: list[Path]
    out: Path
    gguf: Path = field(default_factory=bundled_gguf)
    work: Path = Path("runs")
    start: Path | None = None
    rank: int = 16
    steps: int = 200
    prompts: int = 8
    samples: int = 8
    oversample: int = 1
    skip_even: bool = True
    rate: float = 2e-5
    beta: float = 0.0
    scale: str = "group"
    lost: float = 1.0
    temperature: float = 1.0
    answer: int = 96
    longest: int = 320
    limit: int = 0
    accumulate: int = 1
    together: int = 1
    rollouts: str = "llama"
    gpu_layers: int = 0
    pack: bool = True
    save_every: int = 20
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        """Refuse what can't be run.

        Raises:
            UsageError: names the option.
        """
        if self.samples < 2:
            raise UsageError("--samples needs at least 2: a group is compared with itself")
        for name in ("steps", "prompts", "oversample", "accumulate", "together", "answer"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name} needs to be at least 1")
        if self.rollouts not in ROLLOUTS or self.scale not in SCALES:
            raise UsageError("--rollouts is llama, vllm or model; --scale group, batch or none")
        if self.prompts % self.accumulate:
            raise UsageError("--prompts must be a multiple of --accumulate")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pocket-agent-train grpo`."""
    add = parser.add_argument
    add("--config", type=Path, help="TOML file of these options; the command line goes before it")
    add("--data", type=Path, nargs="+", help="labelled turns")
    add("--out", type=Path, help="folder of the run; a run that stopped goes on from there")
    add("--start", type=Path, help="adapter to start from")
    add("--gguf", type=Path, help="base model (default: bundled)")
    add("--work", type=Path, help="folder for the base's weights (default: runs)")
    add("--steps", type=int, help="updates (default: 200)")
    add("--prompts", type=int, help="prompts an update (default: 8)")
    add("--samples", type=int, help="answers to a prompt (default: 8)")
    add("--oversample", type=int, help="times as many prompts are sampled (default: 1)")
    add("--keep-even", dest="skip_even", action="store_false", default=None)
    add("--rate", type=float, help="learning rate (default: 2e-5)")
    add("--beta", type=float, help="weight of the KL term (default: 0)")
    add("--scale", choices=SCALES, help="what advantages are divided by (default: group)")
    add("--lost", type=float, help="price of a fact that is lost (default: 1)")
    add("--temperature", type=float, help="of rollouts (default: 1)")
    add("--answer", type=int, help="tokens of an answer at most (default: 96)")
    add("--longest", type=int, help="tokens of a prompt at most (default: 320)")
    add("--limit", type=int, help="at most so many prompts")
    add("--rank", type=int, help="of a fresh LoRA (default: 16)")
    add("--accumulate", type=int, help="parts of an update (default: 1)")
    add("--together", type=int, help="groups in one forward pass (default: 1)")
    add("--rollouts", choices=ROLLOUTS, help="what samples (default: llama)")
    add("--gpu-layers", dest="gpu_layers", type=int, help="of llama.cpp (default: 0)")
    add("--no-pack", dest="pack", action="store_false", default=None)
    add("--save-every", dest="save_every", type=int, help="steps (default: 20)")
    add("--seed", type=int)
    add("--threads", type=int, help="of the processor; 0 chooses")


def read_options(arguments: argparse.Namespace) -> GrpoOptions:
    """Options from the configuration file and, before it, the command line.

    Raises:
        UsageError: the file can't be read, names an unknown option, or something is missing.
    """
    given = {k: v for k, v in vars(arguments).items() if v is not None and k != "config"}
    merged = {**(_read_file(arguments.config) if arguments.config else {}), **given}
    if "data" not in merged or "out" not in merged:
        raise UsageError("GRPO needs --data and --out")
    return GrpoOptions(**merged)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read ({error})") from error
    known = {one.name for one in fields(GrpoOptions)}
    if strange := sorted(set(found) - known):
        raise UsageError(f"{path} has an unknown option {strange[0]!r}")
    found |= {name: Path(found[name]) for name in _PATHS if name in found}
    if "data" in found:
        found["data"] = [Path(name) for name in found["data"]]
    return found
