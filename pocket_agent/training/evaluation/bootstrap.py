"""95 % intervals by resampling people: turns of one person are not independent."""

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pocket_agent.training.evaluation.turnwise import Judged, Measure

RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "–"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def estimate(turns: Sequence[Judged], measure: Measure, seed: int = 0) -> Estimate:
    """The measure on all turns, and its interval over resampled people."""
    people: dict[str, list[Judged]] = defaultdict(list)
    for turn in turns:
        people[turn.record.person].append(turn)
    groups = list(people.values())
    draw = random.Random(seed)
    drawn = [
        measure([turn for group in draw.choices(groups, k=len(groups)) for turn in group])
        for _ in range(RESAMPLES)
    ]
    values = sorted(value for value in drawn if not math.isnan(value))
    if not values:
        return Estimate(measure(turns), float("nan"), float("nan"))
    low, high = values[int(0.025 * len(values))], values[int(0.975 * (len(values) - 1))]
    return Estimate(measure(turns), low, high)
