"""What the store hands out: sessions, turns, recalled turns. Plain data, no SQL."""

from dataclasses import dataclass
from enum import StrEnum


class TurnRole(StrEnum):
    """Who said a turn."""

    USER = "user"
    ASSISTANT = "assistant"


class TurnStatus(StrEnum):
    """How far a turn is. Only an open one can still change."""

    OPEN = "open"  # a reply that is being streamed
    COMPLETE = "complete"
    STOPPED = "stopped"  # the person stopped it; the partial text stays
    CUT = "cut"  # it reached its length limit
    INTERRUPTED = "interrupted"  # the program ended while it was streamed


UNFINISHED = frozenset((TurnStatus.STOPPED, TurnStatus.CUT, TurnStatus.INTERRUPTED))
"""How a reply ended that can go on. What follows it as a reply is the rest of it."""


READ_LATER = "later"
"""Noted as the policy that has read a turn of another program's, which the person wants read: after
all that was said here, and what is found in it waits for a yes."""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation. Times are ISO 8601 in UTC.

    Args:
        archived: put out of sight. titled: a person gave it its title, which nothing else changes.
    """

    id: str
    title: str
    started: str
    touched: str
    turns: int
    archived: bool = False
    titled: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance, immutable once it is complete.

    Args:
        at: when it was said, ISO 8601 in UTC.
        speaker: who said it, as recall tells it; if empty, the store writes "You" or "Assistant".
    """

    id: str
    session: str
    role: TurnRole
    text: str
    at: str
    status: TurnStatus = TurnStatus.COMPLETE
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What of the profile and of the past the model could read when it replied.

    Args:
        facts: ids of facts. turns: ids of past turns.
    """

    facts: tuple[str, ...] = ()
    turns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.facts or self.turns)


@dataclass(frozen=True, slots=True)
class Context:
    """What a reply was made from, as it travels.

    Args:
        id: of the reply. facts, turns: as in `Drawn`.
    """

    id: str
    facts: tuple[str, ...] = ()
    turns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recalled:
    """A past turn that recall brought back, and why.

    Args:
        score: the combined score; larger is nearer.
        cosine: the dense part, in [-1, 1], 0 where no vector was there.
        coverage: the words part, in [0, 1].
    """

    turn: Turn
    score: float
    cosine: float
    coverage: float
