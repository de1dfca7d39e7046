"""Records of the export format into sessions, turns, events and facts, each field checked.

The other way round is `dataclasses.asdict`. What is wrong is a ValueError saying which field.
"""

from enum import Enum
from typing import Any, TypeVar

from pocket_agent.memory.branches import Branch
from pocket_agent.memory.records import Context, Session, Turn, TurnRole, TurnStatus
from pocket_agent.profile.facts import (
    Actor,
    Event,
    Fact,
    FactState,
    Op,
    OpKind,
    Polarity,
    Source,
)

_MOST = 2**53
"""Beyond this, JSON readers of other languages no longer tell whole numbers apart."""

_MOST_NAMES = 10_000
"""Facts, or turns, that one reply was made from."""

Choice = TypeVar("Choice", bound=Enum)


class Fields:
    """The fields of one record. Each is taken once, with its type; `end` refuses the rest."""

    def __init__(self, record: Any) -> None:
        if not isinstance(record, dict):
            raise ValueError("it is not an object")
        self._left = dict(record)

    def text(self, name: str) -> str:
        """Any text."""
        value = self._take(name)
        if not isinstance(value, str):
            raise ValueError(f"{name} is not a text")
        return value

    def name(self, name: str) -> str:
        """A text that isn't empty."""
        value = self.text(name)
        if not value:
            raise ValueError(f"{name} is empty")
        return value

    def whole(self, name: str) -> int:
        """A whole number from 0."""
        value = self._take(name)
        if type(value) is not int or not 0 <= value <= _MOST:
            raise ValueError(f"{name} is not a whole number from 0")
        return value

    def share(self, name: str) -> float:
        """A number in [0, 1]."""
        value = self._take(name)
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise ValueError(f"{name} is not a number from 0 to 1")
        return float(value)

    def switch(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if type(value) is not bool:
            raise ValueError(f"{name} is neither true nor false")
        return value

    def switch_if(self, name: str) -> bool:
        """True or false; false where it is missing, as in files of older programs."""
        return name in self._left and self.switch(name)

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        """One of the values of an enumeration."""
        value = self._take(name)
        for member in kind:
            if type(value) is str and member.value == value:
                return member
        raise ValueError(f"{name} is none of {', '.join(str(m.value) for m in kind)}")

    def digest(self, name: str) -> str:
        """A hash or key: 64 hexadecimal digits, none of them a capital."""
        value = self.text(name)
        if len(value) != 64 or not set(value) <= set("0123456789abcdef"):
            raise ValueError(f"{name} is not 64 hexadecimal digits")
        return value

    def record(self, name: str) -> "Fields | None":
        """A record within, or None for null."""
        value = self._take(name)
        return None if value is None else Fields(value)

    def records(self, name: str) -> "list[Fields]":
        """A list of records."""
        value = self._take(name)
        if not isinstance(value, list):
            raise ValueError(f"{name} is not a list")
        return [Fields(item) for item in value]

    def names(self, name: str) -> tuple[str, ...]:
        """A list of texts that aren't empty."""
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise ValueError(f"{name} is not a list of ids")
        if len(value) > _MOST_NAMES:
            raise ValueError(f"{name} is longer than any of ours")
        return tuple(value)

    def end(self) -> None:
        """See that nothing is left that we would lose without a word."""
        if self._left:
            raise ValueError(f"there is no field {next(iter(self._left))!r}")

    def _take(self, name: str) -> Any:
        try:
            return self._left.pop(name)
        except KeyError:
            raise ValueError(f"{name} is missing") from None


def read_session(fields: Fields) -> Session:
    """A session; its count of turns is not trusted."""
    session = Session(
        fields.name("id"),
        fields.text("title"),
        fields.text("started"),
        fields.text("touched"),
        0,
        archived=fields.switch_if("archived"),
        titled=fields.switch_if("titled"),
    )
    fields.whole("turns")
    fields.end()
    return session


def read_branch(fields: Fields) -> Branch:
    """A turn that begins a branch."""
    branch = Branch(fields.name("id"), fields.text("parent"))
    fields.end()
    return branch


def read_turn(fields: Fields) -> Turn:
    """A turn, which must be finished."""
    turn = Turn(
        id=fields.name("id"),
        session=fields.name("session"),
        role=fields.choice("role", TurnRole),
        text=fields.text("text"),
        at=fields.text("at"),
        status=fields.choice("status", TurnStatus),
        speaker=fields.text("speaker"),
    )
    fields.end()
    if turn.status is TurnStatus.OPEN:
        raise ValueError("the turn is not finished")
    return turn


def read_context(fields: Fields) -> Context:
    """What a reply was made from: ids, which may name what is no longer there."""
    context = Context(fields.name("id"), fields.names("facts"), fields.names("turns"))
    fields.end()
    return context


def read_event(fields: Fields, *, clocked: bool) -> Event:
    """An event; whether the rules allow it is another question (`rules.check`).

    Args:
        clocked: it has a clock, as it has from version 2 on.
    """
    op, source = fields.record("op"), fields.record("source")
    if op is None:
        raise ValueError("op is missing")
    event = Event(
        seq=fields.whole("seq"),
        id=fields.name("id"),
        at=fields.text("at"),
        actor=fields.choice("actor", Actor),
        op=_read_op(op),
        source=_read_source(source) if source else None,
        confidence=fields.share("confidence"),
        policy=fields.text("policy"),
        since=fields.text("since"),
        clock=fields.whole("clock") if clocked else 0,
        over=fields.text("over") if clocked else "",
    )
    fields.end()
    return event


def read_fact(fields: Fields) -> Fact:
    """A fact as the exporting program held it."""
    fact = Fact(
        id=fields.name("id"),
        slot=fields.text("slot"),
        value=fields.text("value"),
        polarity=fields.choice("polarity", Polarity),
        confidence=fields.share("confidence"),
        state=fields.choice("state", FactState),
        actor=fields.choice("actor", Actor),
        learnt=fields.text("learnt"),
        since=fields.text("since"),
        locked=fields.switch("locked"),
        pinned=fields.switch("pinned"),
        sources=tuple(_read_source(source) for source in fields.records("sources")),
        replaced_by=fields.text("replaced_by"),
        ended=fields.text("ended"),
    )
    fields.end()
    return fact


def _read_op(fields: Fields) -> Op:
    op = Op(
        kind=fields.choice("kind", OpKind),
        slot=fields.text("slot"),
        value=fields.text("value"),
        old=fields.text("old"),
        polarity=fields.choice("polarity", Polarity),
        fact=fields.text("fact"),
        undoes=fields.whole("undoes"),
    )
    fields.end()
    return op


def _read_source(fields: Fields) -> Source:
    source = Source(
        turn=fields.text("turn"),
        start=fields.whole("start"),
        end=fields.whole("end"),
        quote=fields.text("quote"),
        question=fields.text("question"),
    )
    fields.end()
    return source
