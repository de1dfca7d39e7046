"""Import of an export: all of it is checked, then all of it is taken in, or nothing."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from pocket_agent.errors import PortableError
from pocket_agent.memory.branches import Branch
from pocket_agent.memory.records import Session, Turn
from pocket_agent.memory.store import Store
from pocket_agent.memory.tombstones import Graves
from pocket_agent.portable import age
from pocket_agent.portable.branching import new_branches
from pocket_agent.portable.changes import compare
from pocket_agent.portable.contents import Summary, read_contents
from pocket_agent.portable.lines import Contents, decode
from pocket_agent.portable.reading import read_lines
from pocket_agent.profile.facts import Event, OpKind
from pocket_agent.profile.merging import fresh, ids_by_number, in_order
from pocket_agent.profile.rules import replay

_ELSEWHERE = "Import into a new profile: pocket-agent profile create NAME."


def import_profile(
    store: Store,
    path: Path,
    *,
    keys: age.Keys | None = None,
    replace: bool = False,
    dry_run: bool = False,
) -> Summary:
    """Take in an export, as one step that `undo` takes back.

    The facts of both are merged by rule: the newer statement wins, what is locked wins over it, the
    same fact twice is one. What is there already is passed over: importing twice changes nothing. A
    session's title may differ: the one that is there stays. What was forgotten here stays so.

    Args:
        keys: what opens the file, if it is encrypted.
        replace: let it take the place of all that is here, rather than merge it.
        dry_run: write nothing, and say what would change.

    Raises:
        PortableError: the file is not an export, damaged, or contradicts what is stored.
        DiskFullError: there is no room.
    """
    here = Contents() if replace else read_contents(store)
    found = decode(read_lines(path, keys), here.turns)
    new = _new(store, here, found)
    if not dry_run and (replace or _anything(store, new)):
        store.add_archive(
            new.sessions,
            new.turns,
            new.events,
            new.graves,
            branches=new.branches,
            replace=replace,
        )
    return new.summary


@dataclass(frozen=True, slots=True)
class _New:
    """What an import adds, and what it comes to."""

    sessions: list[Session]
    turns: list[Turn]
    events: list[Event]
    graves: Graves
    summary: Summary
    branches: list[Branch]


def _anything(store: Store, new: _New) -> bool:
    marks = {mark for mark, _ in store.graves().marks}
    return bool(new.sessions or new.turns or new.events) or any(
        mark not in marks for mark, _ in new.graves.marks
    )


def _new(store: Store, here: Contents, found: Contents) -> _New:
    contents = _without_forgotten(store, found)
    known = {session.id for session in here.sessions}
    sessions = [session for session in contents.sessions if session.id not in known]
    lost = found.graves.among(_names(here))
    turns = _new_turns(contents.turns, here.turns, lost)
    kept = {event.id for event in contents.events}
    _check_events(found.events, here.events, lost, kept)
    events = fresh(here.events, found.events, {event.id for event in found.events} - kept)
    total = len(found.sessions) + len(found.turns) + len(found.events)
    added = len(sessions) + len(turns) + len(events)
    changes = compare(store.profile(), replay(in_order([*here.events, *events])))
    summary = Summary(
        len(sessions),
        len(turns),
        len(events),
        total - added,
        changes=changes,
        forgotten_there=len(lost),
    )
    branches = new_branches(found, here, turns)
    return _New(sessions, turns, events, found.graves, summary, branches)


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
        branches=contents.branches,
    )


def _names(contents: Contents) -> Iterator[str]:
    """The ids of what has words."""
    yield from (session.id for session in contents.sessions)
    yield from (turn.id for turn in contents.turns)
    yield from (event.id for event in contents.events if event.op.kind is not OpKind.NONE)


def _new_turns(theirs: Iterable[Turn], ours: Iterable[Turn], lost: Set[str]) -> list[Turn]:
    """Their turns that are not here. Those that have lost words there are passed over."""
    known = {turn.id: turn for turn in ours}
    new = []
    for turn in theirs:
        own = known.get(turn.id)
        if own is None:
            new.append(turn)
        elif own != turn and turn.id not in lost:
            raise PortableError(f"The turn {turn.id} is stored here with other words", _ELSEWHERE)
    return new


def _check_events(
    theirs: Sequence[Event], ours: Sequence[Event], lost: Set[str], kept: Set[str]
) -> None:
    """See that what both have is the same. Numbers may differ; what an undo names must not.

    Args:
        lost: ids of what has lost words there. kept: of theirs, what was not forgotten here.
    """
    known = {event.id: event for event in ours}
    names, own_names = ids_by_number(theirs), ids_by_number(ours)
    for event in theirs:
        own = known.get(event.id)
        if own is None or _content(own, own_names) == _content(event, names):
            continue
        if event.id not in lost and event.id in kept:
            raise PortableError(
                f"The event {event.id} is stored here with another content", _ELSEWHERE
            )


def _content(event: Event, names: dict[int, str]) -> tuple[Event, str]:
    """What an event says wherever it stands: without numbers, the undone event by its id."""
    undone = names.get(event.op.undoes, "")
    bare = replace(event, seq=0, clock=0, over="", op=replace(event.op, undoes=0))
    return bare, undone
