"""Export and import of a profile: everything it holds, in one file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pocket_agent.errors import PortableError
from pocket_agent.memory.records import Session, Turn, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.portable.lines import MAX_LINE, Contents, decode, encode, read_header
from pocket_agent.profile.facts import Event
from pocket_agent.whole_file import replacing

_PAGE = 500
_MAX_FILE = 2 * 1024**3
_ELSEWHERE = "Import into a new profile: pocket-agent profile create NAME."


@dataclass(frozen=True, slots=True)
class Summary:
    """How much was written or taken in; `skipped` is what was there already."""

    sessions: int
    turns: int
    events: int
    skipped: int = 0


def export_profile(store: Store, path: Path) -> Summary:
    """Write everything of a profile to `path`: whole, or not at all, for its owner's eyes alone.

    An older export at that place is replaced; any other file is not.

    Raises:
        PortableError: the file can't be written. DiskFullError: there is no room.
    """
    with store.database.reading():  # nothing changes meanwhile
        contents = read_contents(store)
        facts = list(store.profile().facts.values())
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        _check_place(path)
        with replacing(path) as file:
            file.writelines(encode(contents, facts, created))
    except OSError as error:
        raise PortableError(
            f"{path} can't be written ({error.strerror or error})", "Choose another place."
        ) from error
    return Summary(len(contents.sessions), len(contents.turns), len(contents.events))


def import_profile(store: Store, path: Path) -> Summary:
    """Take in an export: all of it is checked first, then all of it is added, or nothing.

    What is there already, to the letter, is passed over: importing twice changes nothing. A
    session's title may differ: the one that is there stays. What was forgotten here stays so.

    Raises:
        PortableError: the file is not an export, damaged, or contradicts what is stored.
        DiskFullError: there is no room.
    """
    here = read_contents(store)
    found = decode(_read_lines(path), here.turns)
    contents = _without_forgotten(store, found)
    known = {session.id for session in here.sessions}
    sessions = [session for session in contents.sessions if session.id not in known]
    turns = _new_turns(contents.turns, here.turns)
    events = _new_events(contents.events, here.events)
    added = len(sessions) + len(turns) + len(events)
    if added:
        store.add_archive(sessions, turns, events)
    total = len(found.sessions) + len(found.turns) + len(found.events)
    return Summary(len(sessions), len(turns), len(events), total - added)


def _without_forgotten(store: Store, contents: Contents) -> Contents:
    """An export from before a forgetting must not bring back what it erased."""
    return Contents(
        tuple(session for session in contents.sessions if not store.is_forgotten(session.id)),
        tuple(turn for turn in contents.turns if not store.is_forgotten(turn.id)),
        tuple(
            event
            for event in contents.events
            if not store.is_forgotten(event.id) and store.may_learn(event)
        ),
    )


def read_contents(store: Store) -> Contents:
    """Everything of a store, in order; replies that still stream are left out."""
    sessions = sorted(_all_sessions(store), key=lambda session: (session.started, session.id))
    turns = [turn for session in sessions for turn in _all_turns(store, session.id)]
    finished = tuple(turn for turn in turns if turn.status is not TurnStatus.OPEN)
    return Contents(tuple(sessions), finished, tuple(store.events()))


def _all_sessions(store: Store) -> Iterator[Session]:
    offset = 0
    while page := store.sessions(_PAGE, offset):
        yield from page
        offset += len(page)


def _all_turns(store: Store, session: str) -> list[Turn]:
    pages: list[list[Turn]] = []
    while page := store.turns(session, before=pages[-1][0].id if pages else None, limit=_PAGE):
        pages.append(page)
    return [turn for page in reversed(pages) for turn in page]


def _new_turns(theirs: Iterable[Turn], ours: Iterable[Turn]) -> list[Turn]:
    known = {turn.id: turn for turn in ours}
    fresh = []
    for turn in theirs:
        own = known.get(turn.id)
        if own is None:
            fresh.append(turn)
        elif own != turn:
            raise PortableError(f"The turn {turn.id} is stored here with other words", _ELSEWHERE)
    return fresh


def _new_events(theirs: tuple[Event, ...], ours: tuple[Event, ...]) -> list[Event]:
    """The events that are not here yet. Numbers may differ; what an undo names must not."""
    known = {event.id: event for event in ours}
    names, own_names = _names(theirs), _names(ours)
    fresh = []
    for event in theirs:
        own = known.get(event.id)
        if own is None:
            fresh.append(event)
        elif _content(own, own_names) != _content(event, names):
            raise PortableError(
                f"The event {event.id} is stored here with another content", _ELSEWHERE
            )
    return _renumbered(fresh, names, {event.id: event.seq for event in ours})


def _names(events: Iterable[Event]) -> dict[int, str]:
    """Ids by number; an undo of number 0 takes back nothing."""
    return {0: "", **{event.seq: event.id for event in events}}


def _content(event: Event, names: dict[int, str]) -> tuple[Event, str]:
    """What an event says wherever it stands: without numbers, the undone event by its id."""
    undone = names.get(event.op.undoes, "")
    return replace(event, seq=0, op=replace(event.op, undoes=0)), undone


def _renumbered(fresh: list[Event], names: dict[int, str], seqs: dict[str, int]) -> list[Event]:
    """Fresh events behind ours, each undo naming its event by that event's number here.

    The store gives them numbers of its own again, and leaves alone the undo of an event that is
    not among them: behind ours, no number of theirs can be taken for one of ours.
    """
    moved = []
    for seq, event in enumerate(fresh, max(seqs.values(), default=0) + 1):
        seqs[event.id] = seq
        op = replace(event.op, undoes=seqs.get(names.get(event.op.undoes, ""), 0))
        moved.append(replace(event, seq=seq, op=op))
    return moved


def _check_place(path: Path) -> None:
    """Only an older export, or an empty file, may be written over."""
    if path.is_dir():
        raise PortableError(f"{path} is a folder", "Name a file in it.")
    if not path.exists():
        return
    if not path.is_file():
        raise PortableError(f"{path} is not a plain file", "Choose another place.")
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        first = file.readline(MAX_LINE)
    try:
        read_header(first)
    except PortableError as error:
        raise PortableError(
            f"{path} is there already and is not an export", "Choose another name."
        ) from error


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
