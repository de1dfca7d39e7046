"""The event log and the facts that follow from it, kept in step within one transaction."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw

from pocket_agent.errors import StoreError
from pocket_agent.memory.database import Database
from pocket_agent.memory.identity import new_id, now
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
from pocket_agent.profile.redaction import Redacted
from pocket_agent.profile.rules import Applied, Outcome, apply_new, replay, undo_target

_EVENTS = f"SELECT {EVENT_COLUMNS} FROM events WHERE seq > ? ORDER BY seq"  # noqa: S608
_APPEND = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({'?' + ', ?' * 14})"  # noqa: S608
_REPLACE = f"""
UPDATE events SET ({EVENT_COLUMNS.partition(", ")[2]}) = ({"?" + ", ?" * 13}) WHERE seq = ?
"""  # noqa: S608
_FACTS = f"""
SELECT {FACT_COLUMNS} FROM facts f
ORDER BY (SELECT e.seq FROM events e WHERE e.id = f.id), f.id
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
        """The log in order, from the event that follows seq `after`."""
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
                event = Event(seq, new_id(), moment, actor, op, source, confidence, policy, since)
                if actor is Actor.POLICY and forbids(connection, op, source):
                    return Applied(self._profile, Outcome.REFUSED)
                event, applied = apply_new(self._profile, event)
                if applied.changed:
                    connection.execute(_APPEND, event_row(event))
                    _save(connection, self._profile, applied.profile)
            self._profile = applied.profile
        return applied

    def record_together(self, entries: Sequence[Entry], actor: Actor) -> list[Applied]:
        """Apply several ops and append their events, all or none. One undo takes them all back."""
        batch = f"{BATCH}{new_id()}" if len(entries) > 1 else ""
        done = []
        with self.lock:
            with self._database.writing() as connection:
                seq, at, profile = _next_seq(connection), now(), self._profile
                for op, source, sure in ((e.op, e.source, e.confidence) for e in entries):
                    event = Event(seq, new_id(), at, actor, op, source, sure, batch)
                    event, applied = apply_new(profile, event)
                    if applied.changed:
                        connection.execute(_APPEND, event_row(event))
                        seq, profile = seq + 1, applied.profile
                    done.append(applied)
                _save(connection, self._profile, profile)
            self._profile = profile
        return done

    def undo(self, seq: int | None) -> Applied:
        """Take back one event by appending its undo; None means the last that does anything.

        One that was recorded together with others takes these with it.
        """
        with self.lock:
            before = self._profile
            with self._database.writing() as connection:
                events = self.events()
                target = undo_target(events, seq)
                op = Op(OpKind.UNDO, undoes=target.seq)
                event = Event(_next_seq(connection), new_id(), now(), Actor.USER, op)
                after = replay([*events, event])
                if after != before:
                    connection.execute(_APPEND, event_row(event))
                    _save(connection, before, after)
            self._profile = after
        outcome = Outcome.UNCHANGED if after == before else Outcome.UNDONE
        return Applied(after, outcome, _subject(target, after, before))

    def add_many(self, events: Iterable[Event]) -> Profile:
        """Append events from elsewhere under new numbers, all or none."""
        with self.lock:
            with self._database.writing() as connection:
                _append_foreign(connection, events)
                profile = replay(self.events())
                _save(connection, self._profile, profile)
            self._profile = profile
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
            event = Event(_next_seq(connection), new_id(), now(), Actor.USER, op)
            connection.execute(_APPEND, event_row(event))
        after = replay(self.events())
        _save(connection, self._profile, after)
        return after

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


def _append_foreign(connection: Any, events: Iterable[Event]) -> None:
    moved: dict[int, int] = {}
    try:
        for seq, event in enumerate(events, _next_seq(connection)):
            moved[event.seq] = seq
            op = replace(event.op, undoes=moved.get(event.op.undoes, event.op.undoes))
            connection.execute(_APPEND, event_row(replace(event, seq=seq, op=op)))
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
