"""A figure and the bound it is held to, and the record in which figures are kept."""

import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Promise:
    """A figure and the bound it is held to."""

    what: str
    figure: float
    bound: float
    at_most: bool = True

    @property
    def kept(self) -> bool:
        return self.figure <= self.bound if self.at_most else self.figure >= self.bound

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        mark = "ok  " if self.kept else "MISS"
        return f"{mark} {self.what}: {self.figure:.3g} ({sign} {self.bound:g})"


def keep(out: Path, promises: Sequence[Promise], found: Mapping[str, Any]) -> None:
    """Print a line a promise, and write all figures, with the day and the machine, as JSON."""
    for promise in promises:
        print(promise)
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "promises": [{**asdict(p), "kept": p.kept} for p in promises],
        **found,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(about, indent=1))
    print(f"written to {out}", file=sys.stderr)
