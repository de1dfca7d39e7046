"""The line format that the policy reads and writes. The one place that knows it.

    Known: home: Leeds | avoid food: olives
    Assistant: How was the move?
    User: exhausting, but Porto is lovely. we've got a balcony now

    update home: Leeds > Porto
    like housing: balcony

Lines rather than JSON: shorter, and small models keep to them.
"""

import re
from collections.abc import Iterable, Sequence

from pocket_agent.policy.state import Known, State, may_end
from pocket_agent.profile.facts import Op, OpKind, Polarity
from pocket_agent.profile.slots import BY_NAME, POLAR
from pocket_agent.profile.values import clean, find_span, key

NONE = "none"
MAX_OPS = 6
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADD = re.compile(r"(add|like|avoid) ([a-z]+): (.+)")
_UPDATE = re.compile(r"update ([a-z]+): (.+?) > (.+)")
_REMOVE = re.compile(r"remove ([a-z]+): (.+)")


def safe(text: str) -> str:
    """The text on one line, unable to pass for one of the model's control tokens."""
    plain = _CONTROL.sub(" ", text).replace("<|", "< |").replace("|>", "| >")
    return " ".join(plain.split())


def known_line(fact: Known) -> str:
    """One fact, as the state shows it."""
    if fact.slot not in POLAR:
        return f"{fact.slot}: {safe(fact.value)}"
    verb = "like" if fact.polarity is Polarity.LIKES else "avoid"
    return f"{verb} {fact.slot}: {safe(fact.value)}"


def render_state(state: State) -> str:
    """The user message of one decision."""
    lines = []
    if state.known:
        lines.append("Known: " + " | ".join(known_line(fact) for fact in state.known))
    if state.assistant:
        lines.append("Assistant: " + safe(state.assistant))
    lines.append("User: " + safe(state.turn))
    return "\n".join(lines)


def render_ops(ops: Iterable[Op], known: Sequence[Known]) -> str:
    """The answer that stands for `ops`: what training teaches and `parse` reads."""
    lines = [line for op in ops for line in _op_lines(op, known)]
    return "\n".join(lines[:MAX_OPS]) or NONE


def parse(text: str, state: State) -> list[Op]:
    """The ops in the policy's answer. Lines that are malformed or ungrounded are left out."""
    found: list[Op] = []
    for line in text.splitlines():
        op = _parse_line(line.strip(), state)
        if op is not None and not any(_alike(op, other) for other in found):
            found.append(op)
    return found[:MAX_OPS]


def _op_lines(op: Op, known: Sequence[Known]) -> list[str]:
    match op.kind:
        case OpKind.ADD:
            return [_add_line(op)]
        case OpKind.REMOVE:
            return [f"remove {op.slot}: {safe(op.value)}"]
        case OpKind.UPDATE:
            held = _held(known, op.slot, op.old)
            if held is not None and held.polarity is op.polarity:
                return [f"update {op.slot}: {safe(held.value)} > {safe(clean(op.value))}"]
            gone = [f"remove {op.slot}: {safe(held.value)}"] if held else []
            return [*gone, _add_line(op)]
        case _:
            return []


def _add_line(op: Op) -> str:
    if op.slot not in POLAR:
        return f"add {op.slot}: {safe(clean(op.value))}"
    verb = "like" if op.polarity is Polarity.LIKES else "avoid"
    return f"{verb} {op.slot}: {safe(clean(op.value))}"


def _parse_line(line: str, state: State) -> Op | None:
    if match := _UPDATE.fullmatch(line):
        slot, old, value = match.groups()
        held = _held(state.known, slot, old)
        said = _said(state, value)
        if held is None or said is None or key(said) == key(held.value):
            return None
        if not may_end(held, f"{state.assistant} {state.turn}"):
            return Op(OpKind.ADD, slot, said, polarity=held.polarity)
        return Op(OpKind.UPDATE, slot, said, old=held.value, polarity=held.polarity)
    if match := _REMOVE.fullmatch(line):
        held = _held(state.known, *match.groups())
        if held is None:
            return None
        return Op(OpKind.REMOVE, held.slot, held.value, polarity=held.polarity)
    if match := _ADD.fullmatch(line):
        verb, slot, value = match.groups()
        said = _said(state, value)
        if slot not in BY_NAME or said is None or (verb == "add") is (slot in POLAR):
            return None
        polarity = Polarity.AVOIDS if verb == "avoid" else Polarity.LIKES
        return Op(OpKind.ADD, slot, said, polarity=polarity)
    return None


def _said(state: State, value: str) -> str | None:
    """The value as the turn (or, failing that, the assistant's question) spells it."""
    for text in (state.turn, state.assistant):
        span = find_span(text, value)
        if span is not None and key(value):
            return clean(text[span[0] : span[1]])
    return None


def _held(known: Sequence[Known], slot: str, value: str) -> Known | None:
    return next((f for f in known if f.slot == slot and key(f.value) == key(value)), None)


def _alike(one: Op, other: Op) -> bool:
    return (one.kind, one.slot, key(one.value)) == (other.kind, other.slot, key(other.value))
