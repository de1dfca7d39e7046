"""Erasing what is wished, in one transaction, and the receipt for it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pocket_agent.memory import branches, imports, vectors
from pocket_agent.memory.copying import change_in_a_copy
from pocket_agent.memory.database import Database
from pocket_agent.memory.erasure import WORDLESS, Targets, Wish, find_targets
from pocket_agent.memory.identity import now
from pocket_agent.memory.log import EventLog
from pocket_agent.memory.scrubbing import leave_to_do
from pocket_agent.memory.tombstones import bury
from pocket_agent.memory.words import forget_turns, index_turns, wipe_traces
from pocket_agent.profile.facts import Fact, Profile
from pocket_agent.profile.redaction import Redacted, redact
from pocket_agent.profile.rules import replay

_NAMES = {
    "turns": ("turn", "turns"),
    "replies": ("reply elsewhere that repeated it", "replies elsewhere that repeated it"),
    "covered": ("turn with the words blacked out", "turns with the words blacked out"),
    "sessions": ("conversation", "conversations"),
    "titles": ("title", "titles"),
    "facts": ("fact", "facts"),
    "quotes": ("quote", "quotes"),
    "changes": ("change of the log", "changes of the log"),
    "notes": ("waiting message or setting", "waiting messages or settings"),
    "exports": ("export in the program's own folder", "exports in the program's own folder"),
    "replaced": ("profile that an import replaced", "profiles that an import replaced"),
}
_ALL = (
    *("vector_bits", "vectors", "turns", "sessions"),
    *("fact_vectors", "fact_sources", "facts", "events"),
    *("meta", "tombstones", "tombstone_keys"),
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased, or would be: how many of each kind, and no word of it.

    Args:
        replies: replies in other places that repeat a turn that goes, since it was recalled there.
        covered: turns that stay, with the words made illegible. quotes: words facts rested on.
        changes: rows of the log. notes: settings, such as messages that were not sent yet.
        exports: files of ours that held something of it.
        replaced: profiles that an import replaced, kept for its undo; they go whole.
    """

    turns: int = 0
    replies: int = 0
    covered: int = 0
    sessions: int = 0
    titles: int = 0
    facts: int = 0
    quotes: int = 0
    changes: int = 0
    notes: int = 0
    exports: int = 0
    replaced: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def __str__(self) -> str:
        counts = asdict(self).items()
        told = [f"{count} {_NAMES[name][count != 1]}" for name, count in counts if count]
        return ", ".join(told) or "nothing"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a wish would erase, to be shown before it is done.

    Args:
        facts: the facts that would go. texts: the turns that would go, then those that would
            change; none where everything would go.
        replies: the replies elsewhere that would go with them.
        names: ids of the turns and events concerned, by which a file that holds them is known.
    """

    receipt: Receipt
    facts: tuple[Fact, ...] = ()
    texts: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()


def plan(database: Database, log: EventLog, wish: Wish) -> Plan:
    """What a wish would erase. Changes nothing.

    Raises:
        StoreError: there is no such turn or session.
    """
    with database.reading() as connection:
        if wish.everything:
            return _plan_of_all(connection, log)
        targets, redacted = _prepare(connection, log, wish)
        after = replay(redacted.events)
        covered = _texts(connection, list(targets.covered))
        names = {*_ids(connection, targets.covered), *(row.id for row in targets.gone)}
        names |= {event.id for event in redacted.changed} | targets.sessions | {*targets.titles}
        replaced = imports.count_set_aside(connection)
    return Plan(
        _receipt(targets, redacted, log.profile, after, replaced),
        tuple(fact for name, fact in log.profile.facts.items() if name in redacted.facts),
        (*(row.text for row in targets.gone if row not in targets.echoes), *covered),
        tuple(row.text for row in targets.echoes),
        frozenset(names),
    )


def forget(database: Database, log: EventLog, wish: Wish, files: Sequence[Path] = ()) -> Receipt:
    """Erase what is wished, all of it or nothing, in a copy that then takes the store's place.

    The caller ends it with `scrubbing.finish`; if it can't, the next opening of the file does.

    Args:
        files: exports that hold something of it, to be deleted too.

    Raises:
        StoreError: there is no such turn or session.
        DiskFullError: there is no room for two copies; the store is as it was.
    """
    try:
        receipt = change_in_a_copy(database, lambda copy: _forget_in(copy, wish, files))
    finally:
        log.reload()
    return Receipt(**{**asdict(receipt), "exports": len(files)})


def _forget_in(database: Database, wish: Wish, files: Sequence[Path]) -> Receipt:
    log = EventLog(database)
    with database.writing() as connection:
        connection.execute("INSERT INTO erasure VALUES (1)")
        receipt = _erase_all(connection, log) if wish.everything else _erase(connection, log, wish)
        leave_to_do(connection, files)
        connection.execute("DELETE FROM erasure")
    return receipt


def _prepare(connection: Any, log: EventLog, wish: Wish) -> tuple[Targets, Redacted]:
    events = log.events()
    targets = find_targets(connection, events, wish)
    return targets, redact(events, targets.scope)


def _erase(connection: Any, log: EventLog, wish: Wish) -> Receipt:
    targets, redacted = _prepare(connection, log, wish)
    before = log.profile
    erase_turns(connection, targets)
    for name, title in targets.titles.items():
        connection.execute("UPDATE sessions SET title = ? WHERE id = ?", (title, name))
    connection.executemany("DELETE FROM sessions WHERE id = ?", ((n,) for n in targets.sessions))
    for key, value in targets.meta.items():
        connection.execute("DELETE FROM meta WHERE key = ?", (key,))
        if value is not None:
            connection.execute("INSERT INTO meta VALUES (?, ?)", (key, value))
    after = log.rewrite(connection, redacted)
    replaced = imports.make_permanent(connection)
    changed = (e.id for e in redacted.changed)
    names = [*changed, *targets.sessions, *targets.titles, *_ids(connection, targets.covered)]
    bury(connection, redacted.values, (row.id for row in targets.gone), names, now())
    return _receipt(targets, redacted, before, after, replaced)


def erase_turns(connection: Any, targets: Targets) -> None:
    """Delete the turns that go, and cover those that stay, with all that is made of them."""
    gone = [row.n for row in targets.gone]
    changed = list(targets.covered)
    vectors.forget(connection, [*gone, *changed, *targets.behind])
    forget_turns(connection, gone)
    branches.mend(connection, {row.id for row in targets.gone})
    connection.execute(
        "DELETE FROM turns WHERE n IN (SELECT value FROM json_each(?))", (json.dumps(gone),)
    )
    for number, text in targets.covered.items():
        connection.execute("UPDATE turns SET text = ? WHERE n = ?", (text, number))
    index_turns(connection, {*changed, *targets.touched})
    if gone or changed:
        wipe_traces(connection)


def _erase_all(connection: Any, log: EventLog) -> Receipt:
    receipt = _plan_of_all(connection, log).receipt
    forget_turns(connection, [n for (n,) in connection.execute("SELECT rowid FROM turn_words")])
    for table in _ALL:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608
    imports.make_permanent(connection)
    wipe_traces(connection)
    return receipt


def _plan_of_all(connection: Any, log: EventLog) -> Plan:
    def count(table: str) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608

    events, facts = log.events(), log.profile.facts
    quotes = sum(len(fact.sources) for fact in facts.values())
    names = {name for (name,) in connection.execute("SELECT id FROM turns")}
    receipt = Receipt(
        turns=count("turns"),
        sessions=count("sessions"),
        facts=len(facts),
        quotes=quotes,
        changes=len(events),
        notes=count(f"meta WHERE key NOT LIKE 'forget.%' AND key NOT IN {WORDLESS}"),
        replaced=imports.count_set_aside(connection),
    )
    names |= {event.id for event in events}
    return Plan(receipt, tuple(facts.values()), names=frozenset(names))


def _receipt(
    targets: Targets, redacted: Redacted, before: Profile, after: Profile, replaced: int
) -> Receipt:
    return Receipt(
        turns=len(targets.gone) - len(targets.echoes),
        replies=len(targets.echoes),
        covered=len(targets.covered),
        sessions=len(targets.sessions),
        titles=len(targets.titles),
        facts=sum(name in redacted.facts for name in before.facts),
        quotes=_quotes(before.facts.values()) - _quotes(after.facts.values()),
        changes=len(redacted.changed),
        notes=len(targets.meta),
        replaced=replaced,
    )


def _quotes(facts: Iterable[Fact]) -> int:
    return sum(len(fact.sources) for fact in facts)


def _texts(connection: Any, numbers: list[int]) -> list[str]:
    rows = connection.execute(
        "SELECT text FROM turns WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n",
        (json.dumps(numbers),),
    )
    return [text for (text,) in rows]


def _ids(connection: Any, numbers: Iterable[int]) -> list[str]:
    rows = connection.execute(
        "SELECT id FROM turns WHERE n IN (SELECT value FROM json_each(?))",
        (json.dumps(list(numbers)),),
    )
    return [name for (name,) in rows]
