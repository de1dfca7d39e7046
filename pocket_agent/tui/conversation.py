"""What the chat shows, as data: the state that the chat screen is a view of. No Textual in here."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from pocket_agent.assistant.events import Learnt
from pocket_agent.memory.records import UNFINISHED, Drawn, Turn, TurnRole, TurnStatus
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

_UNFINISHED = frozenset(_SHOWN[status] for status in UNFINISHED)


@dataclass(slots=True, eq=False)
class Said:
    """A turn as the chat shows it.

    Args:
        turn: its id in the store, empty until it is saved; of a reply that was gone on with, that
            of its first piece. rest: ids of the further ones.
        version: which of how many turns in this place it is; (1, 1) where it stands alone.
    """

    role: TurnRole
    text: str
    state: SaidState = SaidState.COMPLETE
    turn: str = ""
    rest: list[str] = field(default_factory=list)
    version: tuple[int, int] = (1, 1)
    key: int = field(default_factory=lambda: next(_keys))


@dataclass(slots=True, eq=False)
class Remembered:
    """A line about an edit of the profile, with undo; `waits` names what asks for a yes or no.

    Args:
        also: further edits that are undone with it.
    """

    seq: int
    turn: str
    line: str
    undone: bool = False
    waits: str = ""
    also: tuple[int, ...] = ()
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
        self._lack = ""

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

    def add(self, text: str) -> Said:
        """A message of the person's that is sent at once."""
        said = Said(TurnRole.USER, text)
        self.entries.insert(len(self.entries) - len(self.queue), said)
        self.history.append(text)
        return said

    def next_queued(self) -> Said | None:
        """Take the message that waits longest; it is then being sent."""
        if not self.queue:
            return None
        said = self.queue.popleft()
        said.state = SaidState.COMPLETE
        return said

    def take_back(self, said: Said | None = None) -> Said | None:
        """Take a waiting message out again, the newest if none is named."""
        if not self.queue or (said is not None and said not in self.queue):
            return None
        said = said or self.queue[-1]
        self.queue.remove(said)
        self.entries.remove(said)
        return said

    def begin_reply(self, said: Said) -> Said:
        """The reply to `said`, empty yet, shown right under it, before what was learnt from it."""
        reply = Said(TurnRole.ASSISTANT, "", SaidState.STREAMING)
        at = self._after_exchange(said)
        while isinstance(self.entries[at - 1], Remembered):
            at -= 1
        self.entries.insert(at, reply)
        return reply

    def end_reply(self, reply: Said, turn: Turn, begun: str = "") -> None:
        """Take over the reply as it was saved, behind what had begun it."""
        reply.text = begun + turn.text
        if reply.turn:
            reply.rest.append(turn.id)
        else:
            reply.turn = turn.id
        reply.state = _SHOWN[turn.status]

    def reply_to(self, said: Said) -> Said | None:
        """The reply under a message, if there is one."""
        held = self._exchange(said)
        return next((e for e in held if isinstance(e, Said) and e is not said), None)

    def drop_reply(self, said: Said, *, sources_only: bool = False) -> None:
        """Take the reply under a message out, and the line of what it was made from."""
        for entry in self._exchange(said)[1:]:
            if isinstance(entry, Sources) or (isinstance(entry, Said) and not sources_only):
                self.entries.remove(entry)

    def put_in_place(self, old: Said, new: Said) -> None:
        """Let one message take the place of an earlier one: what followed that is shown no more.

        What was learnt from the old one still holds: one line names it, and undoes it.
        """
        if old not in self.entries:
            return
        start, end = self.entries.index(old), self.entries.index(new)
        gone, self.entries[start:end] = self.entries[start:end], []
        rows = [e for e in gone if isinstance(e, Remembered) and e.turn == old.turn]
        rows = [row for row in rows if not row.undone]
        if rows:
            told = "; ".join(row.line.removeprefix("remembered: ") for row in rows)
            line = f"still remembered from your old message: {told}"
            also = tuple(row.seq for row in rows[:-1])
            at = self._after_exchange(new)
            self.entries.insert(at, Remembered(rows[-1].seq, "", line, also=also))

    def mark_versions(self, versions: Mapping[str, list[str]]) -> None:
        """Say of each turn which of how many it is.

        Args:
            versions: of those that do not stand alone, all in their place, by turn id.
        """
        for entry in self.entries:
            if isinstance(entry, Said):
                held = versions.get(entry.turn, [entry.turn])
                entry.version = held.index(entry.turn) + 1, len(held)

    @property
    def last_message(self) -> Said | None:
        """The newest message of the person's that is stored."""
        return self.message_before(None)

    def message_before(self, said: Said | None) -> Said | None:
        """The person's stored message before one, or the newest."""
        found = [e for e in self.entries if isinstance(e, Said) and _is_user(e) and e.turn]
        earlier = found[: found.index(said)] if said in found else found
        return earlier[-1] if earlier else None

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

    def lacks(self, line: str) -> None:
        """Say once what the model is not told; an empty line says that it is told everything."""
        if line and line != self._lack:
            self.note(line)
        self._lack = line

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
        held = (e for e in self.entries if isinstance(e, Said) and turn in (e.turn, *e.rest))
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

    def _exchange(self, said: Said) -> list[Entry]:
        """A message and the entries that belong to it."""
        if said not in self.entries:
            return []
        return self.entries[self.entries.index(said) : self._after_exchange(said)]

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
        f"The {what} saved, and recall finds what was said{also}. "
        "/full summarise or /full drop (when_full) chooses what becomes of them."
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
        _add(found, turn)
        if drawn := page.drawn.get(turn.id):
            found.append(Sources(drawn))
    found.extend(_remembered(pending))
    return found


def _add(found: list[Entry], turn: Turn) -> None:
    """Show a turn; the rest of a reply that ended early is shown in one with it."""
    before = next((e for e in reversed(found) if not isinstance(e, Sources)), None)
    goes_on = isinstance(before, Said) and before.state in _UNFINISHED and before.turn
    if turn.role is TurnRole.ASSISTANT and goes_on and isinstance(before, Said):
        before.text += turn.text
        before.state = _SHOWN[turn.status]
        before.rest.append(turn.id)
        while isinstance(found[-1], Sources):
            found.pop()
    else:
        found.append(Said(turn.role, turn.text, _SHOWN[turn.status], turn.id))


def _remembered(rows: Iterable[MemoryRow]) -> list[Entry]:
    return [Remembered(row.seq, row.turn, row.line, row.undone, row.waits) for row in rows]
