"""Loading the simulator's text: every line parsed, every problem kept with its file and line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pocket_agent.errors import UsageError
from pocket_agent.profile.slots import BY_NAME
from pocket_agent.profile.values import key
from pocket_agent.training.simulator.pattern import (
    ANY,
    Pattern,
    PatternError,
    for_every_slot,
    parse_fact,
    parse_free,
    parse_heading,
)

PACKAGED = Path(__file__).parent / "text"
FRAMES = ("openers", "asides", "followups", "assistant")
CLOSED = "# closed"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the text, and where."""

    source: str
    message: str

    def __str__(self) -> str:
        return f"{self.source}: {self.message}"


@dataclass(frozen=True, slots=True)
class ValueList:
    """The values of one list. A closed one (months, numbers) is the same in every split."""

    name: str
    values: tuple[str, ...]
    closed: bool = False


@dataclass(slots=True)
class Text:
    """All that simulated people can say."""

    facts: list[Pattern] = field(default_factory=list)
    noise: list[Pattern] = field(default_factory=list)
    frames: list[Pattern] = field(default_factory=list)
    values: dict[str, ValueList] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load_text(root: Path = PACKAGED) -> Text:
    """The text under `root`; lines with problems are left out and listed.

    Raises:
        UsageError: the folder holds no text.
    """
    text = Text()
    for path in sorted((root / "values").glob("*.txt")):
        _load_values(text, path)
    lists = frozenset(text.values)
    for path in sorted((root / "slots").glob("*.txt")):
        _load_slot(text, path, lists)
    for group, found in (("noise", text.noise), ("frame", text.frames)):
        for path in sorted((root / group).glob("*.txt")):
            found.extend(_load_free(text, path, group, lists))
    if not text.facts and not text.noise:
        raise UsageError(f"{root} holds no text for the simulator")
    return text


def _lines(text: Text, path: Path) -> Iterator[tuple[str, str]]:
    """The lines that say something, each with `folder/file:line`."""
    try:
        content = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        text.problems.append(Problem(f"{path.parent.name}/{path.name}", f"not UTF-8 ({error})"))
        return
    for number, line in enumerate(content.splitlines(), 1):
        stripped = line.strip()
        is_comment = stripped.startswith("#") and not stripped.startswith("#!")
        if stripped and not is_comment:
            yield f"{path.parent.name}/{path.name}:{number}", stripped


def _load_values(text: Text, path: Path) -> None:
    values: dict[str, str] = {}
    for source, line in _lines(text, path):
        if any(mark in line for mark in "[]{}<>|"):
            text.problems.append(Problem(source, f"a mark in the value {line!r}"))
        elif not key(line):
            text.problems.append(Problem(source, f"a value without words: {line!r}"))
        elif line in values:
            text.problems.append(Problem(source, f"repeats {values[line]}"))
        else:
            values[line] = source
    closed = path.read_bytes().startswith(CLOSED.encode())
    text.values[path.stem] = ValueList(path.stem, tuple(values), closed)


def _load_slot(text: Text, path: Path, lists: frozenset[str]) -> None:
    slot, section = path.stem, ""
    if slot not in (*BY_NAME, ANY):
        text.problems.append(Problem(f"slots/{path.name}:1", f"there is no slot {slot!r}"))
        return
    seen: dict[tuple[str, str], str] = {}
    for source, line in _lines(text, path):
        try:
            if line.startswith("=="):
                section = ""
                section = parse_heading(line.strip("= "), slot)
            elif section:
                _refuse_repeat(seen, (section, line.casefold()), source)
                pattern = parse_fact(line, slot, section, source)
                _check_lists(pattern, lists)
                text.facts.extend(for_every_slot(pattern, section) if slot == ANY else [pattern])
            else:
                raise PatternError("a line outside any section")
        except PatternError as error:
            text.problems.append(Problem(source, str(error)))


def _load_free(text: Text, path: Path, group: str, lists: frozenset[str]) -> Iterable[Pattern]:
    if group == "frame" and path.stem not in FRAMES:
        text.problems.append(Problem(f"frame/{path.name}:1", f"not one of {', '.join(FRAMES)}"))
        return
    seen: dict[tuple[str, str], str] = {}
    for source, line in _lines(text, path):
        try:
            _refuse_repeat(seen, ("", line.casefold()), source)
            yield parse_free(line, group, path.stem, source, lists)
        except PatternError as error:
            text.problems.append(Problem(source, str(error)))


def _refuse_repeat(seen: dict[tuple[str, str], str], line: tuple[str, str], source: str) -> None:
    if line in seen:
        raise PatternError(f"repeats {seen[line]}")
    seen[line] = source


def _check_lists(pattern: Pattern, lists: frozenset[str]) -> None:
    for fill in pattern.fills():
        if fill.list not in lists:
            raise PatternError(f"unknown list {{{fill.list}}}")
