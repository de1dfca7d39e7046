"""What the assistant tells whoever shows the conversation (the TUI, `ask`, the demo)."""

from dataclasses import dataclass

from pocket_agent.llm.protocol import FinishReason, Usage
from pocket_agent.memory.records import Recalled, Turn
from pocket_agent.profile.facts import Event, Fact


@dataclass(frozen=True, slots=True)
class UserSaved:
    """The person's turn is on disk."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class ContextReady:
    """The prompt is put together; `/context` shows this very prompt.

    Args:
        facts, recalled: all that the model can read of the profile and of the past: in the system
            text, and in the notes of every turn that is sent.
        first: id of the first turn that is sent.
        summary: what the message was told of turns that have just left; empty for nothing.
        left_out: pinned facts for which there was no room.
    """

    facts: tuple[Fact, ...]
    recalled: tuple[Recalled, ...]
    tokens: int
    limit: int
    dropped_turns: int
    first: str = ""
    summary: str = ""
    left_out: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextUse:
    """How much of the context the session takes before its next message. Counts in tokens.

    Args:
        dropped_turns: how many of its turns no longer fit.
        first: id of the first turn that would be sent; empty if there is none.
    """

    tokens: int
    limit: int
    dropped_turns: int = 0
    first: str = ""


@dataclass(frozen=True, slots=True)
class ReplyDelta:
    """More of the reply.

    Args:
        tokens: how many tokens of the model's it is; none of what we add to a reply.
    """

    turn: str
    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """The reply is complete (or stopped) and on disk."""

    turn: Turn
    finish: FinishReason
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Learnt:
    """The policy edited the profile: one quiet line, with undo.

    Args:
        event: the row of the log; its seq is what undo takes back.
        line: what to show, such as `remembered: home · Porto (was Leeds)`.
        waits: id of what now waits for a yes or no; empty if nothing is asked.
    """

    event: Event
    line: str
    waits: str = ""


@dataclass(frozen=True, slots=True)
class PolicyIdle:
    """The policy has read every turn there is."""


AssistantEvent = UserSaved | ContextReady | ReplyDelta | ReplyDone | Learnt | PolicyIdle
