"""What the chat shows, as data: the state that the chat screen is a view of. No Textual in here."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from pocket_agent.assistant.events import Learnt
from pocket_agent.memory.records import Drawn, Turn, TurnRole, TurnStatus
from pocket_agent.tui.backend import MemoryRow, Page

_keys = count(1)


class SaidState(StrEnum):
    """How far something said is."""

    QUEUED = "queued"
    COMPLETE = "complete"
    STREAMING = "streaming"
    STOPPED = "stopped"
    CUT = "cut at its length limit"
    INTERRUPTED = "interrupted"
    UNSAVED = "not saved"


_SHOWN = {
    TurnStatus.OPEN: SaidState.STREAMING,
    TurnStatus.COMPLETE: SaidState.COMPLETE,
    TurnStatus.STOPPED: SaidState.STOPPED,
    TurnStatus.CUT: SaidState.CUT,
    TurnStatus.INTERRUPTED: SaidState.INTERRUPTED,
}


@dataclass(slots=True, eq=False)
class Said:
    """A turn as the chat shows it; `turn` is its id in the store, empty until it is saved."""

    role: TurnRole
    text: str
    state: SaidState = SaidState.COMPLETE
    turn: str = ""
    key: int = field(default_factory=lambda: next(_keys))


@dataclass(slots=True, eq=False)
class Remembered:
    """A line about an edit of the profile, with undo; `waits` names what asks for a yes or no."""

    seq: int
    turn: str
    line: str
    undone: bool = False
    waits: str = ""
    key: int = field(default_factory=lambda: next(_keys))


@dataclass(slots=True, eq=False)
class Note:
    """A line of the app's own: a failure, or that old turns have left the context."""

    text: str
    failure: bool = False
    key: int = field(default_factory=lambda: next(_keys))


@dataclass(slots=True, eq=False)
class Sources:
    """A line under a reply: what of the profile and of the past it was made from."""

    drawn: Drawn
    key: int = field(default_factory=lambda: next(_keys))

    @property
    def line(self) -> str:
        """Such as `with 3 facts, 2 past turns`."""
        counts = ((len(self.drawn.facts), "fact"), (len(self.drawn.turns), "past turn"))
        told = [f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count]
        return f"with {', '.join(told)}"


Entry = Said | Remembered | Note | Sources


class Conversation:
    """The entries of one session in the order they are shown, and the messages that wait."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.queue: deque[Said] = deque()
        self.older = False
        self.history: list[str] = []
        self._edge: tuple[str, int] = ("", 0)
        self._summed_up = False
        self._overflow: Note | None = None

    def restore(self, page: Page) -> None:
        """Show a stored session, from its last page on; messages that wait stay under it."""
        self.entries = [*_entries(page), *self.queue]
        self.older = page.more
        self._edge = ("", 0)
        self._overflow = None
        self.history = _user_texts(self.entries)

    def prepend(self, page: Page) -> list[Entry]:
        """Put an older page before what is there. Returns its entries."""
        added = _entries(page)
        self.entries[:0] = added
        self.older = page.more
        self.history[:0] = _user_texts(added)
        self._mark_edge()
        return added

    @property
    def first_turn(self) -> str | None:
        """The id of the oldest turn held, for asking what lies before it."""
        found = (entry.turn for entry in self.entries if isinstance(entry, Said) and entry.turn)
        return next(found, None)

    @property
    def last_reply(self) -> Said | None:
        """The newest reply with any text."""
        for entry in reversed(self.entries):
            if isinstance(entry, Said) and entry.role is TurnRole.ASSISTANT and entry.text:
                return entry
        return None

    def say(self, text: str) -> Said:
        """Queue a message of the person's."""
        said = Said(TurnRole.USER, text, SaidState.QUEUED)
        self.queue.append(said)
        self.entries.append(said)
        if not self.history or self.history[-1] != text:
            self.history.append(text)
        return said

    def next_queued(self) -> Said | None:
        """Take the message that waits longest; it is then being sent."""
        if not self.queue:
            return None
        said = self.queue.popleft()
        said.state = SaidState.COMPLETE
        return said

    def take_back(self) -> Said | None:
        """Take the newest waiting message out again, so that it can be edited."""
        if not self.queue:
            return None
        said = self.queue.pop()
        self.entries.remove(said)
        return said

    def begin_reply(self, said: Said) -> Said:
        """The reply to `said`, empty yet, shown right under it."""
        reply = Said(TurnRole.ASSISTANT, "", SaidState.STREAMING)
        self.entries.insert(self._after_exchange(said), reply)
        return reply

    def end_reply(self, reply: Said, turn: Turn) -> None:
        """Take over the reply as it was saved."""
        reply.text = turn.text
        reply.turn = turn.id
        reply.state = _SHOWN[turn.status]

    def drew(self, reply: Said, drawn: Drawn) -> None:
        """A line right under a reply, if it was made from anything that is remembered."""
        if drawn and reply in self.entries:
            self.entries.insert(self.entries.index(reply) + 1, Sources(drawn))

    def learn(self, learnt: Learnt) -> Remembered:
        """A line for an edit of the profile, under its exchange if that is here."""
        turn = learnt.event.source.turn if learnt.event.source else ""
        row = Remembered(learnt.event.seq, turn, learnt.line, waits=learnt.waits)
        found = (e for e in self.entries if turn and isinstance(e, Said) and e.turn == turn)
        self.entries.insert(self._after_exchange(next(found, None)), row)
        return row

    def drop(self, entry: Entry) -> None:
        """Take an entry out again."""
        self.entries.remove(entry)

    def note(self, text: str, *, failure: bool = False) -> Note:
        """A line of the app's own, before the messages that still wait."""
        note = Note(text, failure)
        self.entries.insert(len(self.entries) - len(self.queue), note)
        return note

    def reads_from(self, turn: str, dropped: int, *, summed_up: bool = False) -> None:
        """Say in one line where what the model reads begins, once turns have left the context.

        Args:
            turn: id of the first turn that is sent. dropped: how many turns are not, before it.
            summed_up: a summary of them is sent.
        """
        if (turn, dropped) != self._edge:
            self._edge, self._summed_up = (turn, dropped), summed_up
            self._mark_edge()

    def _mark_edge(self) -> None:
        """Put the line before the turn it is about; without that turn, or a need, nowhere."""
        turn, dropped = self._edge
        if self._overflow is not None and self._overflow in self.entries:
            self.entries.remove(self._overflow)
        first = self.said(turn) if turn and dropped else None
        if first is not None:
            self._overflow = Note(_overflow_text(dropped, self._summed_up))
            self.entries.insert(self.entries.index(first), self._overflow)

    def said(self, turn: str) -> Said | None:
        """The entry of the turn of that id, if it is held."""
        held = (e for e in self.entries if isinstance(e, Said) and e.turn == turn)
        return next(held, None)

    def last_sources(self) -> Sources | None:
        """What the newest reply was made from; None if from nothing that is remembered."""
        for entry in reversed(self.entries):
            if isinstance(entry, Sources):
                return entry
            if isinstance(entry, Said) and entry.role is TurnRole.ASSISTANT:
                return None
        return None

    def last_memory(self) -> Remembered | None:
        """The newest line that can still be undone."""
        for entry in reversed(self.entries):
            if isinstance(entry, Remembered) and not entry.undone:
                return entry
        return None

    def last_question(self) -> Remembered | None:
        """The newest line that still asks for a yes or no."""
        for entry in reversed(self.entries):
            if isinstance(entry, Remembered) and entry.waits and not entry.undone:
                return entry
        return None

    def _after_exchange(self, said: Said | None) -> int:
        """Where the entries that belong to `said` end: before the next user turn."""
        if said is None or said not in self.entries:
            return len(self.entries) - len(self.queue)
        at = self.entries.index(said) + 1
        while at < len(self.entries) and not _is_user(self.entries[at]):
            at += 1
        return at


def _overflow_text(turns: int, summed_up: bool) -> str:
    what = "turn above stays" if turns == 1 else f"{turns} turns above stay"
    also = "; a summary is sent in their place (/context shows it)" if summed_up else ""
    return (
        "The context is full: what the model reads begins here. "
        f"The {what} saved, and recall finds what was said{also}."
    )


def _is_user(entry: Entry) -> bool:
    return isinstance(entry, Said) and entry.role is TurnRole.USER


def _user_texts(entries: Iterable[Entry]) -> list[str]:
    return [entry.text for entry in entries if isinstance(entry, Said) and _is_user(entry)]


def _entries(page: Page) -> list[Entry]:
    rows: dict[str, list[MemoryRow]] = {}
    for row in page.memories:
        rows.setdefault(row.turn, []).append(row)
    found: list[Entry] = []
    pending: list[MemoryRow] = []
    for turn in page.turns:
        if turn.role is TurnRole.USER:
            found.extend(_remembered(pending))
            pending = rows.get(turn.id, [])
        found.append(Said(turn.role, turn.text, _SHOWN[turn.status], turn.id))
        if drawn := page.drawn.get(turn.id):
            found.append(Sources(drawn))
    found.extend(_remembered(pending))
    return found


def _remembered(rows: Iterable[MemoryRow]) -> list[Entry]:
    return [Remembered(row.seq, row.turn, row.line, row.undone, row.waits) for row in rows]
