"""Where the turns of an import stand in a conversation that is here already, branches and all."""

from collections.abc import Iterable, Sequence

from pocket_agent.memory.branches import Branch, Tree, points_of
from pocket_agent.memory.records import Turn
from pocket_agent.portable.lines import Contents


def new_branches(theirs: Contents, ours: Contents, new: Sequence[Turn]) -> list[Branch]:
    """Which of the new turns begin a branch here.

    A conversation with no branch on either side stays a single line.

    Args:
        theirs: all that the file holds. new: its turns that will be stored behind ours, in order.
    """
    said, here, added = _by_session(theirs.turns), _by_session(ours.turns), _by_session(new)
    points = {branch.id: branch.parent for branch in theirs.branches}
    forked = {*points, *(branch.id for branch in ours.branches)}
    found: list[Branch] = []
    for session, turns in added.items():
        mine = here.get(session, [])
        if forked.isdisjoint([*said[session], *mine]):
            continue
        tree = Tree(said[session], points)
        begun = points_of(tree, turns, {*mine, *turns}, mine[-1] if mine else "")
        found += [Branch(*point) for point in begun.items()]
    return found


def _by_session(turns: Iterable[Turn]) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for turn in turns:
        held.setdefault(turn.session, []).append(turn.id)
    return held
