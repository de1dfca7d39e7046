"""Taking in what an importer found: all of it is checked, then all of it is added, or nothing."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pocket_agent.errors import PortableError
from pocket_agent.memory.identity import now
from pocket_agent.memory.log import Entry
from pocket_agent.memory.records import Session, Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.found import (
    MAX_VALUE,
    Conversation,
    Importer,
    Statement,
    Unknown,
    clean_line,
)
from pocket_agent.profile.facts import IMPORTED, Fact, FactState, Op, OpKind, Polarity, Source
from pocket_agent.profile.rules import WAITS
from pocket_agent.profile.sources import MAX_QUOTE
from pocket_agent.profile.values import clean, key

MAX_STATEMENTS = 2_000
SAMPLES = 20
"""Conversations and statements that are told by name."""

Says = tuple[str, str, Polarity]
"""What a statement says: slot, key of the value, polarity."""


@dataclass(slots=True)
class Taken:
    """What an import adds, or would add.

    Args:
        sessions: conversations with new turns. turns, statements: how many are new.
        known: turns and statements that are here already, or that the person has said no to.
        forgotten: those that were forgotten here, and stay so.
        skipped: statements that are empty or too long to be a fact, or, beside conversations, more
            than are taken at once.
        unknown: notes of the person in a form that isn't known.
        titles, lines: the first new conversations and statements, in words.
    """

    sessions: int = 0
    turns: int = 0
    statements: int = 0
    known: int = 0
    forgotten: int = 0
    skipped: int = 0
    unknown: int = 0
    titles: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def survey(path: Path, reader: Importer, store: Store | None) -> Taken:
    """Check all of a file, and say what taking it in would add. Changes nothing.

    Args:
        store: the profile it would go to; None for one that is not there yet.

    Raises:
        PortableError: the file can't be used.
    """
    with ImportFile(path) as file:
        return _Walk(file, reader, store).check()


def take_in(path: Path, reader: Importer, store: Store, *, learn: bool = False) -> Taken:
    """Take in a file: conversations, which recall then finds, and statements, which wait.

    Doing it twice changes nothing. The statements are one step of undo.

    Args:
        learn: let the policy read later what the person said; what it finds waits too.

    Raises:
        PortableError: the file can't be used; nothing was added. DiskFullError: there is no room.
    """
    with ImportFile(path) as file:
        walk = _Walk(file, reader, store)
        taken = walk.check()
        if taken.turns or taken.statements:
            store.add_conversations(walk.conversations(Taken()), walk.entries, learn=learn)
    return taken


class _Walk:
    """Goes through a file and tells what is new in it from what is known."""

    def __init__(self, file: ImportFile, reader: Importer, store: Store | None) -> None:
        self._file, self._reader, self._store = file, reader, store
        self._now = now()
        self.entries: list[Entry] = []
        """The new statements, once all of the file was checked."""

    def check(self) -> Taken:
        """Read all of the file; what is new in it."""
        taken = Taken()
        said = _settled(self._store, IMPORTED + self._reader.name)

        def take(found: Statement) -> None:
            self._take_statement(found, said, taken)

        for session, turns in self.conversations(taken, take):
            taken.sessions += 1
            taken.turns += len(turns)
            if len(taken.titles) < SAMPLES:
                title = f"{session.title or 'untitled'} ({len(turns)} turns)"
                taken.titles.append(f"{session.started[:10]}  {title}")
        return taken

    def conversations(
        self, taken: Taken, take: Callable[[Statement], None] = lambda _: None
    ) -> Iterator[tuple[Session, list[Turn]]]:
        """The conversations that have new turns, each with these alone.

        Args:
            taken: counts what is not new. take: is given each statement.
        """
        seen: set[str] = set()
        for found in self._reader.read(self._file):
            if isinstance(found, Unknown):
                taken.unknown += 1
                continue
            if isinstance(found, Statement):
                take(found)
                continue
            session = self._session(found)
            if session.id in seen:
                taken.known += len(found.turns)
            elif turns := self._new_turns(session, found, taken):
                yield session, turns
            seen.add(session.id)

    def _session(self, found: Conversation) -> Session:
        started = found.started or next((t.at for t in found.turns if t.at), self._now)
        return Session(_id(self._reader.name, found.name), found.title, started, started, 0)

    def _new_turns(self, session: Session, found: Conversation, taken: Taken) -> list[Turn]:
        if self._is_forgotten(session.id):
            taken.forgotten += len(found.turns)
            return []
        here = self._store.turn_ids(session.id) if self._store else set()
        fresh, at = [], session.started
        for turn in found.turns:
            at = turn.at or at
            name = _id(self._reader.name, found.name, turn.name)
            if name in here:
                taken.known += 1
            elif self._is_forgotten(name):
                taken.forgotten += 1
            else:
                here.add(name)
                speaker = self._reader.title if turn.role is TurnRole.ASSISTANT else ""
                fresh.append(Turn(name, session.id, turn.role, turn.text, at, speaker=speaker))
        return fresh

    def _take_statement(self, found: Statement, said: set[Says], taken: Taken) -> None:
        value = clean(clean_line(found.value, 2 * MAX_VALUE))
        says = (found.slot, key(value), found.polarity)
        if not says[1] or len(value) > MAX_VALUE:
            taken.skipped += 1
            return
        if says in said:
            taken.known += 1
            return
        if found.beside and taken.statements == MAX_STATEMENTS:
            taken.skipped += 1
            return
        said.add(says)
        quote = clean_line(found.quote, MAX_QUOTE)
        source = Source(IMPORTED + self._reader.name, 0, len(quote), quote)
        op = Op(OpKind.ADD, found.slot, value, polarity=found.polarity)
        if self._store is not None and not self._store.may_propose(op, source):
            taken.forgotten += 1
            return
        if taken.statements == MAX_STATEMENTS:
            raise PortableError(
                f"The file holds more than {MAX_STATEMENTS} statements", "Import it in parts."
            )
        self.entries.append(Entry(op, source, WAITS))
        taken.statements += 1
        if len(taken.lines) < SAMPLES:
            sign = "avoids " if found.polarity is Polarity.AVOIDS else ""
            taken.lines.append(f"{found.slot}: {sign}{value}")

    def _is_forgotten(self, name: str) -> bool:
        return self._store is not None and self._store.is_forgotten(name)


def _settled(store: Store | None, source: str) -> set[Says]:
    """What need not be proposed: it holds, it waits, or the person has said no to this source."""
    facts = store.profile().facts.values() if store else ()
    return {(f.slot, key(f.value), f.polarity) for f in facts if _is_settled(f, source)}


def _is_settled(fact: Fact, source: str) -> bool:
    if fact.state is FactState.REJECTED:
        return any(said.turn == source for said in fact.sources)
    return fact.state in (FactState.ACTIVE, FactState.CANDIDATE)


def _id(*names: str) -> str:
    """A name of ours for something of another program's: the same each time."""
    text = "\0".join(names).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:32]
