"""What comes into a store from elsewhere, and how an import is taken back."""

from collections.abc import Iterable, Sequence

from pocket_agent.errors import ProfileError
from pocket_agent.memory import imports, tombstones
from pocket_agent.memory.branches import Branch
from pocket_agent.memory.database import Database
from pocket_agent.memory.imports import Import
from pocket_agent.memory.log import Entry, EventLog
from pocket_agent.memory.records import Session, Turn
from pocket_agent.memory.tombstones import NO_GRAVES, Graves
from pocket_agent.memory.turns import Sessions, Turns
from pocket_agent.profile.facts import Actor, Event, Op, Source
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
        self,
        sessions: Iterable[Session],
        turns: Iterable[Turn],
        events: Iterable[Event],
        graves: Graves = NO_GRAVES,
        *,
        branches: Iterable[Branch] = (),
        replace: bool = False,
        read_by: str | None = "import",
    ) -> None:
        """Add what another store held, all or none, as one step that `undo` takes back.

        Args:
            sessions: with their titles. graves: tombstones, to be kept beside ours.
            branches: which of the turns do not follow the one before them.
            replace: put it in the place of the sessions, turns and events that are here.
            read_by: what to note as the policy that read the turns; None queues them for it.

        Raises:
            StoreError: something of the same id is already stored; nothing was added.
        """
        with self._log.lock:
            try:
                with self.database.writing() as connection:
                    batch = imports.begin(connection, replace=replace)
                    for session in sessions:
                        self._sessions.add_known(session, batch)
                    self._turns.add_many(turns, read_by, batch, branches)
                    self._log.add_many(events, batch)
                    tombstones.bring(connection, graves, batch)
                    imports.end(connection, batch)
            except BaseException:
                self._log.reload()
                raise
            self._forgettings += replace

    def add_conversations(
        self, conversations: Iterable[tuple[Session, Sequence[Turn]]], entries: Sequence[Entry] = ()
    ) -> None:
        """Add what another program held: conversations, and statements that wait. All or none.

        The policy never reads these turns. One conversation at a time is held in memory.

        Raises:
            StoreError: a turn of the same id is already stored; nothing was added.
            ProfileError: the rules don't allow a statement; nothing was added.
        """
        try:
            with self.database.writing():
                for session, turns in conversations:
                    self._sessions.add_known(session)
                    self._turns.add_many(turns, "import")
                self._log.record_together(entries, Actor.IMPORT)
        except BaseException:
            self._log.reload()
            raise

    def turn_ids(self, session: str) -> set[str]:
        """The ids of the turns of a conversation; none if it is not there."""
        return self._turns.ids(session)

    def graves(self) -> Graves:
        """The tombstones, to go with an export."""
        with self.database.reading() as connection:
            return tombstones.read_graves(connection)

    def is_forgotten(self, name: str) -> bool:
        """Whether the turn, event or session of that id was erased here, or has lost words."""
        with self.database.reading() as connection:
            return tombstones.is_buried(connection, name)

    def may_learn(self, event: Event) -> bool:
        """Whether an event from elsewhere teaches nothing that has been forgotten here."""
        if event.actor is Actor.USER:
            return True
        with self.database.reading() as connection:
            return not tombstones.forbids(connection, event.op, event.source)

    def may_propose(self, op: Op, source: Source) -> bool:
        """Whether something imported says nothing that has been forgotten here."""
        with self.database.reading() as connection:
            return not tombstones.forbids(connection, op, source)
