"""Taking in what another store holds together with what it has forgotten: that is erased here too.

As with every forgetting it is done in a copy, which then takes the store's place: all of it or
nothing, and no undo brings the erased words back.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pocket_agent.memory import imports, tombstones
from pocket_agent.memory.branches import Branch
from pocket_agent.memory.copying import change_in_a_copy
from pocket_agent.memory.database import Database
from pocket_agent.memory.erasure import targets_by_name
from pocket_agent.memory.forgetting import erase_turns
from pocket_agent.memory.graves import NO_GRAVES, Graves
from pocket_agent.memory.identity import now
from pocket_agent.memory.log import EventLog
from pocket_agent.memory.records import Context, Session, Turn
from pocket_agent.memory.scrubbing import leave_to_do
from pocket_agent.memory.turns import Sessions, Turns
from pocket_agent.profile.facts import Event


@dataclass(frozen=True, slots=True)
class Arrival:
    """What comes into a store from another one.

    Args:
        sessions, turns, events: what is new. contexts: what new replies were made from.
        graves: the other store's tombstones.
        lost: ids of new events that left words behind, because those were forgotten here.
        redacted: events of ours, without what was forgotten there. gone: ids of turns of ours.
        covered: turns of ours by id, and the text that stays. titles: of conversations by id.
        branches: which of the new turns do not follow the one before them.
    """

    sessions: Sequence[Session] = ()
    turns: Sequence[Turn] = ()
    events: Sequence[Event] = ()
    contexts: Sequence[Context] = ()
    graves: Graves = NO_GRAVES
    lost: Set[str] = frozenset()
    redacted: Sequence[Event] = ()
    gone: Set[str] = frozenset()
    covered: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    branches: Sequence[Branch] = ()

    @property
    def erases(self) -> frozenset[str]:
        """The ids of what is here and goes, or loses words."""
        names = {*self.gone, *self.covered, *self.titles, *(e.id for e in self.redacted)}
        return frozenset(names)


def join(database: Database, log: EventLog, arrival: Arrival, files: Sequence[Path] = ()) -> None:
    """Take it in, and erase what was forgotten where it comes from. All of it or nothing.

    The caller ends it with `scrubbing.finish`.

    Args:
        files: exports that hold something of what is erased, to be deleted too.

    Raises:
        DiskFullError: there is no room for two copies; the store is as it was.
    """
    try:
        change_in_a_copy(database, lambda copy: _join_in(copy, arrival, files))
    finally:
        log.reload()


def _join_in(database: Database, arrival: Arrival, files: Sequence[Path]) -> None:
    log, sessions, turns = EventLog(database), Sessions(database), Turns(database)
    with database.writing() as connection:
        connection.execute("INSERT INTO erasure VALUES (1)")
        for session in arrival.sessions:
            sessions.add_known(session)
        turns.add_many(arrival.turns, "import", None, arrival.branches)
        turns.add_drawn(arrival.contexts)
        _erase(connection, arrival)
        log.join(connection, arrival.redacted, arrival.events)
        tombstones.bring(connection, arrival.graves, None)
        tombstones.note(connection, {*arrival.lost, *arrival.erases}, None, now())
        imports.make_permanent(connection)
        leave_to_do(connection, files)
        connection.execute("DELETE FROM erasure")


def _erase(connection: Any, arrival: Arrival) -> None:
    targets = targets_by_name(connection, arrival.gone, arrival.covered, arrival.titles)
    erase_turns(connection, targets)
    for name, title in targets.titles.items():
        connection.execute("UPDATE sessions SET title = ? WHERE id = ?", (title, name))
    connection.executemany("DELETE FROM sessions WHERE id = ?", ((n,) for n in targets.sessions))
