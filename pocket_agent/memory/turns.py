"""Sessions and turns in the store's file."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import apsw

from pocket_agent.errors import StoreError
from pocket_agent.memory import branches
from pocket_agent.memory.branches import Branch
from pocket_agent.memory.database import Database
from pocket_agent.memory.identity import new_id, now
from pocket_agent.memory.records import (
    READ_LATER,
    Context,
    Drawn,
    Session,
    Turn,
    TurnRole,
    TurnStatus,
)
from pocket_agent.memory.words import index_turns

SPEAKERS = {TurnRole.USER: "You", TurnRole.ASSISTANT: "Assistant"}

_SESSION = """
SELECT s.id, s.title, s.started, s.touched,
    (SELECT count(*) FROM turns t WHERE t.session = s.id), s.archived, s.titled
FROM sessions s
"""
TURN_COLUMNS = "id, session, role, text, at, status, speaker"
_TURN = f"SELECT {TURN_COLUMNS} FROM turns"  # noqa: S608
# A number is never given again that a turn has which an import set aside.
_ADD = """
INSERT INTO turns (id, session, role, speaker, text, at, status, read_by, batch, n)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1 + max(coalesce((SELECT max(n) FROM turns), 0),
                                           coalesce((SELECT max(last_turn) FROM imports), 0)))
"""
_ADD_SESSION = """
INSERT OR IGNORE INTO sessions (id, title, started, touched, batch, archived, titled)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""


_ADD_DRAWN = "INSERT OR IGNORE INTO contexts VALUES (?, ?, ?)"
# By time: what was imported yesterday may have been said years ago.
_MESSAGES = """
SELECT t.text FROM turns t JOIN sessions s ON s.id = t.session
WHERE t.role = 'user' AND NOT s.archived ORDER BY t.at DESC, t.n DESC LIMIT ?
"""
_DRAWN = """
SELECT reply, kind, name FROM contexts WHERE reply IN (SELECT value FROM json_each(?))
"""


def _session_from_row(row: tuple[Any, ...]) -> Session:
    name, title, started, touched, turns, archived, titled = row
    return Session(name, title, started, touched, turns, bool(archived), bool(titled))


def turn_from_row(row: tuple[Any, ...]) -> Turn:
    """A turn from the columns of TURN_COLUMNS."""
    name, session, role, text, at, status, speaker = row
    return Turn(name, session, TurnRole(role), text, at, TurnStatus(status), speaker)


class Sessions:
    """The conversations of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, title: str) -> Session:
        """A new, empty conversation."""
        session = Session(new_id(), title, now(), now(), 0)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO sessions (id, title, started, touched) VALUES (?, ?, ?, ?)",
                (session.id, title, session.started, session.touched),
            )
        return session

    def add_known(self, session: Session, batch: int | None = None) -> None:
        """Add a conversation from elsewhere, under its own id; one that is there stays as it is."""
        said = (session.id, session.title, session.started, session.touched, batch)
        row = (*said, session.archived, session.titled)
        with self._database.writing() as connection:
            connection.execute(_ADD_SESSION, row)

    def page(self, limit: int, offset: int, archived: bool | None) -> list[Session]:
        """Conversations, the last touched first; None takes archived ones and others."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"{_SESSION} WHERE s.archived IS coalesce(?, s.archived) "
                "ORDER BY s.touched DESC, s.n DESC LIMIT ? OFFSET ?",
                (archived, limit, offset),
            )
            return [_session_from_row(row) for row in rows]

    def get(self, name: str) -> Session:
        """One conversation, by id."""
        with self._database.reading() as connection:
            for row in connection.execute(f"{_SESSION} WHERE s.id = ?", (name,)):
                return _session_from_row(row)
        raise StoreError(f"There is no session {name}")

    def rename(self, name: str, title: str) -> Session:
        """Give a conversation another title, by hand."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE sessions SET title = ?, titled = 1 WHERE id = ?", (title, name)
            )
        return self.get(name)

    def suggest(self, name: str, title: str) -> Session:
        """Give a conversation another title, unless it has one by hand."""
        with self._database.writing(durable=False) as connection:
            connection.execute(
                "UPDATE sessions SET title = ? WHERE id = ? AND NOT titled", (title, name)
            )
        return self.get(name)

    def archive(self, name: str, archived: bool) -> Session:
        """Put a conversation out of sight, or bring it back."""
        with self._database.writing() as connection:
            connection.execute("UPDATE sessions SET archived = ? WHERE id = ?", (archived, name))
        return self.get(name)


class Turns:
    """The turns of one store: added, streamed, never changed once they are finished."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_user(
        self, session: str, text: str, after: str | None = None, read_by: str | None = None
    ) -> Turn:
        """Store what the person said; on the disk when this returns."""
        turn = _new_turn(session, TurnRole.USER, _storable(text), TurnStatus.COMPLETE)
        with self._database.writing() as connection:
            number = _insert(connection, turn, read_by)
            branches.place(connection, session, turn.id, after)
            index_turns(connection, [number])
            connection.execute("UPDATE sessions SET archived = 0 WHERE id = ?", (session,))
        return turn

    def open_reply(self, session: str, drawn: Drawn, after: str | None = None) -> Turn:
        """Begin a reply, empty and open, with what it is made from."""
        turn = _new_turn(session, TurnRole.ASSISTANT, "", TurnStatus.OPEN)
        named = [*(("fact", f) for f in drawn.facts), *(("turn", t) for t in drawn.turns)]
        with self._database.writing() as connection:
            _insert(connection, turn, None)
            branches.place(connection, session, turn.id, after)
            connection.executemany(_ADD_DRAWN, [(turn.id, kind, name) for kind, name in named])
        return turn

    def drawn(self, replies: Iterable[str]) -> dict[str, Drawn]:
        """What the replies of those ids were made from; those made from nothing are left out."""
        found: dict[str, dict[str, list[str]]] = {}
        with self._database.reading() as connection:
            for reply, kind, name in connection.execute(_DRAWN, (json.dumps(list(replies)),)):
                found.setdefault(reply, {"fact": [], "turn": []})[kind].append(name)
        return {r: Drawn(tuple(of["fact"]), tuple(of["turn"])) for r, of in found.items()}

    def add_drawn(self, contexts: Iterable[Context]) -> None:
        """Note what replies from elsewhere were made from."""
        rows = (
            (context.id, kind, name)
            for context in contexts
            for kind, names in (("fact", context.facts), ("turn", context.turns))
            for name in names
        )
        with self._database.writing() as connection:
            connection.executemany(_ADD_DRAWN, rows)

    def checkpoint(self, name: str, text: str) -> None:
        """Store how far a reply is.

        It outlives this process at once, and a power cut from the next durable write on: waiting
        for the disk at every few tokens would make the reply stutter.
        """
        with self._database.writing(durable=False) as connection:
            connection.execute(
                "UPDATE turns SET text = ? WHERE id = ? AND status = 'open'",
                (_storable(text), name),
            )
            if not connection.changes():
                raise StoreError("This reply is finished and can't be changed")

    def close(self, name: str, text: str, status: TurnStatus) -> Turn:
        """Finish a reply: from here on nothing changes it."""
        if status is TurnStatus.OPEN:
            raise StoreError("A reply can't be closed as open")
        with self._database.writing() as connection:
            rows = connection.execute(
                "UPDATE turns SET text = ?, status = ? WHERE id = ? AND status = 'open' "
                "RETURNING n",
                (_storable(text), status.value, name),
            )
            numbers = [number for (number,) in rows]
            if not numbers:
                raise StoreError("This reply is finished and can't be changed")
            index_turns(connection, numbers)
        return self.get(name)

    def recover(self) -> int:
        """Mark the replies that a crash left open as interrupted; how many there were."""
        with self._database.writing() as connection:
            rows = connection.execute(
                "UPDATE turns SET status = 'interrupted' WHERE status = 'open' RETURNING n"
            )
            numbers = [number for (number,) in rows]
            if numbers:
                index_turns(connection, numbers)
        return len(numbers)

    def get(self, name: str) -> Turn:
        """One turn, by id."""
        with self._database.reading() as connection:
            for row in connection.execute(f"{_TURN} WHERE id = ?", (name,)):
                return turn_from_row(row)
        raise StoreError(f"There is no turn {name}")

    def ids(self, session: str) -> set[str]:
        """The ids of the turns of a session."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT id FROM turns WHERE session = ?", (session,))
            return {name for (name,) in rows}

    def page(self, session: str, before: str | None, limit: int) -> list[Turn]:
        """The last `limit` turns of the present branch, or before the turn of that id."""
        with self._database.reading() as connection:
            if branches.is_branched(connection, session):
                return self._ended(_branch(connection, session, before, limit))
            return self._ended(_stretch(connection, session, before, limit))

    def messages(self, limit: int) -> list[str]:
        """The newest texts of the person's, of conversations in sight, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_MESSAGES, (limit,))
            return [text for (text,) in rows][::-1]

    def every(self, session: str) -> list[Turn]:
        """The turns of every branch of a session, as they were stored."""
        with self._database.reading() as connection:
            rows = connection.execute(f"{_TURN} WHERE session = ? ORDER BY n", (session,))
            return self._ended([turn_from_row(row) for row in rows])

    def _ended(self, turns: list[Turn]) -> list[Turn]:
        if self._database.writable:
            return turns
        # Where nothing is written, nothing was recovered: no reply is still growing.
        ended = TurnStatus.INTERRUPTED
        return [replace(t, status=ended) if t.status is TurnStatus.OPEN else t for t in turns]

    def add_many(
        self,
        turns: Iterable[Turn],
        read_by: str | None,
        batch: int | None = None,
        begun: Iterable[Branch] = (),
    ) -> int:
        """Add finished turns from elsewhere, with their sessions and branches, all or none."""
        with self._database.writing() as connection:
            try:
                numbers = [_insert_foreign(connection, turn, read_by, batch) for turn in turns]
            except apsw.ConstraintError as error:
                raise StoreError(
                    "A turn of that id is already stored, nothing was added"
                ) from error
            connection.executemany(
                "INSERT INTO branches VALUES (?, ?)", ((each.id, each.parent) for each in begun)
            )
            index_turns(connection, numbers)
        return len(numbers)

    def unread(self) -> list[Turn]:
        """The user turns of present branches that the policy has not read, oldest first."""
        return self._not_read("IS NULL")

    def read_later(self) -> list[Turn]:
        """Those of other programs' conversations that it is to read after these."""
        return self._not_read(f"= '{READ_LATER}'")

    def _not_read(self, mark: str) -> list[Turn]:
        with self._database.reading() as connection:
            rows = connection.execute(f"{_TURN} WHERE role = 'user' AND read_by {mark} ORDER BY n")
            turns = [turn_from_row(row) for row in rows]
            paths: dict[str, set[str]] = {}
            for session in {turn.session for turn in turns}:
                if branches.is_branched(connection, session):
                    tree = branches.read_tree(connection, session)
                    paths[session] = set(branches.present(connection, session, tree))
        return [turn for turn in turns if turn.id in paths.get(turn.session, (turn.id,))]

    def mark_read(self, name: str, policy: str) -> None:
        """Note that the policy of that version has read a turn."""
        with self._database.writing(durable=False) as connection:  # reading it twice does no harm
            connection.execute("UPDATE turns SET read_by = ? WHERE id = ?", (policy, name))


def _stretch(connection: Any, session: str, before: str | None, limit: int) -> list[Turn]:
    earlier = "AND n < (SELECT n FROM turns WHERE id = ?)" if before else ""
    rows = connection.execute(
        f"{_TURN} WHERE session = ? {earlier} ORDER BY n DESC LIMIT ?",
        (session, before, limit) if before else (session, limit),
    )
    return [turn_from_row(row) for row in rows][::-1]


def _branch(connection: Any, session: str, before: str | None, limit: int) -> list[Turn]:
    """The same of a session with branches: what leads to `before`, or the present branch."""
    tree = branches.read_tree(connection, session)
    path = tree.path(before)[:-1] if before else branches.present(connection, session, tree)
    rows = connection.execute(
        f"{_TURN} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY n",  # noqa: S608
        (json.dumps(path[max(0, len(path) - limit) :]),),
    )
    return [turn_from_row(row) for row in rows]


def _storable(text: str) -> str:
    """The text with half characters, as a broken terminal may send them, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _new_turn(session: str, role: TurnRole, text: str, status: TurnStatus) -> Turn:
    return Turn(new_id(), session, role, text, now(), status, SPEAKERS[role])


def _insert(connection: Any, turn: Turn, read_by: str | None, batch: int | None = None) -> int:
    """Add a turn to a session that is there; its row number."""
    known = connection.execute(
        "UPDATE sessions SET touched = max(touched, ?) WHERE id = ? RETURNING n",
        (turn.at, turn.session),
    ).get
    if known is None:
        raise StoreError(f"There is no session {turn.session}")
    speaker = turn.speaker or SPEAKERS[turn.role]
    name, session, role, text = turn.id, turn.session, turn.role.value, _storable(turn.text)
    said = (name, session, role, speaker, text, turn.at, turn.status)
    connection.execute(_ADD, (*said, read_by, batch))
    return int(connection.last_insert_rowid())


def _insert_foreign(connection: Any, turn: Turn, read_by: str | None, batch: int | None) -> int:
    if turn.status is TurnStatus.OPEN:
        raise StoreError("An open turn can't be added")
    connection.execute(_ADD_SESSION, (turn.session, "", turn.at, turn.at, batch, False, False))
    return _insert(connection, turn, read_by, batch)
