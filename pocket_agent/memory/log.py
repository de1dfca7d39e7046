"""The event log and the facts that follow from it, kept in step within one transaction."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw

from pocket_agent.errors import StoreError
from pocket_agent.memory.database import Database
from pocket_agent.memory.identity import milliseconds, new_id, now
from pocket_agent.memory.rows import (
    EVENT_COLUMNS,
    FACT_COLUMNS,
    SOURCE_COLUMNS,
    event_from_row,
    event_row,
    fact_from_row,
    fact_row,
    source_row,
)
from pocket_agent.memory.tombstones import forbids
from pocket_agent.profile.facts import BATCH, Actor, Event, Fact, Op, OpKind, Profile, Source
from pocket_agent.profile.merging import next_clock
from pocket_agent.profile.redaction import Redacted
from pocket_agent.profile.rules import (
    Applied,
    Outcome,
    apply_new,
    knowing,
    replay,
    undo_target,
)

_EVENTS = f"""
SELECT {EVENT_COLUMNS} FROM events WHERE seq > ?
ORDER BY clock, CASE clock WHEN 0 THEN at ELSE id END, seq
"""  # noqa: S608
_APPEND = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({'?' + ', ?' * 16})"  # noqa: S608
_APPEND_BROUGHT = f"""
INSERT INTO events ({EVENT_COLUMNS}, batch) VALUES ({"?" + ", ?" * 17})
"""  # noqa: S608
_REPLACE = f"""
UPDATE events SET ({EVENT_COLUMNS.partition(", ")[2]}) = ({"?" + ", ?" * 15}) WHERE seq = ?
"""  # noqa: S608
_FACTS = f"""
SELECT {", ".join(f"f.{name}" for name in FACT_COLUMNS.split(", "))}
FROM facts f LEFT JOIN events e ON e.id = f.id
ORDER BY e.clock, CASE e.clock WHEN 0 THEN e.at ELSE e.id END, e.seq, f.id
"""  # noqa: S608
_SOURCES = f"SELECT fact, {SOURCE_COLUMNS} FROM fact_sources ORDER BY fact, place"  # noqa: S608
_PUT_FACT = f"INSERT INTO facts ({FACT_COLUMNS}) VALUES ({'?' + ', ?' * 12})"  # noqa: S608
_PUT_SOURCE = f"""
INSERT INTO fact_sources (fact, place, {SOURCE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Entry:
    """One of several ops that are recorded in one go."""

    op: Op
    source: Source | None = None
    confidence: float = 1.0


class EventLog:
    """What was learnt, decided and taken back, and the profile it adds up to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lock = threading.RLock()  # from reading the profile to replacing it
        self._profile = self._load()

    @property
    def profile(self) -> Profile:
        """Every fact, as of the last event."""
        return self._profile

    def events(self, after: int = 0) -> list[Event]:
        """The log in the order in which it is replayed; those with a number above `after`."""
        with self._database.reading() as connection:
            return [event_from_row(row) for row in connection.execute(_EVENTS, (after,))]

    def last(self) -> Event | None:
        """The newest event, or None if nothing was ever recorded."""
        with self._database.reading() as connection:
            top = connection.execute("SELECT max(seq) FROM events").get
        return self.events(top - 1)[0] if top else None

    def record(
        self,
        op: Op,
        actor: Actor,
        source: Source | None,
        confidence: float,
        policy: str,
        since: str,
        at: str | None,
    ) -> Applied:
        """Apply an op and append its event; one that changes nothing leaves no row."""
        if op.kind is OpKind.UNDO:
            return self.undo(op.undoes)
        with self.lock:
            with self._database.writing() as connection:
                seq = _next_seq(connection)
                moment = at or now()
                done = (seq, new_id(), moment, actor, op, source, confidence, policy, since)
                if actor is Actor.POLICY and forbids(connection, op, source):
                    return Applied(self._profile, Outcome.REFUSED)
                event = knowing(self._profile, Event(*done, _next_clock(connection)))
                event, applied = apply_new(self._profile, event)
                if applied.changed:
                    connection.execute(_APPEND, event_row(event))
                    _save(connection, self._profile, applied.profile)
            self._profile = applied.profile
        return applied

    def record_together(
        self, entries: Sequence[Entry], actor: Actor, brought_by: int | None = None
    ) -> list[Applied]:
        """Apply several ops and append their events, all or none. One undo takes them all back.

        Args:
            brought_by: the import that they are part of.
        """
        batch = f"{BATCH}{new_id()}" if len(entries) > 1 else ""
        done = []
        with self.lock:
            with self._database.writing() as connection:
                seq, at, profile = _next_seq(connection), now(), self._profile
                for op, source, sure in ((e.op, e.source, e.confidence) for e in entries):
                    clock = _next_clock(connection)
                    event = Event(seq, new_id(), at, actor, op, source, sure, batch, clock=clock)
                    event, applied = apply_new(profile, knowing(profile, event))
                    if applied.changed:
                        connection.execute(_APPEND_BROUGHT, (*event_row(event), brought_by))
                        seq, profile = seq + 1, applied.profile
                    done.append(applied)
                _save(connection, self._profile, profile)
            self._profile = profile
        return done

    def undo(self, seq: int | None, beyond: int = 0) -> Applied:
        """Take back one event by appending its undo; None means the last that does anything.

        One that was recorded together with others takes these with it.

        Args:
            beyond: pass over the events up to this number, where none is named.
        """
        with self.lock:
            before = self._profile
            with self._database.writing() as connection:
                events = self.events()
                target = undo_target(events, seq, beyond)
                event = _by_hand(connection, Op(OpKind.UNDO, undoes=target.seq))
                after = replay([*events, event])
                if after != before:
                    connection.execute(_APPEND, event_row(event))
                    _save(connection, before, after)
            self._profile = after
        outcome = Outcome.UNCHANGED if after == before else Outcome.UNDONE
        return Applied(after, outcome, _subject(target, after, before))

    def add_many(self, events: Iterable[Event], batch: int | None = None) -> Profile:
        """Append events from elsewhere under new numbers, all or none.

        Args:
            batch: the import that brings them.
        """
        with self.lock:
            with self._database.writing() as connection:
                _append_foreign(connection, events, batch)
                profile = self.replayed(connection)
            self._profile = profile
        return profile

    def replayed(self, connection: Any) -> Profile:
        """The facts of the log as it now is, written beside it, within a transaction.

        The profile of this object changes only with `reload`, once the transaction is kept.
        """
        profile = replay(self.events())
        _save(connection, self._profile, profile)
        return profile

    def rewrite(self, connection: Any, redacted: Redacted) -> Profile:
        """Put a log without what is forgotten in the place of the one there is.

        Args:
            connection: within a transaction that has opened `erasure`. The profile of this object
                changes only with `reload`, once the transaction is kept.
        """
        for event in redacted.changed:
            values = event_row(event)[1:]
            connection.execute(_REPLACE, (*values, event.seq))
        for op in redacted.corrections:
            event = replace(_by_hand(connection, op), over=op.fact)
            connection.execute(_APPEND, event_row(event))
        return self.replayed(connection)

    def join(self, connection: Any, redacted: Iterable[Event], new: Iterable[Event]) -> Profile:
        """Append events from elsewhere, and put some of ours anew; as `rewrite` in all else."""
        for event in redacted:
            connection.execute(_REPLACE, (*event_row(event)[1:], event.seq))
        _append_foreign(connection, new, None)
        return self.replayed(connection)

    def reload(self) -> None:
        """Take the profile from the file again, after a transaction around ours was undone."""
        with self.lock:
            self._profile = self._load()

    def _load(self) -> Profile:
        sources: dict[str, list[Source]] = {}
        with self._database.reading() as connection:
            for fact, *row in connection.execute(_SOURCES):
                sources.setdefault(fact, []).append(Source(*row))
            facts = [
                fact_from_row(row, tuple(sources.get(row[0], ())))
                for row in connection.execute(_FACTS)
            ]
        return Profile({fact.id: fact for fact in facts})


def _next_seq(connection: Any) -> int:
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get
    return int(last or 0) + 1


def _next_clock(connection: Any) -> int:
    last = connection.execute("SELECT max(clock) FROM events").get
    return next_clock(int(last or 0), milliseconds())


def _by_hand(connection: Any, op: Op) -> Event:
    """A new event of the person's, behind all others."""
    clock = _next_clock(connection)
    return Event(_next_seq(connection), new_id(), now(), Actor.USER, op, clock=clock)


def _append_foreign(connection: Any, events: Iterable[Event], batch: int | None) -> None:
    moved: dict[int, int] = {}
    try:
        for seq, event in enumerate(events, _next_seq(connection)):
            moved[event.seq] = seq
            op = replace(event.op, undoes=moved.get(event.op.undoes, event.op.undoes))
            row = event_row(replace(event, seq=seq, op=op))
            connection.execute(_APPEND_BROUGHT, (*row, batch))
    except apsw.ConstraintError as error:
        raise StoreError("An event of that id is already stored, nothing was added") from error


def _subject(target: Event, after: Profile, before: Profile) -> Fact | None:
    """The fact an undone event was about, as it is now or, if it is gone, as it was."""
    for name in (target.op.fact, target.id):
        fact = after.facts.get(name) or before.facts.get(name)
        if fact is not None:
            return fact
    return None


def _save(connection: Any, before: Profile, after: Profile) -> None:
    """Write the facts that differ."""
    changed = [fact for name, fact in after.facts.items() if before.facts.get(name) != fact]
    gone = [name for name in before.facts if name not in after.facts]
    names = [*gone, *(fact.id for fact in changed)]
    connection.executemany("DELETE FROM facts WHERE id = ?", ((name,) for name in names))
    for fact in changed:
        connection.execute(_PUT_FACT, fact_row(fact))
        for place, source in enumerate(fact.sources):
            connection.execute(_PUT_SOURCE, (fact.id, place, *source_row(source)))
