"""What comes into a store from elsewhere, and how an import is taken back."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pocket_agent.errors import DiskFullError, ProfileError
from pocket_agent.memory import imports, joining, scrubbing, tombstones
from pocket_agent.memory.database import Database
from pocket_agent.memory.graves import Graves
from pocket_agent.memory.identity import now
from pocket_agent.memory.imports import Import
from pocket_agent.memory.joining import Arrival
from pocket_agent.memory.log import Entry, EventLog
from pocket_agent.memory.records import READ_LATER, Session, Turn
from pocket_agent.memory.turns import Sessions, Turns
from pocket_agent.profile.facts import Actor, Op, Source
from pocket_agent.profile.rules import Applied, Outcome


class Arrivals:
    """The part of a `Store` that imports, and asks what may not come back."""

    database: Database
    _sessions: Sessions
    _turns: Turns
    _log: EventLog
    _forgettings: int

    def last_import(self) -> Import | None:
        """The last import that can be taken back, or None."""
        with self.database.reading() as connection:
            return imports.last(connection)

    def undo_import(self) -> Applied:
        """Take back the last import, all it brought, and put back what it replaced.

        A conversation that was gone on with since stays, without the facts that came with it.

        Raises:
            ProfileError: there was none since the last forgetting.
        """
        with self._log.lock, self.database.reading():
            brought = self.last_import()
            if brought is None:
                raise ProfileError("There is no import to take back")
            try:
                with self.database.writing() as connection:
                    imports.take_back(connection, brought.n)
                    self._log.replayed(connection)
            finally:
                self._log.reload()
            self._forgettings += 1
        return Applied(self._log.profile, Outcome.UNDONE)

    def add_archive(
        self, arrival: Arrival, *, replace: bool = False, read_by: str | None = "import"
    ) -> None:
        """Add what another store held, all or none, as one step that `undo` takes back.

        Args:
            arrival: with nothing that erases (`join`).
            replace: put it in the place of the sessions, turns and events that are here.
            read_by: what to note as the policy that read the turns; None queues them for it.

        Raises:
            StoreError: something of the same id is already stored; nothing was added.
        """
        with self._log.lock:
            try:
                with self.database.writing() as connection:
                    batch = imports.begin(connection, replace=replace)
                    for session in arrival.sessions:
                        self._sessions.add_known(session, batch)
                    self._turns.add_many(arrival.turns, read_by, batch, arrival.branches)
                    self._turns.add_drawn(arrival.contexts)
                    self._log.add_many(arrival.events, batch)
                    tombstones.bring(connection, arrival.graves, batch)
                    tombstones.note(connection, arrival.lost, batch, now())
                    imports.end(connection, batch)
            except BaseException:
                self._log.reload()
                raise
            self._forgettings += replace

    def join(self, arrival: Arrival, files: Sequence[Path] = ()) -> None:
        """Add what another store held, and erase here what was forgotten there. No undo of that.

        Args:
            files: exports that hold something of what is erased, to be deleted too.

        Raises:
            DiskFullError: there is no room; all is as it was.
        """
        with self._log.lock, self.database.reading():
            joining.join(self.database, self._log, arrival, files)
            self._forgettings += 1
        with contextlib.suppress(DiskFullError):
            scrubbing.finish(self.database)

    def add_conversations(
        self,
        conversations: Iterable[tuple[Session, Sequence[Turn]]],
        entries: Sequence[Entry] = (),
        *,
        learn: bool = False,
    ) -> None:
        """Add what another program held: conversations, and statements that wait. All or none.

        With conversations, all of it is one import, which `undo` takes back. Statements alone are
        a step of the log. One conversation at a time is held in memory.

        Args:
            learn: whether the policy is to read these turns later (`turns_read_later`), or never.

        Raises:
            StoreError: a turn of the same id is already stored; nothing was added.
            ProfileError: the rules don't allow a statement; nothing was added.
        """
        batch, read_by = None, READ_LATER if learn else "import"
        with self._log.lock:
            try:
                with self.database.writing() as connection:
                    for session, turns in conversations:
                        if batch is None:
                            batch = imports.begin(connection, replace=False)
                        self._sessions.add_known(session, batch)
                        self._turns.add_many(turns, read_by, batch)
                    self._log.record_together(entries, Actor.IMPORT, batch)
                    if batch is not None:
                        imports.end(connection, batch)
            except BaseException:
                self._log.reload()
                raise

    def turn_ids(self, session: str) -> set[str]:
        """The ids of the turns of a conversation; none if it is not there."""
        return self._turns.ids(session)

    def sessions_of(self, turns: Iterable[str]) -> set[str]:
        """The conversations in which turns of these ids stand."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT session FROM turns WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(turns)),),
            )
            return {name for (name,) in rows}

    def graves(self) -> Graves:
        """The tombstones, to go with an export."""
        with self.database.reading() as connection:
            return tombstones.read_graves(connection)

    def is_forgotten(self, name: str) -> bool:
        """Whether the turn, event or session of that id was erased here, or has lost words."""
        with self.database.reading() as connection:
            return tombstones.is_buried(connection, name)

    def may_propose(self, op: Op, source: Source) -> bool:
        """Whether something imported says nothing that has been forgotten here."""
        with self.database.reading() as connection:
            return not tombstones.forbids(connection, op, source)
