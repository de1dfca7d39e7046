"""Taking an edit of the profile back, and the quiet line that says what that did."""

from pocket_agent.assistant.phrases import label
from pocket_agent.errors import StoreError
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Event, Fact, OpKind

_UNDONE = {
    OpKind.ADD: "forgot",
    OpKind.UPDATE: "went back to",
    OpKind.REMOVE: "remembered again",
    OpKind.LOCK: "unlocked",
    OpKind.UNLOCK: "locked",
    OpKind.PIN: "unpinned",
    OpKind.UNPIN: "pinned",
    OpKind.CONFIRM: "no longer confirmed",
    OpKind.REJECT: "waits again for a yes or no:",
}
"""What taking an edit back does."""


def take_back(store: Store, seq: int | None, here: str) -> str:
    """Take back an edit of the profile.

    Args:
        seq: which one; None for the last there is to undo.
        here: id of the conversation that the person is in; empty for none.

    Returns:
        The line to show.

    Raises:
        ProfileError: there is nothing to undo.
    """
    brought = store.last_import()
    applied = store.undo(seq)
    if brought is not None and store.last_import() != brought:
        return f"undone: the import of {brought.at[:16].replace('T', ' ')}"
    if not applied.changed:
        return "that counts no longer"
    events = store.events()
    taken_back = next((e for e in events if e.seq == events[-1].op.undoes), None)
    if taken_back is None or applied.fact is None:
        return "undone"
    together = sum(e.batch == taken_back.batch != "" for e in events)
    line = _describe(taken_back, applied.fact, together)
    return f"{line} (from another conversation)" if _elsewhere(store, taken_back, here) else line


def _describe(event: Event, fact: Fact, together: int) -> str:
    """What taking an edit back did, and to which fact.

    Args:
        together: how many edits were taken back with it, itself counted.
    """
    if together > 1:
        return f"undone: {together} changes that were made in one go"
    return f"undone: {_UNDONE.get(event.op.kind, 'changed')} {label(fact)}"


def _elsewhere(store: Store, event: Event, session: str) -> bool:
    """Whether an edit was learnt in another conversation than the one of that id."""
    if event.source is None or event.source.imported_from:
        return False
    try:
        return store.turn(event.source.turn).session != session
    except StoreError:  # imported without its conversation
        return True
