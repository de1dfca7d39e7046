"""Branches of a conversation: which turn follows which, and where the present branch ends.

Most turns follow the one that was stored before them in their session. The table `branches` names
the parent of those that don't: another reply to the same message, a message that was said anew. The
table `heads` names the turn that the person chose; the present branch leads through it to the
newest turn behind it.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pocket_agent.errors import StoreError
from pocket_agent.memory.database import Database

_POINTS = """
SELECT b.turn, b.parent FROM branches b JOIN turns t ON t.id = b.turn WHERE t.session = ?
"""
_BRANCHED = """
SELECT t.session FROM branches b JOIN turns t ON t.id = b.turn WHERE t.session = ? LIMIT 1
"""
_BEFORE = """
SELECT id FROM turns WHERE session = ?1 AND n < (SELECT n FROM turns WHERE id = ?2)
ORDER BY n DESC LIMIT 1
"""
_ALL_POINTS = "SELECT b.turn, b.parent FROM branches b JOIN turns t ON t.id = b.turn ORDER BY t.n"


@dataclass(frozen=True, slots=True)
class Branch:
    """A turn that does not follow the one stored before it.

    Args:
        id: the turn. parent: the turn it follows; empty at the beginning of its conversation.
    """

    id: str
    parent: str


class Tree:
    """The turns of one session: which follows which.

    Args:
        turns: their ids, as they were stored. points: the parents of those that begin a branch.
    """

    def __init__(self, turns: Sequence[str], points: Mapping[str, str]) -> None:
        self.turns = tuple(turns)
        self._parents: dict[str, str] = {}
        before = ""
        for turn in self.turns:
            parent = points.get(turn, before)
            # A parent is always stored first: whatever else stands there can make no circle.
            known = parent == "" or parent in self._parents
            self._parents[turn] = parent if known else before
            before = turn

    def parent(self, turn: str) -> str:
        """The turn that one follows; empty for none."""
        return self._parents.get(turn, "")

    def path(self, turn: str) -> list[str]:
        """The turns that lead to one, oldest first, itself the last."""
        found = []
        while turn in self._parents:
            found.append(turn)
            turn = self._parents[turn]
        return found[::-1]

    def end(self, turn: str) -> str:
        """The newest turn behind one, or that one."""
        behind = {turn}
        newest = turn
        for other in self.turns:
            if self._parents[other] in behind:
                behind.add(other)
                newest = other
        return newest

    def versions(self, turn: str) -> list[str]:
        """The turns that stand in the same place, that one among them, oldest first."""
        return [t for t in self.turns if self._parents[t] == self._parents.get(turn)]

    def nearest(self, turn: str, among: Collection[str]) -> str:
        """The nearest turn before one that is among those given; empty for none."""
        parent = self.parent(turn)
        while parent and parent not in among:
            parent = self.parent(parent)
        return parent


def points_of(
    tree: Tree, turns: Sequence[str], among: Collection[str], before: str = ""
) -> dict[str, str]:
    """The branch points of some turns of a tree, if these alone were stored, in this order.

    Args:
        among: the turns that will be there. before: the one that is stored right before these.
    """
    points = {}
    for turn in turns:
        parent = tree.nearest(turn, among)
        if parent != before:
            points[turn] = parent
        before = turn
    return points


def is_branched(connection: Any, session: str) -> bool:
    """Whether a session has more than one branch."""
    return connection.execute(_BRANCHED, (session,)).get is not None


def read_tree(connection: Any, session: str) -> Tree:
    """The tree of a session."""
    rows = connection.execute("SELECT id FROM turns WHERE session = ? ORDER BY n", (session,))
    turns = [turn for (turn,) in rows]
    return Tree(turns, dict(connection.execute(_POINTS, (session,))))


def present(connection: Any, session: str, tree: Tree) -> list[str]:
    """The present branch: ids of its turns, oldest first."""
    head = connection.execute("SELECT turn FROM heads WHERE session = ?", (session,)).get
    if head is not None:
        return tree.path(tree.end(head))
    return tree.path(tree.turns[-1]) if tree.turns else []


def place(connection: Any, session: str, turn: str, after: str | None) -> None:
    """Note what a turn that was just stored follows, within its transaction.

    Args:
        after: the turn it follows, empty for the beginning; None for the end of the present branch.

    Raises:
        StoreError: `after` is no turn of that session.
    """
    branched = is_branched(connection, session)
    if after is None and not branched:
        return
    before = connection.execute(_BEFORE, (session, turn)).get or ""
    if after is None:
        tree = read_tree(connection, session)
        earlier = Tree(tree.turns[:-1], {t: tree.parent(t) for t in tree.turns[:-1]})
        path = present(connection, session, earlier)
        after = path[-1] if path else ""
    elif after:
        _check(connection, session, after)
    if after != before:
        connection.execute("INSERT INTO branches VALUES (?, ?)", (turn, after))
    if branched or after != before:
        _choose(connection, session, turn)


def mend(connection: Any, gone: Collection[str]) -> None:
    """Let what followed turns that are about to be erased follow what stood before those."""
    names = json.dumps(list(gone))
    held = "SELECT DISTINCT session FROM turns WHERE id IN (SELECT value FROM json_each(?))"
    for (session,) in connection.execute(held, (names,)).fetchall():
        if not is_branched(connection, session):
            continue
        tree = read_tree(connection, session)
        kept = [turn for turn in tree.turns if turn not in gone]
        points = points_of(tree, kept, set(kept))
        connection.execute(
            "DELETE FROM branches WHERE turn IN (SELECT value FROM json_each(?))",
            (json.dumps(tree.turns),),
        )
        connection.executemany("INSERT INTO branches VALUES (?, ?)", points.items())


def parents(connection: Any, turns: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What each turn follows.

    Args:
        turns: ids of sessions and of their turns, as they were stored within each session.
    """
    points = dict(connection.execute(_ALL_POINTS))
    sessions: dict[str, list[str]] = {}
    for session, turn in turns:
        sessions.setdefault(session, []).append(turn)
    trees = [Tree(held, points) for held in sessions.values()]
    return {turn: tree.parent(turn) for tree in trees for turn in tree.turns}


class Branches:
    """The part of a `Store` that knows the branches of its conversations."""

    database: Database

    def branches(self) -> list[Branch]:
        """Every turn that begins a branch, in the order they were stored."""
        with self.database.reading() as connection:
            return [Branch(*row) for row in connection.execute(_ALL_POINTS)]

    def parent(self, turn: str) -> str:
        """The turn that one follows; empty for none. Raises StoreError if there is no such turn."""
        with self.database.reading() as connection:
            return read_tree(connection, _session_of(connection, turn)).parent(turn)

    def versions(self, session: str) -> dict[str, list[str]]:
        """Turns of the present branch in whose place others stand too, with all that do."""
        with self.database.reading() as connection:
            if not is_branched(connection, session):
                return {}
            tree = read_tree(connection, session)
            found = {t: tree.versions(t) for t in present(connection, session, tree)}
        return {turn: held for turn, held in found.items() if len(held) > 1}

    def aside(self, turn: str) -> frozenset[str]:
        """The turns of a session that do not lead to one of it: other branches, and what follows.

        Raises:
            StoreError: there is no such turn.
        """
        with self.database.reading() as connection:
            tree = read_tree(connection, _session_of(connection, turn))
        return frozenset(tree.turns) - frozenset(tree.path(turn))

    def choose(self, turn: str) -> None:
        """Go on with the branch that leads through a turn.

        Raises:
            StoreError: there is no such turn.
        """
        with self.database.writing() as connection:
            _choose(connection, _session_of(connection, turn), turn)


def _choose(connection: Any, session: str, turn: str) -> None:
    connection.execute(
        "INSERT INTO heads VALUES (?, ?) ON CONFLICT DO UPDATE SET turn = excluded.turn",
        (session, turn),
    )


def _session_of(connection: Any, turn: str) -> str:
    session = connection.execute("SELECT session FROM turns WHERE id = ?", (turn,)).get
    if session is None:
        raise StoreError(f"There is no turn {turn}")
    return str(session)


def _check(connection: Any, session: str, turn: str) -> None:
    if _session_of(connection, turn) != session:
        raise StoreError(f"The turn {turn} is of another conversation")
