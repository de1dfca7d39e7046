"""The export format: JSON lines, versioned, closed by a trailer that proves it is whole.

docs/export-format.md describes it for readers of other programs.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from pocket_agent.errors import PortableError, ProfileError
from pocket_agent.memory.records import Session, Turn, TurnRole, TurnStatus
from pocket_agent.profile.facts import Actor, Event, Fact, Op, OpKind, Polarity, Source
from pocket_agent.profile.rules import check

FORMAT = "pocket-agent-profile"
VERSION = 1
MAX_LINE = 8 * 1024 * 1024
"""Bytes; a longer line is no turn of ours."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an export holds. The log is the truth; the facts in the file are for other readers."""

    sessions: tuple[Session, ...]
    turns: tuple[Turn, ...]
    events: tuple[Event, ...]


def encode(contents: Contents, facts: Iterable[Fact], created: str) -> Iterator[bytes]:
    """The lines of an export, each with its line end."""
    digest = hashlib.sha256()
    held = list(facts)
    counts = {
        "sessions": len(contents.sessions),
        "turns": len(contents.turns),
        "events": len(contents.events),
        "facts": len(held),
    }
    header = {"format": FORMAT, "version": VERSION, "created": created, "counts": counts}
    rows: list[tuple[str, Iterable[Any]]] = [
        ("session", contents.sessions),
        ("turn", contents.turns),
        ("event", contents.events),
        ("fact", held),
    ]
    for line in _lines(header, rows):
        digest.update(line)
        yield line
    yield _line({"kind": "end", "sha256": digest.hexdigest()})


def decode(lines: Iterable[bytes]) -> Contents:
    """Read an export and check all of it.

    Raises:
        PortableError: it is not one, of another version, cut short, changed, or inconsistent. The
            message names the line.
    """
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        reader.take(number, line)
    return reader.finish()


def _lines(header: dict[str, Any], rows: list[tuple[str, Iterable[Any]]]) -> Iterator[bytes]:
    yield _line({"kind": "header", **header})
    for kind, items in rows:
        for item in items:
            yield _line({"kind": kind, **asdict(item)})


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class _Reader:
    """Takes an export line by line; nothing of it counts before `finish`."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._counts: dict[str, int] = {}
        self._expected: dict[str, int] | None = None
        self._ended = False
        self._sessions: dict[str, Session] = {}
        self._turns: dict[str, Turn] = {}
        self._events: dict[str, Event] = {}

    def take(self, number: int, line: bytes) -> None:
        record = _parse(number, line)
        kind = record.pop("kind", None)
        if self._ended:
            raise _wrong(number, "something follows the end")
        if self._expected is None:
            self._header(number, kind, record)
        elif kind == "end":
            if record.get("sha256") != self._digest.hexdigest():
                raise _wrong(number, "the file was changed or damaged on its way")
            self._ended = True
        else:
            self._row(number, kind, record)
        self._digest.update(line)

    def finish(self) -> Contents:
        if self._expected is None:
            raise PortableError("The file is empty", _AGAIN)
        if not self._ended:
            raise PortableError("The file is cut short: its end is missing", _AGAIN)
        if self._counts != {name: n for name, n in self._expected.items() if n}:
            raise PortableError("The file does not hold what its first line announces", _AGAIN)
        return Contents(
            tuple(self._sessions.values()),
            tuple(self._turns.values()),
            tuple(self._events.values()),
        )

    def _header(self, number: int, kind: Any, record: dict[str, Any]) -> None:
        if kind != "header" or record.get("format") != FORMAT:
            raise PortableError("This is not an export of Pocket Agent", "Choose another file.")
        if record.get("version") != VERSION:
            raise PortableError(
                f"The export is of version {record.get('version')!r}, this program reads {VERSION}",
                "Use the program that wrote it, or a newer one.",
            )
        counts = record.get("counts")
        if not isinstance(counts, dict) or not all(isinstance(n, int) for n in counts.values()):
            raise _wrong(number, "the counts are missing")
        self._expected = counts

    def _row(self, number: int, kind: Any, record: dict[str, Any]) -> None:
        plural = f"{kind}s"
        self._counts[plural] = self._counts.get(plural, 0) + 1
        try:
            match kind:
                case "session":
                    self._keep(number, self._sessions, _session(record))
                case "turn":
                    self._keep(number, self._turns, self._checked_turn(number, record))
                case "event":
                    self._keep(number, self._events, self._checked_event(number, record))
                case "fact":
                    pass  # follows from the log
                case _:
                    raise _wrong(number, f"there is no kind {kind!r}")
        except (TypeError, ValueError, KeyError) as error:
            raise _wrong(number, f"the {kind} is malformed ({error})") from error

    def _keep(self, number: int, table: dict[str, Any], item: Any) -> None:
        if not item.id:
            raise _wrong(number, "the id is empty")
        if item.id in table:
            raise _wrong(number, f"the id {item.id!r} comes twice")
        table[item.id] = item

    def _checked_turn(self, number: int, record: dict[str, Any]) -> Turn:
        turn = _turn(record)
        if turn.session not in self._sessions:
            raise _wrong(number, "the turn's session is not in the file")
        if turn.status is TurnStatus.OPEN:
            raise _wrong(number, "the turn is not finished")
        return turn

    def _checked_event(self, number: int, record: dict[str, Any]) -> Event:
        event = _event(record)
        last = max((e.seq for e in self._events.values()), default=0)
        if event.seq <= last:
            raise _wrong(number, "the events are out of order")
        if event.op.kind is OpKind.UNDO and not 0 < event.op.undoes < event.seq:
            raise _wrong(number, "it undoes an event that is not there")
        try:
            check(event)
        except ProfileError as error:
            raise _wrong(number, str(error)) from error
        return event


_AGAIN = "Export it again and import that file."


def _wrong(number: int, why: str) -> PortableError:
    return PortableError(f"Line {number} of the export can't be used: {why}", _AGAIN)


def _parse(number: int, line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise _wrong(number, "it is too long")
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _wrong(number, "it is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(number, "it is not JSON, or cut short") from error
    if not isinstance(record, dict):
        raise _wrong(number, "it is not an object")
    return record


def _text(record: dict[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(record[name], str):
            raise TypeError(f"{name} is not text")


def _session(record: dict[str, Any]) -> Session:
    _text(record, "id", "title", "started", "touched")
    return Session(**{**record, "turns": 0})


def _turn(record: dict[str, Any]) -> Turn:
    _text(record, "id", "session", "role", "text", "at", "status", "speaker")
    turn = Turn(**record)
    return replace(turn, role=TurnRole(turn.role), status=TurnStatus(turn.status))


def _event(record: dict[str, Any]) -> Event:
    _text(record, "id", "at", "actor", "policy", "since")
    if type(record["seq"]) is not int or not isinstance(record["confidence"], int | float):
        raise TypeError("seq or confidence is not a number")
    op = record["op"]
    _text(op, "kind", "slot", "value", "old", "polarity", "fact")
    if type(op["undoes"]) is not int:
        raise TypeError("undoes is not a number")
    made = Op(**{**op, "kind": OpKind(op["kind"]), "polarity": Polarity(op["polarity"])})
    return Event(
        **{
            **record,
            "actor": Actor(record["actor"]),
            "op": made,
            "source": _source(record["source"]),
            "confidence": float(record["confidence"]),
        }
    )


def _source(record: Any) -> Source | None:
    if record is None:
        return None
    _text(record, "turn", "quote", "question")
    if type(record["start"]) is not int or type(record["end"]) is not int:
        raise TypeError("a source's span is not a pair of numbers")
    return Source(**record)
