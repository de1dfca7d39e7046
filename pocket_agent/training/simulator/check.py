"""Checking the text: problems that show only when a line is filled, and counts of what there is."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Polarity
from pocket_agent.profile.slots import BY_NAME
from pocket_agent.profile.values import clean, find_span
from pocket_agent.training.simulator.filling import Part, fill, golds, strip
from pocket_agent.training.simulator.loading import Problem, Text
from pocket_agent.training.simulator.pattern import ANY, SECTIONS, Fill, Pattern
from pocket_agent.training.simulator.splits import SPLITS, Deck, assign, cached_key

_LONG = 12
"""Words; a longer value is no shortest run."""


def check_text(text: Text) -> list[Problem]:
    """The problems of filled lines: gold that is no run of whole words, or too long a run."""
    values = {name: held.values for name, held in text.values.items()}
    deck = Deck("all", {}, {}, {}, values, {})
    rng = Random(0)
    problems = [Problem(f"values/{name}.txt:1", "no values") for name in values if not values[name]]
    known = {name for name in values if values[name]}
    for pattern in text.facts:
        if {piece.list for piece in pattern.fills()} <= known:
            problems += [Problem(pattern.source, why) for why in _faults(pattern, deck, rng)]
    return problems


def count_text(text: Text) -> str:
    """How many distinct lines there are: by slot and section, noise class, frame, list, split."""
    splits, _ = assign(text)
    lines = ["slot          " + " ".join(f"{name[:8]:>8}" for name in SECTIONS) + "      all"]
    found = {(p.source, _file_of(p), p.section) for p in text.facts}
    by_slot = Counter((slot, section) for _, slot, section in found)
    for slot in (*BY_NAME, ANY):
        row = [by_slot[slot, section] for section in SECTIONS]
        lines.append(f"{slot:<14}" + " ".join(f"{n or '·':>8}" for n in [*row, sum(row)]))
    whole = [sum(by_slot[slot, section] for slot in (*BY_NAME, ANY)) for section in SECTIONS]
    lines.append(f"{'all':<14}" + " ".join(f"{n:>8}" for n in [*whole, sum(whole)]))
    lines += ["", *_rows("noise", text.noise), "", *_rows("frame", text.frames), ""]
    lines += _values_rows(text)
    spread = Counter(splits.values())
    lines += ["", "patterns by split: " + ", ".join(f"{name} {spread[name]}" for name in SPLITS)]
    return "\n".join(lines)


def _file_of(pattern: Pattern) -> str:
    """The slot whose file has the line: one of `any.txt` counts once."""
    return pattern.source.removeprefix("slots/").partition(".")[0]


def _faults(pattern: Pattern, deck: Deck, rng: Random) -> Iterator[str]:
    value = "Somethingknown 12" if pattern.moves else "Somethingknown"
    old = Known(pattern.topic, value, Polarity.LIKES) if pattern.has_old else None
    try:
        part = fill(pattern, deck, rng, old)
    except IndexError:
        yield "a list without values"
        return
    yield from _unreadable(part)
    indexed = Counter(piece for piece in set(pattern.fills()) if piece.index)
    once = [piece for piece in indexed if list(pattern.fills()).count(piece) == 1]
    if once and not _needs_index(pattern, once):
        yield f"{{{once[0].list}:{once[0].index}}} occurs once"


def _needs_index(pattern: Pattern, once: list[Fill]) -> bool:
    """An index that occurs once is harmless where it tells apart two of a list."""
    return any(sum(p.list == piece.list for p in pattern.fills()) > 1 for piece in once)


def _unreadable(part: Part) -> Iterator[str]:
    plain = (strip(part.turn), strip(part.said))
    for value in golds(part.said + "\n" + part.turn):
        if not cached_key(value):
            yield f"a value without words: {value!r}"
        elif all(find_span(text, clean(value)) is None for text in plain):
            yield f"the value {value!r} is not a run of whole words"
        elif len(value.split()) > _LONG:
            yield f"a value of {len(value.split())} words: {value!r}"


def _rows(title: str, patterns: list[Pattern]) -> list[str]:
    count = Counter(pattern.topic for pattern in patterns)
    return [f"{title}/{topic:<16}{number:>6}" for topic, number in sorted(count.items())]


def _values_rows(text: Text) -> list[str]:
    used: dict[str, int] = defaultdict(int)
    for pattern in (*text.facts, *text.noise, *text.frames):
        for name in {piece.list for piece in pattern.fills()}:
            used[name] += 1
    return [
        f"values/{name:<15}{len(held.values):>6}  used in {used[name]} lines"
        + (" (closed)" if held.closed else "")
        for name, held in sorted(text.values.items())
    ]
