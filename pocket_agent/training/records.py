"""Labelled turns: the JSON-lines records that simulate writes and all training reads."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocket_agent.errors import UsageError
from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Actor, Event, Op, OpKind, Polarity, Profile, Source
from pocket_agent.profile.rules import replay
from pocket_agent.profile.slots import BY_NAME, POLAR


@dataclass(frozen=True, slots=True)
class Labelled:
    """One user turn with its gold (docs/annotation.md).

    Args:
        known: what is known before the turn, oldest first.
        kind: fact or noise. klass: the finer class.
        session: number of the session within the person, from 1.
    """

    id: str
    person: str
    session: int
    kind: str
    klass: str
    known: tuple[Known, ...]
    assistant: str
    turn: str
    ops: tuple[Op, ...]


def read_records(path: Path) -> list[Labelled]:
    """Every labelled turn of a file.

    Where a record has no `profile`, it is what the person's earlier records add up to.

    Raises:
        UsageError: no such file, no line, or a line that is not a record; names the line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read ({error})") from error
    found = list(_accumulate(_parse_lines(path, lines)))
    if not found:
        raise UsageError(f"{path} holds no turn")
    return found


def profile_after(known: Iterable[Known], ops: Iterable[Op]) -> Profile:
    """The profile that results when `ops` are applied to what is known, by the product's rules."""
    adds = [Op(OpKind.ADD, k.slot, k.value, polarity=k.polarity) for k in known]
    return replay(_event(seq, op) for seq, op in enumerate([*adds, *ops], 1))


def known_of(profile: Profile) -> tuple[Known, ...]:
    """The active facts, as the policy sees them."""
    return tuple(Known(fact.slot, fact.value, fact.polarity) for fact in profile.active())


def _event(seq: int, op: Op) -> Event:
    # An import event: gold may stand in the assistant's words, which a policy event would refuse.
    source = Source("gold", 0, len(op.value), op.value)
    return Event(seq, f"g{seq}", f"{seq:020d}", Actor.IMPORT, op, source)


def _parse_lines(path: Path, lines: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise UsageError(f"{where} is not JSON ({error.msg})") from error
        if not isinstance(record, dict) or not isinstance(record.get("turn"), str):
            raise UsageError(f"{where} is not a labelled turn: it has no text `turn`")
        yield where, record


def _accumulate(records: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Labelled]:
    held: dict[str, tuple[Known, ...]] = {}
    for where, record in records:
        person = str(record.get("person", "nobody"))
        known = held.get(person, ())
        if "profile" in record:
            known = tuple(_known(where, item) for item in _items(where, record, "profile"))
        ops = tuple(_op(where, item) for item in _items(where, record, "ops"))
        ops = tuple(op for op in ops if op.kind is not OpKind.NONE)
        held[person] = known_of(profile_after(known, ops))
        yield Labelled(
            id=str(record.get("id", where)),
            person=person,
            session=_session(where, record),
            kind=str(record.get("kind", "fact" if ops else "noise")),
            klass=str(record.get("class", "")),
            known=known,
            assistant=str(record.get("assistant") or ""),
            turn=record["turn"],
            ops=ops,
        )


def _items(where: str, record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = record.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UsageError(f"{where}: `{name}` is not a list of objects")
    return items


def _session(where: str, record: dict[str, Any]) -> int:
    number = record.get("session", 1)
    if type(number) is not int:
        raise UsageError(f"{where}: `session` is not a number")
    return number


def _known(where: str, item: dict[str, Any]) -> Known:
    return Known(*_slot_value(where, item, item.get("value")))


def _op(where: str, item: dict[str, Any]) -> Op:
    try:
        kind = OpKind(item["op"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{where}: {item!r} is not an op") from error
    if kind is OpKind.NONE:
        return Op(kind)
    slot, value, polarity = _slot_value(where, item, item.get("value"))
    return Op(kind, slot, value, old=str(item.get("old") or ""), polarity=polarity)


def _slot_value(where: str, item: dict[str, Any], value: Any) -> tuple[str, str, Polarity]:
    slot = item.get("slot")
    if not isinstance(slot, str) or slot not in BY_NAME:
        raise UsageError(f"{where}: there is no slot {slot!r}")
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where}: a {slot} without a value")
    polarity = item.get("polarity") or "+"
    if not isinstance(polarity, str) or polarity not in ("+", "-"):
        raise UsageError(f"{where}: {polarity!r} is not a polarity")
    if polarity == "-" and slot not in POLAR and item.get("op") != "remove":
        raise UsageError(f"{where}: {slot} takes no polarity")
    return slot, value, Polarity(polarity)
