"""Export and import of a profile: everything it holds, in one file."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pocket_agent.errors import DiskFullError, PortableError
from pocket_agent.memory.records import Session, Turn, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.portable.lines import MAX_LINE, Contents, decode, encode
from pocket_agent.profile.facts import Event

_PAGE = 500
_MAX_FILE = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Summary:
    """How much was written or taken in; `skipped` is what was there already."""

    sessions: int
    turns: int
    events: int
    skipped: int = 0


def export_profile(store: Store, path: Path) -> Summary:
    """Write everything of a profile to `path`: whole, or not at all.

    Raises:
        PortableError: the file can't be written. DiskFullError: there is no room.
    """
    contents = read_contents(store)
    facts = list(store.profile().facts.values())
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _write(path, encode(contents, facts, created))
    return Summary(len(contents.sessions), len(contents.turns), len(contents.events))


def import_profile(store: Store, path: Path) -> Summary:
    """Take in an export: all of it is checked first, then all of it is added, or nothing.

    What is there already, to the letter, is passed over: importing twice changes nothing.

    Raises:
        PortableError: the file is not an export, damaged, or contradicts what is stored.
    """
    contents = decode(_read_lines(path))
    here = read_contents(store)
    sessions = [s for s in contents.sessions if s.id not in {own.id for own in here.sessions}]
    turns = _new_turns(contents.turns, here.turns)
    events = _new_events(contents.events, here.events)
    store.add_archive(sessions, turns, events)
    total = len(contents.sessions) + len(contents.turns) + len(contents.events)
    added = len(sessions) + len(turns) + len(events)
    return Summary(len(sessions), len(turns), len(events), total - added)


def read_contents(store: Store) -> Contents:
    """Everything of a store, in order."""
    sessions = list(_all_sessions(store))
    sessions.sort(key=lambda session: (session.started, session.id))
    turns = [turn for session in sessions for turn in _all_turns(store, session.id)]
    finished = [turn for turn in turns if turn.status is not TurnStatus.OPEN]
    return Contents(tuple(sessions), tuple(finished), tuple(store.events()))


def _all_sessions(store: Store) -> Iterator[Session]:
    offset = 0
    while page := store.sessions(_PAGE, offset):
        yield from page
        offset += len(page)


def _all_turns(store: Store, session: str) -> list[Turn]:
    turns: list[Turn] = []
    while page := store.turns(session, before=turns[0].id if turns else None, limit=_PAGE):
        turns = [*page, *turns]
    return turns


def _new_turns(theirs: tuple[Turn, ...], ours: tuple[Turn, ...]) -> list[Turn]:
    known = {turn.id: turn for turn in ours}
    for turn in theirs:
        if turn.id in known and known[turn.id] != turn:
            raise PortableError(
                f"The turn {turn.id} is stored here with other words",
                "Import into a new profile: pocket-agent profile create NAME.",
            )
    return [turn for turn in theirs if turn.id not in known]


def _new_events(theirs: tuple[Event, ...], ours: tuple[Event, ...]) -> list[Event]:
    """The events that are not here yet. Numbers may differ; what an undo names must not."""
    known = {event.id: event for event in ours}
    by_seq = {event.seq: event.id for event in theirs}
    ours_by_seq = {event.seq: event.id for event in ours}
    fresh = []
    for event in theirs:
        own = known.get(event.id)
        if own is None:
            fresh.append(event)
            continue
        undoes = (by_seq.get(event.op.undoes), ours_by_seq.get(own.op.undoes))
        plain = replace(own, seq=0, op=replace(own.op, undoes=0))
        if undoes[0] != undoes[1] or plain != replace(event, seq=0, op=replace(event.op, undoes=0)):
            raise PortableError(
                f"The event {event.id} is stored here with another content",
                "Import into a new profile: pocket-agent profile create NAME.",
            )
    return _renumbered(fresh, by_seq, {event.id: event.seq for event in ours})


def _renumbered(fresh: list[Event], by_seq: dict[int, str], known: dict[str, int]) -> list[Event]:
    """Fresh events behind ours, each undo naming its event by that event's new number."""
    last = max(known.values(), default=0)
    seqs = dict(known)
    moved = []
    for seq, event in enumerate(fresh, last + 1):
        seqs[event.id] = seq
        target = by_seq.get(event.op.undoes, "")
        op = replace(event.op, undoes=seqs.get(target, 0))
        moved.append(replace(event, seq=seq, op=op))
    return moved


def _read_lines(path: Path) -> Iterator[bytes]:
    try:
        if path.is_dir():
            raise PortableError(f"{path} is a folder", "Name the file that was exported.")
        if path.stat().st_size > _MAX_FILE:
            raise PortableError(f"{path.name} is larger than any export", "Choose another file.")
        with path.open("rb") as stream:
            while line := stream.readline(MAX_LINE + 1):
                yield line
    except OSError as error:
        raise PortableError(
            f"{path} can't be read ({error.strerror or error})", "Check the name."
        ) from error


def _write(path: Path, lines: Iterator[bytes]) -> None:
    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.writelines(lines)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> Exception:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"The disk is full: {path.name} was not written", "Make room.")
    return PortableError(
        f"{path} can't be written ({error.strerror or error})", "Choose another place."
    )
