"""The export format: JSON lines, versioned, closed by a trailer that proves it is whole.

docs/export-format.md describes it for readers of other programs.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pocket_agent.errors import PortableError, ProfileError
from pocket_agent.memory.branches import Branch
from pocket_agent.memory.graves import NO_GRAVES, Graves
from pocket_agent.memory.records import Context, Session, Turn, TurnRole
from pocket_agent.portable.records import (
    Fields,
    read_branch,
    read_context,
    read_event,
    read_fact,
    read_session,
    read_turn,
)
from pocket_agent.portable.sources import Said
from pocket_agent.profile.facts import Event, Fact, OpKind
from pocket_agent.profile.rules import check

FORMAT = "pocket-agent-profile"
VERSION = 3
_PLAINEST = 2
"""The version of an export without branches and contexts, which earlier programs read too."""
MAX_LINE = 8 * 1024 * 1024
"""Bytes; a longer line is no turn of ours."""
_KINDS = {
    1: ("session", "turn", "event", "fact"),
    2: ("session", "turn", "event", "fact", "secret", "tombstone"),
    3: ("session", "turn", "branch", "context", "event", "fact", "secret", "tombstone"),
}

_AGAIN = "Export it again and import that file."
_OTHER = "Choose another file."
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_PROFILE = re.compile(r"[0-9a-f]{0,64}")
_MOST_STRUCTURE = 1024 * 1024
"""Bytes of a line outside of its texts: a few million lists would take all the memory there is."""
_MOST_SECRETS = 32
_SHOWN = 80  # characters of what a file says that go into a message


@dataclass(frozen=True, slots=True)
class Contents:
    """What an export holds. The log is the truth; the facts in the file are for other readers.

    Args:
        events: in the order of their numbers. contexts: what replies were made from.
        graves: tombstones of what was forgotten. whole: nothing was chosen to be left out.
        branches: the turns that do not follow the one before them in their session.
        profile: by what other exports of the same profile are known; empty if it doesn't say.
    """

    sessions: tuple[Session, ...] = ()
    turns: tuple[Turn, ...] = ()
    events: tuple[Event, ...] = ()
    contexts: tuple[Context, ...] = ()
    graves: Graves = NO_GRAVES
    whole: bool = True
    branches: tuple[Branch, ...] = ()
    profile: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of an export: its version, how many of each kind it announces, whose it is."""

    version: int
    whole: bool
    counts: dict[str, int]
    profile: str = ""


def encode(
    contents: Contents, facts: Iterable[Fact], created: str, profile: str = ""
) -> Iterator[bytes]:
    """The lines of an export, each with its line end.

    Args:
        facts: what the log adds up to. created: now, ISO 8601 in UTC.
        profile: the id of the profile it is of; empty to leave that out.
    """
    rows = {
        "session": contents.sessions,
        "turn": contents.turns,
        "branch": contents.branches,
        "context": contents.contexts,
        "event": contents.events,
        "fact": tuple(facts),
        "secret": tuple(_Secret(key) for key in contents.graves.keys),
        "tombstone": tuple(_Tombstone(*mark) for mark in contents.graves.marks),
    }
    version = VERSION if contents.branches or contents.contexts else _PLAINEST
    rows = {kind: rows[kind] for kind in _KINDS[version]}
    counts = {_plural(kind): len(items) for kind, items in rows.items()}
    head = {"format": FORMAT, "version": version, "created": created}
    head |= {"whole": contents.whole, "counts": counts}
    head |= {"profile": profile} if profile else {}
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


def read_header(line: bytes) -> Header:
    """Check the first line of an export.

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
    if type(version) is not int or version not in _KINDS:
        raise PortableError(
            f"The export has the version {_short(version)}, and this program reads versions "
            f"1 to {VERSION}",
            "Use the program that wrote it, or a newer one.",
        )
    whole = record.get("whole", version == 1)
    if type(whole) is not bool:
        raise _wrong(1, "whole is neither true nor false")
    profile = record.get("profile", "")
    if not isinstance(profile, str) or not _PROFILE.fullmatch(profile):
        raise _wrong(1, "profile is no id")
    return Header(version, whole, _counts(1, record, version), profile)


@dataclass(frozen=True, slots=True)
class _Secret:
    """A key that tombstones were made with."""

    id: str


@dataclass(frozen=True, slots=True)
class _Tombstone:
    """A keyed hash of what was forgotten, and when."""

    id: str
    at: str


def _records(head: dict[str, Any], rows: dict[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    yield {"kind": "header", **head}
    for kind, items in rows.items():
        for item in items:
            yield {"kind": kind, **asdict(item)}


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


_Item = Session | Turn | Branch | Context | Event | Fact | _Secret | _Tombstone


class _Reader:
    """Takes an export line by line; nothing of it counts before `finish`."""

    def __init__(self, stored: dict[str, Turn]) -> None:
        self._digest = hashlib.sha256()
        self._header: Header | None = None
        self._ended = False
        self._seq = 0
        self._seqs: set[int] = set()
        self._held: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS[VERSION]}
        self._said = Said(stored.values())
        self._places: dict[str, int] = {}

    def take(self, number: int, line: bytes) -> None:
        """One more line, the first being number 1."""
        if self._ended:
            raise _wrong(number, "something follows the end")
        if self._header is None:
            self._header = read_header(line)
        else:
            self._record(number, _parse(number, line), self._header)
        self._digest.update(line)

    def finish(self) -> Contents:
        """What all the lines hold.

        Raises:
            PortableError: lines are missing.
        """
        if self._header is None:
            raise PortableError("The file is empty", _OTHER)
        if not self._ended:
            raise PortableError("The file is cut short: its end is missing", _AGAIN)
        return Contents(
            tuple(self._held["session"].values()),
            tuple(self._held["turn"].values()),
            tuple(self._held["event"].values()),
            tuple(self._held["context"].values()),
            Graves(
                tuple(self._held["secret"]),
                tuple((mark.id, mark.at) for mark in self._held["tombstone"].values()),
            ),
            self._header.whole,
            tuple(self._held["branch"].values()),
            self._header.profile,
        )

    def _record(self, number: int, record: dict[str, Any], header: Header) -> None:
        kind = record.pop("kind", None)
        if kind == "end":
            self._end(number, record, header)
            return
        if not isinstance(kind, str) or kind not in _KINDS[header.version]:
            raise _wrong(number, f"there is no kind {_short(kind)}")
        try:
            item = self._read(kind, Fields(record), header.version)
            if item.id in self._held[kind]:
                raise ValueError(f"the {kind} {_short(item.id)[1:-1]} comes twice")
            self._held[kind][item.id] = self._placed(item)
            if len(self._held[kind]) > header.counts[_plural(kind)]:
                raise ValueError(f"there are more {_plural(kind)} than the file says")
            if kind == "secret" and len(self._held[kind]) > _MOST_SECRETS:
                raise ValueError("there are more secrets than computers could have met")
        except ProfileError as error:
            raise _wrong(number, error.what) from error
        except ValueError as error:
            raise _wrong(number, str(error)) from error

    def _read(self, kind: str, fields: Fields, version: int) -> _Item:
        match kind:
            case "session":
                return read_session(fields)
            case "turn":
                return read_turn(fields)
            case "branch":
                return read_branch(fields)
            case "context":
                return read_context(fields)
            case "event":
                return read_event(fields, clocked=version > 1)
            case "fact":
                return read_fact(fields)
            case _:
                mark = fields.digest("id")
                made = _Secret(mark) if kind == "secret" else _Tombstone(mark, fields.text("at"))
                fields.end()
                return made

    def _placed(self, item: _Item) -> _Item:
        """The item, if it may stand behind what came before it."""
        match item:
            case Turn():
                return self._known(item)
            case Branch():
                return self._begun(item)
            case Context():
                return self._made(item)
            case Event():
                return self._following(item)
            case _:
                return item

    def _begun(self, branch: Branch) -> Branch:
        """The branch, if its turn follows one that was said before it in the same session."""
        turns: dict[str, Turn] = self._held["turn"]
        turn, parent = turns.get(branch.id), turns.get(branch.parent)
        if turn is None:
            raise ValueError("the branch's turn is not in the file before it")
        if not branch.parent:
            return branch
        places = self._places or {name: place for place, name in enumerate(turns)}
        self._places = places
        if (
            parent is None
            or parent.session != turn.session
            or places[parent.id] >= places[branch.id]
        ):
            raise ValueError("what the branch follows is not before it in its session")
        return branch

    def _known(self, turn: Turn) -> Turn:
        if turn.session not in self._held["session"]:
            raise ValueError("the turn's session is not in the file before it")
        self._said.add(turn)
        return turn

    def _made(self, context: Context) -> Context:
        reply = self._held["turn"].get(context.id)
        if reply is None or reply.role is not TurnRole.ASSISTANT:
            raise ValueError("the reply it is of is not in the file before it")
        return context

    def _following(self, event: Event) -> Event:
        """The event, in its order, allowed by the rules, with words that were said."""
        if event.seq <= self._seq:
            raise ValueError("the events are out of order")
        self._said.check_size(event)
        check(event)
        self._said.check(event)
        if event.op.kind is OpKind.UNDO and event.op.undoes >= event.seq:
            raise ValueError("it undoes an event that comes later")
        self._seq = event.seq
        self._seqs.add(event.seq)
        if event.op.undoes in self._seqs:
            return event
        return replace(event, op=replace(event.op, undoes=0))  # that event has been forgotten

    def _end(self, number: int, record: dict[str, Any], header: Header) -> None:
        held = {_plural(kind): len(self._held[kind]) for kind in _KINDS[header.version]}
        if header.counts != held or _counts(number, record, header.version) != held:
            raise _wrong(number, "lines are missing or too many")
        if record.get("sha256") != self._digest.hexdigest():
            raise _wrong(number, "the file was changed or damaged on its way")
        self._ended = True


def _plural(kind: str) -> str:
    return "branches" if kind == "branch" else f"{kind}s"


def _short(value: Any) -> str:
    """A value of the file as it may stand in a message."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _counts(number: int, record: dict[str, Any], version: int) -> dict[str, int]:
    counts = record.get("counts")
    wanted = {_plural(kind) for kind in _KINDS[version]}
    if not isinstance(counts, dict) or set(counts) != wanted:
        raise _wrong(number, "the counts are missing")
    if not all(type(count) is int for count in counts.values()):
        raise _wrong(number, "the counts are not numbers")
    return counts


def _wrong(number: int, why: str) -> PortableError:
    told = why if len(why) <= 4 * _SHOWN else f"{why[: 4 * _SHOWN]}…"
    return PortableError(f"Line {number} of the export can't be used: {told}", _AGAIN)


def _parse(number: int, line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise _wrong(number, "it is too long")
    if len(line) > _MOST_STRUCTURE and len(_STRING.sub(b"", line)) > _MOST_STRUCTURE:
        raise _wrong(number, "it is no record: there are too many parts in it")
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _wrong(number, "it is not UTF-8") from error
    except (ValueError, RecursionError, MemoryError) as error:
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
