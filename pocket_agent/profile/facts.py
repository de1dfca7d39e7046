"""What the profile is made of: facts with sources, ops that edit them, events of the log."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pocket_agent.profile.values import key


class Polarity(StrEnum):
    """Whether a value is liked (or simply true), or avoided."""

    LIKES = "+"
    AVOIDS = "-"


class FactState(StrEnum):
    """Where a fact stands. Only active facts are told to the model."""

    CANDIDATE = "candidate"  # waits for the person's yes or no
    DOUBT = "doubt"  # an active fact of the same words seems to hold no longer: yes or no?
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    RETRACTED = "retracted"
    REJECTED = "rejected"  # the person said no


class Actor(StrEnum):
    """Who made an event."""

    USER = "user"
    POLICY = "policy"
    IMPORT = "import"


class OpKind(StrEnum):
    """What an op does. The policy decides among the first four; the rest are a person's hand."""

    ADD = "add"
    UPDATE = "update"
    REMOVE = "remove"
    NONE = "none"
    LOCK = "lock"
    UNLOCK = "unlock"
    PIN = "pin"
    UNPIN = "unpin"
    CONFIRM = "confirm"
    REJECT = "reject"
    UNDO = "undo"


IMPORTED = "import:"
"""Begins the `turn` of a source that is no turn but another program's file."""
BATCH = "batch:"
"""Begins the `policy` of events that were made in one go."""


@dataclass(frozen=True, slots=True)
class Source:
    """The words a fact rests on.

    Args:
        turn: id of the user turn; empty if the person typed the fact in by hand; IMPORTED and the
            name of a format if it comes from a file of that format.
        start, end: character span of the quote in that turn.
        quote: the person's verbatim words.
        question: what the assistant had asked, where the turn answers it.
    """

    turn: str
    start: int
    end: int
    quote: str
    question: str = ""

    @property
    def imported_from(self) -> str:
        """The format of the file it comes from; empty for what was said or typed here."""
        return self.turn.removeprefix(IMPORTED) if self.turn.startswith(IMPORTED) else ""


@dataclass(frozen=True, slots=True)
class Op:
    """One edit of the profile.

    Args:
        kind: what to do.
        slot: a name of the slot schema; empty for none and undo.
        value: the value added, the new value of an update, or the value removed.
        old: the value an update replaces, or that makes way for a confirmed candidate.
        polarity: liked or avoided.
        fact: id of the fact, for edits by hand (lock, pin, confirm, reject, remove, update).
        undoes: seq of the event that an undo takes back.
    """

    kind: OpKind
    slot: str = ""
    value: str = ""
    old: str = ""
    polarity: Polarity = Polarity.LIKES
    fact: str = ""
    undoes: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the append-only log.

    Args:
        seq: position in the log, from 1, growing.
        id: unique name; the fact that an add makes takes it as its own id.
        at: when we learnt it, ISO 8601 in UTC.
        actor: who did it.
        op: what was done.
        source: the words it rests on; None for undo, lock, pin and confirm.
        confidence: in [0, 1]; below the threshold of `rules` a fact waits as a candidate.
        policy: version of the policy that decided it; empty for people, or the batch it is part of.
        since: when it became true, ISO 8601 or empty if unknown.
        clock: its place among the events of every computer (`merging.order`); 0 for those of a
            program before clocks.
        over: ids, a space between, of the locked facts that the person's hand changed, knowing that
            they were locked.
    """

    seq: int
    id: str
    at: str
    actor: Actor
    op: Op
    source: Source | None = None
    confidence: float = 1.0
    policy: str = ""
    since: str = ""
    clock: int = 0
    over: str = ""

    @property
    def batch(self) -> str:
        """What events made in one go share, and are undone together by; empty for the others."""
        return self.policy if self.policy.startswith(BATCH) else ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A value in a slot, with where it comes from.

    Args:
        id: the id of the event that made it.
        slot, value, polarity: what is held to be true.
        confidence: in [0, 1]; restating it may raise it, recalling it never does.
        state: see `FactState`.
        actor: who made it.
        learnt: when we learnt it, ISO 8601 in UTC.
        since: when it became true, ISO 8601 or empty.
        locked: nobody but the person changes it.
        pinned: always in the model's context.
        sources: the words it rests on, oldest first.
        replaced_by: id of the fact that superseded it.
        ended: when it was superseded, retracted or rejected, ISO 8601 or empty.
    """

    id: str
    slot: str
    value: str
    polarity: Polarity
    confidence: float
    state: FactState
    actor: Actor
    learnt: str
    since: str = ""
    locked: bool = False
    pinned: bool = False
    sources: tuple[Source, ...] = ()
    replaced_by: str = ""
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """Every fact ever held, by id, in the order they were learnt. Immutable.

    Args:
        aliases: ids of events that only restated a fact, and its id. Where two logs have met, one
            of them may have known the fact by such a name. Kept during a replay alone.
    """

    facts: dict[str, Fact] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict, compare=False)

    def active(self, slot: str | None = None) -> list[Fact]:
        """The facts that hold now, all or those of one slot."""
        return self._select(FactState.ACTIVE, slot)

    def candidates(self, slot: str | None = None) -> list[Fact]:
        """The facts that wait for the person's yes or no. `waiting.waiting` has doubts too."""
        return self._select(FactState.CANDIDATE, slot)

    def saying(self, slot: str, value: str) -> list[Fact]:
        """The facts of that slot, whatever became of them, that mean the same as the value."""
        wanted = key(value)
        return [f for f in self.facts.values() if f.slot == slot and key(f.value) == wanted]

    def with_facts(self, changed: Iterable[Fact]) -> "Profile":
        """A profile in which `changed` replace or join the facts of the same id."""
        return Profile({**self.facts, **{fact.id: fact for fact in changed}}, self.aliases)

    def with_alias(self, name: str, fact: str) -> "Profile":
        """A profile in which an event's id is another name of a fact."""
        return Profile(self.facts, {**self.aliases, name: fact})

    def _select(self, state: FactState, slot: str | None) -> list[Fact]:
        return [
            fact
            for fact in self.facts.values()
            if fact.state is state and (slot is None or fact.slot == slot)
        ]
