"""What goes into a file and what came of it: the contents of a store, and the summary."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pocket_agent.memory.records import Context, Session, TurnRole, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.portable.changes import Changes
from pocket_agent.portable.lines import Contents
from pocket_agent.profile.facts import Fact

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Summary:
    """How much was written or taken in; `skipped` is what was there already.

    Args:
        facts: how many hold in what was written. held_back: facts that a choice of parts took
            out because they name what was to be left out.
        changes: what an import changed, or would. forgotten_there: rows that are here and that
            the other side has forgotten. erases: whether those are erased here too.
        hearsay: new facts of style, of a profile that is not known to be the person's own.
    """

    sessions: int
    turns: int
    events: int
    skipped: int = 0
    facts: int = field(default=0, compare=False)
    held_back: int = field(default=0, compare=False)
    changes: Changes = field(default=Changes(), compare=False)
    forgotten_there: int = field(default=0, compare=False)
    erases: bool = field(default=False, compare=False)
    hearsay: tuple[Fact, ...] = field(default=(), compare=False)


def read_contents(store: Store) -> Contents:
    """Everything of a store, in order; replies that still stream are left out."""
    sessions = sorted(_all_sessions(store), key=lambda session: (session.started, session.id))
    turns = [turn for session in sessions for turn in store.all_turns(session.id)]
    finished = tuple(turn for turn in turns if turn.status is not TurnStatus.OPEN)
    events = tuple(sorted(store.events(), key=lambda event: event.seq))
    held = {turn.id for turn in finished}
    branches = tuple(branch for branch in store.branches() if branch.id in held)
    drawn = store.drawn(turn.id for turn in finished if turn.role is TurnRole.ASSISTANT)
    contexts = tuple(
        Context(turn.id, drawn[turn.id].facts, drawn[turn.id].turns)
        for turn in finished
        if turn.id in drawn
    )
    return Contents(tuple(sessions), finished, events, contexts, store.graves(), branches=branches)


def _all_sessions(store: Store) -> Iterator[Session]:
    offset = 0
    while page := store.sessions(_PAGE, offset):
        yield from page
        offset += len(page)
