"""The export format: JSON lines, versioned, closed by a trailer that proves it is whole.

docs/export-format.md describes it for readers of other programs.
"""

import hashlib
import json
from collections import ChainMap
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from pocket_agent.errors import PortableError, ProfileError
from pocket_agent.memory.records import Session, Turn
from pocket_agent.portable.records import (
    Fields,
    read_event,
    read_fact,
    read_session,
    read_turn,
)
from pocket_agent.portable.sources import check_source
from pocket_agent.profile.facts import Event, Fact, OpKind
from pocket_agent.profile.rules import check

FORMAT = "pocket-agent-profile"
VERSION = 1
MAX_LINE = 8 * 1024 * 1024
"""Bytes; a longer line is no turn of ours."""
KINDS = ("session", "turn", "event", "fact")

_AGAIN = "Export it again and import that file."
_OTHER = "Choose another file."


@dataclass(frozen=True, slots=True)
class Contents:
    """What an export holds. The log is the truth; the facts in the file are for other readers."""

    sessions: tuple[Session, ...] = ()
    turns: tuple[Turn, ...] = ()
    events: tuple[Event, ...] = ()


def encode(contents: Contents, facts: Iterable[Fact], created: str) -> Iterator[bytes]:
    """The lines of an export, each with its line end.

    Args:
        facts: what the log adds up to. created: now, ISO 8601 in UTC.
    """
    rows = {
        "session": contents.sessions,
        "turn": contents.turns,
        "event": contents.events,
        "fact": tuple(facts),
    }
    counts = {f"{kind}s": len(items) for kind, items in rows.items()}
    head = {"format": FORMAT, "version": VERSION, "created": created, "counts": counts}
    digest = hashlib.sha256()
    for record in _records(head, rows):
        line = _line(record)
        digest.update(line)
        yield line
    yield _line({"kind": "end", "counts": counts, "sha256": digest.hexdigest()})


def decode(lines: Iterable[bytes], stored: Iterable[Turn] = ()) -> Contents:
    """Read an export and check all of it.

    Args:
        stored: turns that are here already; a fact of the file may rest on one of them.

    Raises:
        PortableError: it is not one, of another version, cut short, changed, or inconsistent. The
            message names the line.
    """
    reader = _Reader({turn.id: turn for turn in stored})
    for number, line in enumerate(lines, 1):
        reader.take(number, line)
    return reader.finish()


def read_header(line: bytes) -> dict[str, int]:
    """Check the first line of an export.

    Returns:
        How many sessions, turns, events and facts it announces.

    Raises:
        PortableError: it is no export, or of a version that we don't read.
    """
    try:
        record = _parse(1, line)
    except PortableError as error:
        raise PortableError(
            f"This is not an export of Pocket Agent: {error.what}", _OTHER
        ) from None
    if record.get("kind") != "header" or record.get("format") != FORMAT:
        raise PortableError("This is not an export of Pocket Agent", _OTHER)
    version = record.get("version")
    if type(version) is not int or version != VERSION:
        raise PortableError(
            f"The export has the version {version!r}, and this program reads version {VERSION}",
            "Use the program that wrote it, or a newer one.",
        )
    return _counts(1, record)


def _records(head: dict[str, Any], rows: dict[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    yield {"kind": "header", **head}
    for kind, items in rows.items():
        for item in items:
            yield {"kind": kind, **asdict(item)}


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class _Reader:
    """Takes an export line by line; nothing of it counts before `finish`."""

    def __init__(self, stored: dict[str, Turn]) -> None:
        self._stored = stored
        self._digest = hashlib.sha256()
        self._expected: dict[str, int] | None = None
        self._ended = False
        self._seq = 0
        self._seqs: set[int] = set()
        self._held: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}

    def take(self, number: int, line: bytes) -> None:
        """One more line, the first being number 1."""
        if self._ended:
            raise _wrong(number, "something follows the end")
        if self._expected is None:
            self._expected = read_header(line)
        else:
            self._record(number, _parse(number, line))
        self._digest.update(line)

    def finish(self) -> Contents:
        """What all the lines hold.

        Raises:
            PortableError: lines are missing.
        """
        if self._expected is None:
            raise PortableError("The file is empty", _OTHER)
        if not self._ended:
            raise PortableError("The file is cut short: its end is missing", _AGAIN)
        return Contents(
            tuple(self._held["session"].values()),
            tuple(self._held["turn"].values()),
            tuple(self._held["event"].values()),
        )

    def _record(self, number: int, record: dict[str, Any]) -> None:
        kind = record.pop("kind", None)
        if kind == "end":
            self._end(number, record)
            return
        if kind not in KINDS:
            raise _wrong(number, f"there is no kind {kind!r}")
        try:
            item = self._read(kind, Fields(record))
            if item.id in self._held[kind]:
                raise ValueError(f"the {kind} {item.id} comes twice")
            self._held[kind][item.id] = self._placed(item)
        except ProfileError as error:
            raise _wrong(number, error.what) from error
        except ValueError as error:
            raise _wrong(number, str(error)) from error

    def _read(self, kind: str, fields: Fields) -> Session | Turn | Event | Fact:
        match kind:
            case "session":
                return read_session(fields)
            case "turn":
                return read_turn(fields)
            case "event":
                return read_event(fields)
            case _:
                return read_fact(fields)

    def _placed(self, item: Session | Turn | Event | Fact) -> Session | Turn | Event | Fact:
        """The item, if it may stand behind what came before it."""
        match item:
            case Turn():
                return self._known(item)
            case Event():
                return self._following(item)
            case _:
                return item

    def _known(self, turn: Turn) -> Turn:
        if turn.session not in self._held["session"]:
            raise ValueError("the turn's session is not in the file before it")
        return turn

    def _following(self, event: Event) -> Event:
        """The event, in its order, allowed by the rules, with words that were said."""
        if event.seq <= self._seq:
            raise ValueError("the events are out of order")
        check(event)
        check_source(event, ChainMap(self._held["turn"], self._stored))
        if event.op.kind is OpKind.UNDO and event.op.undoes >= event.seq:
            raise ValueError("it undoes an event that comes later")
        self._seq = event.seq
        self._seqs.add(event.seq)
        if event.op.undoes in self._seqs:
            return event
        return replace(event, op=replace(event.op, undoes=0))  # that event has been forgotten

    def _end(self, number: int, record: dict[str, Any]) -> None:
        held = {f"{kind}s": len(items) for kind, items in self._held.items()}
        if self._expected != held or _counts(number, record) != held:
            raise _wrong(number, "lines are missing or too many")
        if record.get("sha256") != self._digest.hexdigest():
            raise _wrong(number, "the file was changed or damaged on its way")
        self._ended = True


def _counts(number: int, record: dict[str, Any]) -> dict[str, int]:
    counts = record.get("counts")
    wanted = {f"{kind}s" for kind in KINDS}
    if not isinstance(counts, dict) or set(counts) != wanted:
        raise _wrong(number, "the counts are missing")
    if not all(type(count) is int for count in counts.values()):
        raise _wrong(number, "the counts are not numbers")
    return counts


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
        cut = "" if line.endswith(b"\n") else ", the file seems to be cut short"
        raise _wrong(number, f"it is not JSON{cut}") from error
    if not isinstance(record, dict):
        raise _wrong(number, "it is not an object")
    if b"\\u" in line:
        _check_characters(number, record)
    return record


def _check_characters(number: int, record: dict[str, Any]) -> None:
    """JSON can spell half a character, which no text of ours holds."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _wrong(number, "it holds characters that are not Unicode") from error
