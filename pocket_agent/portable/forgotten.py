"""What either side of an import has forgotten, as its rows and tombstones tell."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pocket_agent.errors import PortableError
from pocket_agent.memory.covering import BLOCK
from pocket_agent.memory.graves import Graves, Register
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.portable.lines import Contents
from pocket_agent.profile.facts import Event, Source
from pocket_agent.profile.meeting import Forgotten
from pocket_agent.profile.merging import ids_by_number

ELSEWHERE = "Import into a new profile: pocket-agent profile create NAME."


@dataclass(frozen=True, slots=True)
class Losses:
    """What was forgotten on either side, and what that means for the turns and titles here.

    Args:
        gone: ids of turns that are here, and were erased there. covered: new texts, by id.
        titles: new titles of conversations. forgotten: what it means for the log.
    """

    gone: frozenset[str]
    covered: dict[str, str]
    titles: dict[str, str]
    forgotten: Forgotten


def find_losses(here: Contents, found: Contents, *, both: bool) -> Losses:
    """What was forgotten, here and in the file.

    Args:
        both: what was forgotten there is to be erased here too. Otherwise nothing here changes.

    Raises:
        PortableError: both have the same row with other words, and neither has forgotten any.
    """
    graves = here.graves.joined(found.graves) if both else here.graves
    mine, its = Register(here.graves), Register(found.graves)
    weigh = _Weigh(mine, its, both)
    register = Register(graves)
    texts = _texts(here.turns, found.turns, weigh)
    erased = {turn.id for turn in (*here.turns, *found.turns) if register.is_erased(turn.id)}
    known = {turn.id: turn for turn in here.turns}
    covered = {
        name: text
        for name, text in texts.items()
        if name in known and known[name].text != text and name not in erased
    }
    times = {turn.id: turn.at for turn in (*found.turns, *here.turns)}
    forgotten = Forgotten(
        turns=frozenset(erased),
        asked=frozenset(_asked(here.turns, erased)) | frozenset(_asked(found.turns, erased)),
        is_old=register.is_old,
        said=_when(times),
        cover=_cover(here.turns, found.turns, texts),
        choose=_choose(here, found, weigh),
        anything=bool(graves.marks),
    )
    gone = frozenset(erased & known.keys()) if both else frozenset()
    return Losses(gone, covered, _titles(here, found, weigh), forgotten)


@dataclass(frozen=True, slots=True)
class _Weigh:
    """Of a row that differs on both sides, whose version stays: that which lost words last."""

    mine: Register
    its: Register
    both: bool

    def changed(self, name: str) -> bool:
        return bool(self.mine.changed_at(name) or self.its.changed_at(name))

    def theirs(self, name: str, ours: str, others: str) -> bool:
        """Whether theirs stays. At the same moment any will do, if it is the same everywhere."""
        here, there = self.mine.changed_at(name), self.its.changed_at(name)
        return self.both and (there, others) > (here, ours)


def _texts(ours: Iterable[Turn], theirs: Iterable[Turn], weigh: _Weigh) -> dict[str, str]:
    """The texts of the turns that have lost words, as they are to be."""
    known = {turn.id: turn for turn in ours}
    found = {name: turn.text for name, turn in known.items() if weigh.mine.changed_at(name)}
    for turn in theirs:
        own = known.get(turn.id)
        if own is None:
            if weigh.its.changed_at(turn.id):
                found[turn.id] = turn.text
        elif own != turn:
            if not weigh.changed(turn.id) or replace(own, text=turn.text) != turn:
                raise PortableError(
                    f"The turn {turn.id} is stored here with other words", ELSEWHERE
                )
            found[turn.id] = _less(own, turn, weigh)
    return found


def _less(own: Turn, their: Turn, weigh: _Weigh) -> str:
    if not weigh.both:
        return own.text
    if len(own.text) == len(their.text):
        return without(own.text, their.text)
    return their.text if weigh.theirs(own.id, own.text, their.text) else own.text


def without(one: str, other: str) -> str:
    """Two texts of one length, with what is illegible in either of them."""
    return "".join(BLOCK if BLOCK in (a, b) else a for a, b in zip(one, other, strict=True))


def _asked(turns: Iterable[Turn], erased: set[str]) -> Iterator[str]:
    """The turns whose question, the reply before them, is erased."""
    for before, turn in pairwise(turns):
        asks = before.role is TurnRole.ASSISTANT and before.id in erased
        if asks and before.session == turn.session:
            yield turn.id


def _when(times: Mapping[str, str]) -> Callable[[Event], str]:
    """When what an event states was said: in its turn, or else where it was made."""

    def said(event: Event) -> str:
        return times.get(event.source.turn, event.at) if event.source else event.at

    return said


def _cover(
    ours: Sequence[Turn], theirs: Sequence[Turn], texts: Mapping[str, str]
) -> Callable[[Source], Source]:
    """Makes illegible in a quote what is so in its turn; in a question, what is so in a reply."""
    asked: dict[str, list[tuple[str, str]]] = {}
    sessions = {}
    for turn in (*ours, *theirs):
        sessions[turn.id] = turn.session
        if turn.id in texts and turn.role is TurnRole.ASSISTANT:
            asked.setdefault(turn.session, []).append((turn.text, texts[turn.id]))

    def question(source: Source) -> str:
        for whole, text in asked.get(sessions.get(source.turn, ""), ()):
            at = whole.find(source.question)
            if at >= 0 and len(whole) == len(text):
                return text[at : at + len(source.question)]
        return source.question

    def cover(source: Source) -> Source:
        quote = texts.get(source.turn, "")[source.start : source.end]
        if len(quote) == len(source.quote):
            source = replace(source, quote=without(source.quote, quote))
        return replace(source, question=question(source)) if source.question else source

    return cover


def _choose(here: Contents, found: Contents, weigh: _Weigh) -> Callable[[Event, Event], Event]:
    names, own_names = ids_by_number(found.events), ids_by_number(here.events)

    def choose(our: Event, their: Event) -> Event:
        own, other = _content(our, own_names), _content(their, names)
        if own == other:
            return our
        if not weigh.changed(our.id):
            raise PortableError(
                f"The event {our.id} is stored here with another content", ELSEWHERE
            )
        return their if weigh.theirs(our.id, repr(own), repr(other)) else our

    return choose


def _content(event: Event, names: dict[int, str]) -> tuple[Event, str]:
    """What an event says wherever it stands: without numbers, the undone event by its id."""
    undone = names.get(event.op.undoes, "")
    bare = replace(event, seq=0, clock=0, over="", op=replace(event.op, undoes=0))
    return bare, undone


def _titles(here: Contents, found: Contents, weigh: _Weigh) -> dict[str, str]:
    """Titles that were taken away there."""
    theirs = {session.id: session.title for session in found.sessions}
    return {
        session.id: theirs[session.id]
        for session in here.sessions
        if session.title != theirs.get(session.id, session.title)
        and weigh.theirs(session.id, session.title, theirs[session.id])
        and weigh.its.changed_at(session.id)
    }


def names_of(contents: Contents) -> Iterator[str]:
    """The ids of what has words."""
    yield from (session.id for session in contents.sessions)
    yield from (turn.id for turn in contents.turns)
    yield from (event.id for event in contents.events if event.op.kind != "none")


__all__ = ["ELSEWHERE", "Graves", "Losses", "find_losses", "names_of", "without"]
