"""The store: one SQLite file holds everything about one profile."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from pocket_agent.errors import DiskFullError, ProfileError
from pocket_agent.memory import (
    cipher,
    fact_vectors,
    forgetting,
    hearsay,
    scrubbing,
    vectors,
)
from pocket_agent.memory.arrivals import Arrivals
from pocket_agent.memory.branches import Branches
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.database import Database
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.fact_vectors import FactText
from pocket_agent.memory.forgetting import Plan, Receipt
from pocket_agent.memory.identity import PROFILE_ID, new_id
from pocket_agent.memory.log import Entry, EventLog
from pocket_agent.memory.passages import Passage, read_passages
from pocket_agent.memory.records import Drawn, Session, Turn, TurnStatus
from pocket_agent.memory.turns import Sessions, Turns
from pocket_agent.memory.vectors import PartVector
from pocket_agent.profile.facts import Actor, Event, Fact, Op, Profile, Source
from pocket_agent.profile.rules import Applied, Outcome
from pocket_agent.profile.slots import STYLE


class Store(Arrivals, Branches):
    """An open profile. Every method may be called from any thread and blocks until it is done.

    Anything that goes wrong with the file is a StoreError, a full disk a DiskFullError; what was
    stored before is intact then.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._sessions = Sessions(database)
        self._turns = Turns(database)
        # Without room it is made good at the next opening.
        with contextlib.suppress(DiskFullError):
            if database.writable:
                self._turns.recover()
        self._log = EventLog(database)
        self._forgettings = 0
        if not database.writable:
            return
        with contextlib.suppress(DiskFullError):  # it stays noted, and is tried again next time
            scrubbing.finish(database)

    @classmethod
    def open(
        cls, path: str | Path, *, key: str | Key | None = None, create: bool = True
    ) -> "Store":
        """Open a profile's file, or make it.

        Args:
            path: the file; its folder is made too, readable by the owner alone.
            key: passphrase of an encrypted file, or the key that was made of it (`key`), which
                spares a quarter second; None for a plain one.
            create: make the file if it is not there.

        On a full disk a file that is there is opened all the same, to be read (`read_only`).

        Raises:
            StoreBusyError: another instance has it open.
            DiskFullError: there is no room for a new file.
            PassphraseError: it is encrypted, and the passphrase is missing or wrong.
            StoreError: no such file, not a database, or of a newer version.
        """
        return cls._on(Database.open(Path(path), key, create))

    @classmethod
    def open_untouched(cls, path: str | Path, *, key: str | Key | None = None) -> "Store":
        """Read a profile and change nothing of it, of its folder, or of the time it was changed.

        What would write raises a StoreError. A profile that isn't there yet is an empty one.

        Raises:
            StoreBusyError: another instance has it open.
            PassphraseError: it is encrypted, and the passphrase is missing or wrong.
            StoreError: it can't be read without being changed.
        """
        if not cipher.head_of(Path(path)):
            return cls.empty()
        return cls._on(Database.open_untouched(Path(path), key))

    @classmethod
    def empty(cls) -> "Store":
        """A profile that holds nothing, has no file, and takes nothing."""
        return cls._on(Database.empty())

    @classmethod
    def _on(cls, database: Database) -> "Store":
        try:
            return cls(database)
        except BaseException:
            database.close()
            raise

    @property
    def path(self) -> Path:
        """The file."""
        return self.database.path

    @property
    def key(self) -> Key | None:
        """What further connections to an encrypted file open it with; None for a plain one."""
        return self.database.key

    @property
    def read_only(self) -> bool:
        """Whether there is no room on the disk, so that every change is a DiskFullError."""
        return self.database.read_only

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self.database.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Conversations

    def new_session(self, title: str = "") -> Session:
        """Begin a conversation."""
        return self._sessions.add(title)

    def sessions(
        self, limit: int = 50, offset: int = 0, *, archived: bool | None = None
    ) -> list[Session]:
        """Conversations, the last touched first.

        Args:
            archived: only archived ones, or only the others; None for both.
        """
        return self._sessions.page(limit, offset, archived)

    def session(self, session: str) -> Session:
        """One conversation. Raises StoreError if there is none of that id."""
        return self._sessions.get(session)

    def rename_session(self, session: str, title: str) -> Session:
        """Give a conversation a title by hand: nothing else changes it from then on."""
        return self._sessions.rename(session, title)

    def suggest_title(self, session: str, title: str) -> Session:
        """Give a conversation another title, unless a person gave it one."""
        return self._sessions.suggest(session, title)

    def archive_session(self, session: str, archived: bool = True) -> Session:
        """Put a conversation out of sight, or bring it back; so does saying something in it."""
        return self._sessions.archive(session, archived)

    # Turns

    def add_user_turn(
        self,
        session: str,
        text: str,
        after: str | None = None,
        read_by: str | None = None,
    ) -> Turn:
        """Store what the person said. It is on the disk when this returns.

        Args:
            after: id of the turn it follows, empty for the beginning: a new branch, which is then
                the present one. None adds to the present branch.
            read_by: what to note as the policy that read it; None queues it for the policy.
        """
        return self._turns.add_user(session, text, after, read_by)

    def open_reply(
        self, session: str, drawn: Drawn | None = None, after: str | None = None
    ) -> Turn:
        """Begin a reply, to be checkpointed as it streams.

        Args:
            drawn: the facts and past turns that it is made from.
            after: the turn it follows, as for `add_user_turn`.
        """
        return self._turns.open_reply(session, drawn or Drawn(), after)

    def checkpoint_reply(self, turn: str, text: str) -> None:
        """Store how far a reply is; kept if this process is killed right after."""
        self._turns.checkpoint(turn, text)

    def close_reply(self, turn: str, text: str, status: TurnStatus = TurnStatus.COMPLETE) -> Turn:
        """Finish a reply for good.

        Args:
            status: COMPLETE, STOPPED by the person, CUT at its length limit, or INTERRUPTED.
        """
        return self._turns.close(turn, text, status)

    def drawn(self, replies: Iterable[str]) -> dict[str, Drawn]:
        """What the replies of those ids were made from; those made from nothing are left out."""
        return self._turns.drawn(replies)

    def turn(self, turn: str) -> Turn:
        """One turn. Raises StoreError if there is none of that id."""
        return self._turns.get(turn)

    def turns(self, session: str, before: str | None = None, limit: int = 50) -> list[Turn]:
        """The last turns of a conversation, or the last before the turn of id `before`.

        Of a conversation with branches, those of the present one; before a turn, of its own.

        Returns:
            At most `limit` turns, oldest first.
        """
        return self._turns.page(session, before, limit)

    def messages(self, limit: int = 100) -> list[str]:
        """The newest texts of the person's, of conversations not archived, oldest first."""
        return self._turns.messages(limit)

    def all_turns(self, session: str) -> list[Turn]:
        """The turns of every branch of a conversation, as they were stored."""
        return self._turns.every(session)

    def add_turns(self, turns: Iterable[Turn], *, read_by: str | None = "import") -> int:
        """Add finished turns from elsewhere, and the sessions they name, all or none.

        Args:
            turns: in the order they were said, within each session.
            read_by: what to note as the policy that read them; None queues them for the policy.

        Returns:
            How many were added.
        """
        return self._turns.add_many(turns, read_by)

    def unread_turns(self) -> list[Turn]:
        """The user turns that the policy has not read, oldest first.

        One that was said anew is not among them: only what stands now is learnt from.
        """
        return self._turns.unread()

    def turns_read_later(self) -> list[Turn]:
        """The user turns of other programs' conversations that the person wants read, oldest first.

        What is found in them waits for a yes.
        """
        return self._turns.read_later()

    def mark_read(self, turn: str, policy: str) -> None:
        """Note that the policy of that version has read a turn."""
        self._turns.mark_read(turn, policy)

    # The log, and the facts it adds up to

    def profile(self) -> Profile:
        """Every fact, as of the last event. Costs nothing."""
        return self._log.profile

    def events(self, after: int = 0) -> list[Event]:
        """The log in order; only what follows seq `after`, if given."""
        return self._log.events(after)

    def last_event(self) -> Event | None:
        """The newest event: after `record` or `undo`, the row they wrote."""
        return self._log.last()

    def record(
        self,
        op: Op,
        *,
        actor: Actor,
        source: Source | None = None,
        confidence: float = 1.0,
        policy: str = "",
        since: str = "",
        at: str | None = None,
    ) -> Applied:
        """Apply one op, append its event and update the facts: all of it, or nothing.

        An op that changes nothing (refused, or known already) leaves no event.

        Args:
            at: when it was learnt, ISO 8601 in UTC; None means now.

        Raises:
            ProfileError: the rules don't allow the op.
        """
        applied = self._log.record(op, actor, source, confidence, policy, since, at)
        if actor is not Actor.IMPORT and op.kind in hearsay.KEEPING:
            self._believe([applied])
        return applied

    def record_together(self, entries: Sequence[Entry], *, actor: Actor) -> list[Applied]:
        """Apply several ops, all or none, as one step: one undo takes them all back.

        Raises:
            ProfileError: the rules don't allow one of them; nothing was recorded.
        """
        done = self._log.record_together(entries, actor)
        if actor is not Actor.IMPORT:
            kept = zip(entries, done, strict=True)
            self._believe([applied for entry, applied in kept if entry.op.kind in hearsay.KEEPING])
        return done

    def undo(self, seq: int | None = None) -> Applied:
        """Take back the event of that seq, or the last that still does anything.

        Without a number, an import is one such step.

        Raises:
            ProfileError: there is nothing to undo, or no such event.
        """
        brought = self.last_import() if seq is None else None
        if brought is None:
            return self._log.undo(seq)
        try:
            return self._log.undo(None, brought.last_event)
        except ProfileError:
            return self.undo_import()

    def add_events(self, events: Iterable[Event]) -> Profile:
        """Append events from elsewhere, all or none. They get new numbers and keep their ids.

        The caller has checked them (`rules.check`).
        """
        return self._log.add_many(events)

    # Wishes for style that came with somebody's file

    def hearsay(self) -> frozenset[str]:
        """The ids of style facts that were imported, and that nobody here has kept yet."""
        marks = hearsay.read(self.get_meta(hearsay.HEARSAY))
        return frozenset(f.id for f in self.profile().active() if hearsay.mark(f) in marks)

    def doubt(self, facts: Iterable[Fact]) -> None:
        """Take the style facts among these, which an import is about to bring, as hearsay."""
        new = {hearsay.mark(fact) for fact in facts if fact.slot in STYLE}
        if new:
            held = hearsay.read(self.get_meta(hearsay.HEARSAY))
            self.set_meta(hearsay.HEARSAY, hearsay.written(held | new))

    def _believe(self, done: Iterable[Applied]) -> None:
        """What a person has said or kept here is no hearsay any more."""
        held = hearsay.read(self.get_meta(hearsay.HEARSAY))
        told = (each.fact for each in done if each.outcome is not Outcome.REFUSED)
        left = held - {hearsay.mark(fact) for fact in told if fact is not None}
        if left != held:
            self.set_meta(hearsay.HEARSAY, hearsay.written(left))

    def _drop_old_hearsay(self) -> None:
        """Keep no hash of what is forgotten."""
        held = hearsay.read(self.get_meta(hearsay.HEARSAY))
        left = held & {hearsay.mark(fact) for fact in self.profile().facts.values()}
        if left != held:
            self.set_meta(hearsay.HEARSAY, hearsay.written(left))

    # Forgetting

    @property
    def forgettings(self) -> int:
        """How often something was forgotten since the file was opened."""
        return self._forgettings

    def plan_forgetting(self, wish: Wish) -> Plan:
        """What a wish would erase. Changes nothing.

        Raises:
            StoreError: there is no such turn or session.
        """
        return forgetting.plan(self.database, self._log, wish)

    def forget(self, wish: Wish, files: Sequence[Path] = ()) -> Receipt:
        """Erase for good what is wished, from every table and from the bytes of the file.

        All of it or nothing: whatever happens, the file is as before or wholly without it.

        Args:
            files: exports that hold something of it, to be deleted too.

        Raises:
            StoreError: there is no such turn or session; or one of the files can't be deleted.
            DiskFullError: there is no room; nothing was forgotten.
        """
        # Whoever records meanwhile, or has computed vectors of old text, is to know of it.
        with self._log.lock, self.database.reading():
            receipt = forgetting.forget(self.database, self._log, wish, files)
            self._forgettings += 1
        with contextlib.suppress(DiskFullError):  # the files are gone; the note of them is not yet
            self._drop_old_hearsay()
            scrubbing.finish(self.database)
        return receipt

    # Vectors

    def unembedded(self, model: str, limit: int = 16) -> list[Passage]:
        """Finished turns that have no vector of that embedding model yet, the newest first."""
        with self.database.reading() as connection:
            numbers = vectors.unembedded_numbers(connection, model, limit)
            return read_passages(connection, numbers)

    def put_vectors(
        self, model: str, parts: Sequence[PartVector], forgettings: int | None = None
    ) -> None:
        """Store vectors of turns; a turn that has been erased meanwhile is passed over.

        Args:
            forgettings: as many as there were when the turns were read. If there are more now,
                nothing is stored: the vectors may be made of words that are forgotten.
        """
        with self.database.writing(durable=False) as connection:
            if forgettings in (None, self._forgettings):
                vectors.put(connection, model, parts)

    def unembedded_facts(self, model: str, limit: int = 16) -> list[FactText]:
        """Active facts that have no vector of that embedding model yet."""
        with self.database.reading() as connection:
            return fact_vectors.unembedded(connection, model, limit)

    def put_fact_vectors(
        self, model: str, made: Sequence[tuple[FactText, bytes]], forgettings: int | None = None
    ) -> None:
        """Store vectors of facts; one that has changed or gone meanwhile is passed over.

        Args:
            forgettings: as for `put_vectors`.
        """
        with self.database.writing(durable=False) as connection:
            if forgettings in (None, self._forgettings):
                fact_vectors.put(connection, model, made)

    def forget_other_vectors(self, model: str) -> None:
        """Drop the vectors of every embedding model but this one."""
        with self.database.reading() as connection:
            held = vectors, fact_vectors
            if not any(each.has_others(connection, model) for each in held):
                return
        with self.database.writing(durable=False) as connection:
            vectors.forget_others(connection, model)
            fact_vectors.forget_others(connection, model)

    # Settings of this profile, and its health

    def get_meta(self, key: str) -> str | None:
        """A setting kept in the file, or None."""
        with self.database.reading() as connection:
            value = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).get
        return None if value is None else str(value)

    def set_meta(self, key: str, value: str) -> None:
        """Keep a setting in the file."""
        with self.database.writing() as connection:
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def profile_id(self) -> str:
        """By what exports of this profile are known again; empty before the first."""
        return self.get_meta(PROFILE_ID) or ""

    def sign(self, name: str = "") -> str:
        """The profile's id, made if it has none yet; empty where nothing can be written.

        Args:
            name: the id that it shall get, if it has none: the one of the person's other computer.
        """
        if not self.profile_id() and self.database.writable:
            with contextlib.suppress(DiskFullError):
                self.set_meta(PROFILE_ID, name or new_id())
        return self.profile_id()

    def problems(self) -> list[str]:
        """What SQLite's own check of the whole file complains of; empty if it is sound."""
        with self.database.reading() as connection:
            lines = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
        return [line for line in lines if line != "ok"]
