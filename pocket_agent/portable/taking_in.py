"""Import of an export: all of it is checked, then all of it is taken in, or nothing."""

from collections.abc import Callable, Set
from dataclasses import replace as replace_of
from pathlib import Path

from pocket_agent.memory.graves import Register
from pocket_agent.memory.joining import Arrival
from pocket_agent.memory.records import Context, Session, Turn
from pocket_agent.memory.store import Store
from pocket_agent.portable import age
from pocket_agent.portable.branching import new_branches
from pocket_agent.portable.changes import Changes, compare
from pocket_agent.portable.contents import Summary, read_contents
from pocket_agent.portable.forgotten import find_losses, names_of
from pocket_agent.portable.lines import Contents, decode
from pocket_agent.portable.reading import read_lines
from pocket_agent.profile.facts import Fact
from pocket_agent.profile.meeting import meet
from pocket_agent.profile.rules import replay
from pocket_agent.profile.slots import STYLE


def _no_exports(_names: Set[str]) -> list[Path]:
    return []


def import_profile(
    store: Store,
    path: Path,
    *,
    keys: age.Keys | None = None,
    replace: bool = False,
    dry_run: bool = False,
    forget_too: bool = False,
    mine: bool = False,
    exports: Callable[[Set[str]], list[Path]] = _no_exports,
) -> Summary:
    """Take in an export, as one step that `undo` takes back.

    The facts of both are merged by rule: the newer statement wins, what is locked wins over it, the
    same fact twice is one. What is there already is passed over: importing twice changes nothing. A
    session's title may differ: the one that is there stays. What was forgotten here stays so.

    Args:
        keys: what opens the file, if it is encrypted.
        replace: let it take the place of all that is here, rather than merge it.
        dry_run: write nothing, and say what would change.
        forget_too: erase here too what was forgotten there, for good. Two that exchange their
            exports so hold the same profile, and nothing that either has forgotten.
        mine: it is of the person's own other computer: what it wishes of style acts here too.
            Otherwise, and if this profile didn't write it itself, the model is told it as
            information until the person keeps it.
        exports: finds the exports of ours that hold one of these rows; they go with them.

    Raises:
        PortableError: the file is not an export, damaged, or contradicts what is stored.
        DiskFullError: there is no room.
    """
    here = Contents(graves=store.graves()) if replace else read_contents(store)
    found = decode(read_lines(path, keys), here.turns)
    arrival, summary = _new(store, here, found, forget_too)
    if not (mine or (found.profile and found.profile == store.profile_id())):
        summary = replace_of(summary, hearsay=_styles(summary.changes))
    if not dry_run:
        if mine and found.profile:
            store.sign(found.profile)
        store.doubt(summary.hearsay)  # before they are there: a kill in between does no harm
        _take(store, arrival, replace, exports)
    return summary


def _styles(changes: Changes) -> tuple[Fact, ...]:
    new = (*changes.added, *(fact for _, fact in changes.updated), *changes.waiting)
    return tuple(fact for fact in new if fact.slot in STYLE)


def _take(
    store: Store, arrival: Arrival, replace: bool, exports: Callable[[Set[str]], list[Path]]
) -> None:
    if arrival.erases:
        store.join(arrival, exports(arrival.erases))
        return
    marks = {mark for mark, _ in store.graves().marks}
    new = bool(arrival.sessions or arrival.turns or arrival.events)
    if replace or new or any(mark not in marks for mark, _ in arrival.graves.marks):
        store.add_archive(arrival, replace=replace)


def _contexts(found: Contents, new: list[Turn], there: Set[str]) -> list[Context]:
    """What the new replies were made from, of what is there."""
    replies = {turn.id for turn in new}
    return [
        replace_of(context, turns=tuple(name for name in context.turns if name in there))
        for context in found.contexts
        if context.id in replies
    ]


def _new(store: Store, here: Contents, found: Contents, both: bool) -> tuple[Arrival, Summary]:
    """What an import adds and erases, and what it comes to."""
    losses = find_losses(here, found, both=both)
    met = meet(here.events, found.events, losses.forgotten)
    buried = Register(here.graves)
    known = {turn.id for turn in here.turns} | {session.id for session in here.sessions}
    known |= losses.forgotten.turns

    def fresh(row: Session | Turn) -> bool:
        return row.id not in known and not buried.changed_at(row.id)

    sessions = [session for session in found.sessions if fresh(session)]
    turns = [turn for turn in found.turns if fresh(turn)]
    arrival = Arrival(
        sessions,
        turns,
        met.new,
        _contexts(found, turns, {turn.id for turn in (*here.turns, *turns)} - losses.gone),
        found.graves,
        met.lost,
        met.changed if both else (),
        losses.gone,
        losses.covered if both else {},
        losses.titles if both else {},
        new_branches(found, here, turns),
    )
    total = len(found.sessions) + len(found.turns) + len(found.events)
    summary = Summary(
        len(sessions),
        len(turns),
        len(met.new),
        max(0, total - len(sessions) - len(turns) - len(met.new)),
        changes=compare(store.profile(), replay(met.events)),
        forgotten_there=len(arrival.erases) or len(found.graves.among(names_of(here))),
        erases=bool(arrival.erases),
    )
    return arrival, summary
