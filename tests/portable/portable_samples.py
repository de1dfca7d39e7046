"""What the tests of export and import share."""

import hashlib
import json
from collections.abc import Iterable

from pocket_agent.memory.records import TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind, Polarity, Source


def resealed(lines: Iterable[bytes]) -> list[bytes]:
    """The lines with a trailer that fits them, as someone who edits an export would make it."""
    *body, end = lines
    trailer = json.loads(end)
    trailer["sha256"] = hashlib.sha256(b"".join(body)).hexdigest()
    return [*body, json.dumps(trailer).encode() + b"\n"]


def fill(store: Store) -> None:
    """Two conversations, facts of every state, an undo and an undone undo."""
    session = store.new_session("Moving")
    said = store.add_user_turn(session.id, "I live in Leeds.\nMy tea is Earl Grey ☕ — always.")
    reply = store.open_reply(session.id)
    store.close_reply(reply.id, "Noted [bold]\x1b[31m!", TurnStatus.STOPPED)
    later = store.add_user_turn(session.id, "We moved: I live in Porto now. No olives, please!")
    store.new_session("An empty one")
    store.record(
        Op(OpKind.ADD, "home", "Leeds"),
        actor=Actor.POLICY,
        source=Source(said.id, 0, 16, "I live in Leeds."),
        policy="p-1",
    )
    store.record(
        Op(OpKind.UPDATE, "home", "Porto", "Leeds"),
        actor=Actor.POLICY,
        source=Source(later.id, 0, 30, "We moved: I live in Porto now."),
        policy="p-1",
        since="2026-11",
    )
    store.record(
        Op(OpKind.ADD, "food", "olives", polarity=Polarity.AVOIDS),
        actor=Actor.POLICY,
        source=Source(later.id, 31, 49, "No olives, please!"),
        confidence=0.3,
    )
    store.record(Op(OpKind.ADD, "drink", "Earl Grey"), actor=Actor.USER)
    tea = store.profile().active("drink")[0]
    store.record(Op(OpKind.LOCK, fact=tea.id), actor=Actor.USER)
    store.undo()
    store.undo(6)
    store.record(Op(OpKind.REMOVE, "drink", "Earl Grey", fact=tea.id), actor=Actor.USER)
    store.undo(2)
