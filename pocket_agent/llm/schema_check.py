"""Whether an answer fits a JSON Schema: the grammar's word is not taken for it."""

import json
from typing import Any

from pocket_agent.errors import ModelError
from pocket_agent.llm.json_schema import (
    Anything,
    Array,
    Choice,
    Literal,
    Node,
    Number,
    Object,
    Plain,
    Reference,
    Schema,
    Text,
    has_type,
)


def read_answer(text: str, schema: Schema) -> Any:
    """The value that an answer is.

    Raises:
        ModelError: it is no JSON, or doesn't fit the schema; one line says where.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant)
        complaint = complaint_of(value, schema)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            "The answer is not JSON", "Ask again, or choose a larger model."
        ) from error
    if complaint:
        raise ModelError(
            f"The answer does not match the schema: {complaint}",
            "Ask again, or choose a larger model.",
        )
    return value


def complaint_of(value: Any, schema: Schema) -> str:
    """What is wrong with a value, in a few words; empty if it fits."""
    return _Check(schema).look(value, schema.root, "the answer")


def _no_constant(name: str) -> None:
    raise ValueError(name)


class _Check:
    def __init__(self, schema: Schema) -> None:
        self._parts = schema.parts

    def look(self, value: Any, node: Node, at: str) -> str:
        """What is wrong with the value at `at`."""
        match node:
            case Anything():
                return ""
            case Reference():
                return self.look(value, self._parts[node.name], at)
            case Choice():
                return self._choice(value, node, at)
            case Literal():
                fits = any(_same(value, each) for each in node.values)
                return "" if fits else f"{at} is none of the values it may be"
            case Plain():
                return "" if has_type(value, node.type) else f"{at} is no {node.type}"
            case Text():
                return _text(value, node, at)
            case Number():
                return _number(value, node, at)
            case Array():
                return self._array(value, node, at)
            case Object():
                return self._object(value, node, at)

    def _choice(self, value: Any, node: Choice, at: str) -> str:
        fitting = sum(not self.look(value, option, at) for option in node.options)
        if fitting == 1 or (fitting and not node.exactly_one):
            return ""
        return f"{at} fits {'several' if fitting else 'none'} of what it may be"

    def _array(self, value: Any, node: Array, at: str) -> str:
        if not isinstance(value, list):
            return f"{at} is no list"
        if len(value) < node.least or (node.most is not None and len(value) > node.most):
            return f"{at} has {len(value)} items"
        for number, item in enumerate(value):
            kind = node.first[number] if number < len(node.first) else node.rest
            if kind is None:
                return f"{at} has {len(value)} items"
            if wrong := self.look(item, kind, f"{at}[{number}]"):
                return wrong
        return ""

    def _object(self, value: Any, node: Object, at: str) -> str:
        if not isinstance(value, dict):
            return f"{at} is no object"
        if missing := sorted(node.required - value.keys()):
            return f"{at} has no {missing[0]!r}"
        for name, held in value.items():
            kind = node.properties.get(name, node.rest)
            if kind is None:
                return f"{at} may not have {name!r}"
            if wrong := self.look(held, kind, f"{at}.{name}"):
                return wrong
        return ""


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON has it: 1 is 1.0, and neither is true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _text(value: Any, node: Text, at: str) -> str:
    if not isinstance(value, str):
        return f"{at} is no text"
    fits = len(value) >= node.least and (node.most is None or len(value) <= node.most)
    return "" if fits else f"{at} has {len(value)} characters"


def _number(value: Any, node: Number, at: str) -> str:
    if not has_type(value, "integer" if node.whole else "number"):
        return f"{at} is no {'whole ' if node.whole else ''}number"
    low = (node.least is None or value >= node.least) and (node.above is None or value > node.above)
    high = (node.most is None or value <= node.most) and (node.below is None or value < node.below)
    return "" if low and high else f"{at} is {value}, out of its bounds"
