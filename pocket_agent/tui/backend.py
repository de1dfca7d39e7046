"""What the app asks of whatever stands behind it: one small Protocol and the data it hands over.

The real one is `live.LiveBackend`. No Textual in here.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pocket_agent.assistant.events import AssistantEvent, ContextUse
from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Drawn, Session, Turn
from pocket_agent.profile.facts import Fact
from pocket_agent.tui.library import Library

if TYPE_CHECKING:
    from pocket_agent.memory.topic import Near
    from pocket_agent.tui.live_questions import Questions
    from pocket_agent.tui.model_room import ModelRoom


class NeedsKeyError(PocketAgentError):
    """The profile is encrypted, and no passphrase was given or it was the wrong one."""


class Stage(StrEnum):
    """How far the start is."""

    OPENING = "opening"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the status line says about the model.

    Args:
        doing: what is being done right now, in a few words; empty when ready.
        done: how far it is, in [0, 1], or None if unknown.
        context_limit: size of the chat context in tokens, 0 before it is known.
        placement: the line that tells where the model's layers went; empty if there was no choice.
        note: what is not as it could be, and stays to be read; empty for nothing.
    """

    stage: Stage
    doing: str = ""
    done: float | None = None
    model: str = ""
    device: str = ""
    context_limit: int = 0
    placement: str = ""
    note: str = ""


Report = Callable[[Readiness], None]
"""Called on the event loop whenever the readiness changes."""


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """A row of the profile's log as the chat shows it.

    Args:
        turn: id of the user turn it was learnt from.
        undone: whether an undo has taken it back.
        waits: id of what waits for a yes or no; empty if nothing is asked.
    """

    seq: int
    turn: str
    line: str
    undone: bool = False
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A yes or no that is in the log: the line to show, and the row that an undo takes back."""

    seq: int
    line: str


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a session, oldest first.

    Args:
        more: whether older turns lie before it.
        drawn: what its replies were made from, by the reply's id.
    """

    turns: tuple[Turn, ...]
    memories: tuple[MemoryRow, ...] = ()
    more: bool = False
    drawn: Mapping[str, Drawn] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A fact or a past turn that a reply was made from.

    Args:
        text: what it says; empty if it is no longer there.
        about: where it comes from, in a few words.
        fact: id of the fact, or empty. session, turn: ids of the past turn, or empty.
    """

    text: str
    about: str = ""
    fact: str = ""
    session: str = ""
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a fact.

    Args:
        what: what was done. quote: the words it rests on. undone: whether it counts no longer.
    """

    at: str
    actor: str
    what: str
    quote: str = ""
    undone: bool = False


@dataclass(frozen=True, slots=True)
class SentPart:
    """One part of the prompt, as the model got it."""

    title: str
    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """The whole prompt of the last reply. Counts in tokens, 0 where they are not known.

    Args:
        remark: what there is to say of it: what could not be told, or how much of it is known.
    """

    parts: Sequence[SentPart]
    tokens: int
    limit: int
    dropped_turns: int = 0
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a forgetting would erase.

    Args:
        what: counts by kind; empty if nothing would go.
        lines: the facts and the turns concerned.
        replies: how many of them are replies elsewhere, which may be kept.
    """

    what: str
    lines: tuple[str, ...] = ()
    replies: int = 0


@dataclass(frozen=True, slots=True)
class Proposed:
    """A fact or a turn near a topic, and the line that tells it."""

    line: str
    near: "Near"


class Backend(Protocol):
    """One profile, its conversations and the model that answers. Nothing blocks the event loop.

    Every method may raise a PocketAgentError, which the app shows as one line.
    """

    @property
    def profile_name(self) -> str:
        """The name of the open profile."""

    def place(self, name: str) -> str:
        """The path of the file of a profile of that name.

        Raises:
            UsageError: no profile can be called that.
        """

    def rename(self, name: str) -> None:
        """Open the profile of that name instead. Only before `open`, at a first start."""

    @property
    def session(self) -> Session | None:
        """The conversation that `send` continues; None until a new one has its first turn."""

    @property
    def questions(self) -> "Questions":
        """What may be asked of the person; only once the profile is open."""

    @property
    def library(self) -> Library:
        """All conversations of the open profile together."""

    @property
    def encrypted(self) -> bool:
        """Whether the open profile is encrypted, so that it can be locked."""

    @property
    def full_disk(self) -> str:
        """What to say where the disk is full and the profile can only be read; else empty."""

    @property
    def models(self) -> "ModelRoom":
        """The models that there are."""

    async def open(self, session: str | None, report: Report, key: str | None = None) -> None:
        """Open the profile, without the model.

        Args:
            session: id of the session to go on with; None starts a new one.
            key: passphrase of an encrypted profile.

        Raises:
            NeedsKeyError: ask for the passphrase, and try again.
            PocketAgentError: the profile can't be opened; the app ends with that line.
        """

    async def load(self, report: Report) -> None:
        """Load the model. Called after `open`, and again by `send` if there is none loaded.

        Raises:
            PocketAgentError: there is no usable model; the app stays open.
        """

    async def use_model(self, name: str, report: Report, *, learning: bool = False) -> str:
        """Answer with another model, in the same conversation. Returns the line to show.

        Args:
            learning: it is to learn from what is said, and the one that answers stays.

        Raises:
            PocketAgentError: it can't be loaded; the former one answers again, if it can.
        """

    async def summarise(self, wanted: bool) -> None:
        """Whether turns that leave the context are summed up or only left out, from now on."""

    def send(self, text: str, instead_of: str = "") -> AsyncIterator[AssistantEvent]:
        """Say something; the events of the reply and of what was learnt.

        Args:
            instead_of: id of the message that it is said in place of; that branch is kept.
        """

    def regenerate(self) -> AsyncIterator[AssistantEvent]:
        """Another reply to the last message; the one that is there is kept as a branch."""

    def go_on(self) -> AsyncIterator[AssistantEvent]:
        """More of the last reply, which was stopped or cut."""

    async def measure(self, text: str) -> tuple[int, int]:
        """How many tokens a message would be, and how many fit. Needs the model."""

    async def versions(self) -> dict[str, list[str]]:
        """Turns of the session, by id, in whose place others stand too, with all that do."""

    async def choose(self, turn: str) -> None:
        """Go on with the branch that leads through a turn."""

    def catch_up(self) -> AsyncIterator[AssistantEvent]:
        """Learn from turns that were never read, such as those of a session that was cut off."""

    async def keep_waiting(self, texts: list[str]) -> None:
        """Write down the messages that still wait to be sent: a kill must not lose them."""

    async def waiting(self) -> list[str]:
        """The messages that waited when the program last ended."""

    async def stop(self) -> None:
        """Stop the reply; its partial text stays."""

    async def undo(self, seq: int | None = None) -> str:
        """Take back one event of the log, or the last one. Returns the line to show."""

    async def open_session(self, session: str | None) -> None:
        """Go on with an earlier conversation, or with None begin a new one."""

    async def rename_session(self, session: str, title: str) -> None:
        """Give a conversation another title."""

    async def sessions(self, limit: int, offset: int = 0) -> list[Session]:
        """Conversations that are not archived, newest first."""

    async def page(self, before: str | None, limit: int) -> Page:
        """Turns of the current session that come before the turn with that id, or the last ones."""

    async def sources(self, drawn: Drawn) -> list[SourceRow]:
        """The facts and past turns that a reply was made from, as they are now."""

    async def said_at(self, fact: str, back: int = 0) -> SourceRow | None:
        """A turn that a fact rests on; None if it rests on none that is there.

        Args:
            fact: one of those that `facts` or `facts_at` last gave.
            back: how many to go back from the last one; behind the first comes the last again.
        """

    async def history(self, fact: str) -> list[Change]:
        """The changes of one fact, oldest first. It may be one that `facts_at` gave."""

    async def facts_at(self, day: str) -> list[Fact]:
        """What held, and what waited, at the end of a day (2026-11-03), or at a time.

        Raises:
            PocketAgentError: it is no date.
        """

    async def add_fact(self, text: str) -> str:
        """Write a fact by hand: `food: ramen`, `avoid food: olives`. Returns the line to show.

        Raises:
            PocketAgentError: there is no such slot, or no value.
        """

    async def facts(self) -> list[Fact]:
        """What the profile holds now, and what waits for a yes or no."""

    async def edit_fact(self, fact: str, value: str) -> str:
        """Replace a fact's value by hand. Returns the line to show."""

    async def remove_fact(self, fact: str) -> str:
        """Take a fact out of the profile; undo brings it back. Returns the line to show."""

    async def lock_fact(self, fact: str, locked: bool) -> str:
        """Let nobody but the person change a fact, or lift that. Returns the line to show."""

    async def pin_fact(self, fact: str, pinned: bool) -> str:
        """Tell the model a fact with every message, or lift that. Returns the line to show."""

    async def near_topic(self, topic: str) -> tuple[Proposed, ...]:
        """Facts and turns near a topic, to choose from what is to be forgotten."""

    async def plan_forgetting(self, wish: Wish) -> Preview:
        """What a wish would erase."""

    async def forget(self, wish: Wish) -> str:
        """Erase for good. Returns the line to show; no undo brings it back."""

    async def answer_fact(self, fact: str, yes: bool) -> Answered:
        """Say yes or no to what waits."""

    async def answer_imports(self, yes: bool) -> Answered:
        """Say yes or no to all that was imported and waits, as one step that an undo takes back."""

    async def unseen_imports(self) -> int:
        """How many imported facts wait that no earlier call has told of."""

    async def context_use(self) -> ContextUse | None:
        """How full the context is before the next message; None while no model is loaded."""

    async def sent_prompt(self) -> SentPrompt | None:
        """The prompt of the last reply, or None before the first.

        Of one that an earlier run or another branch has made, it is put together again.
        """

    async def lock(self) -> None:
        """Close the profile and end the children; only `open` with its passphrase opens it again.

        Nothing may be under way.
        """

    async def close(self) -> None:
        """Save what is under way and end the children. Safe to call twice."""
