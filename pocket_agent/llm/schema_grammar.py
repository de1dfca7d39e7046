"""A JSON Schema as a grammar of llama.cpp: what doesn't fit it can't be decoded.

Some bounds (of large numbers and long texts) would make a grammar huge: they are left to
`schema_check`.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

from pocket_agent.errors import UsageError
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
)

MAX_GRAMMAR = 512 * 1024
"""Characters; a larger one takes llama.cpp seconds for each token."""
_MOST_REPEATS = 1000
"""llama.cpp refuses to repeat a rule more often than 2,000 times."""
_MOST_NUMBERS = 200
"""Whole numbers of a range that are told one by one."""

_SHARED = {
    "value": 'object | array | string | number | "true" | "false" | "null"',
    "object": '"{" (string ": " value (", " string ": " value)*)? "}"',
    "array": '"[" (value (", " value)*)? "]"',
    "string": '"\\"" char* "\\""',
    "char": '[^"\\\\\\x00-\\x1F\\x7F-\\x9F] | "\\\\" ["\\\\/bfnrt]',
    "natural": '"0" | [1-9] [0-9]{0,15}',
    "integer": '"-"? natural',
    "fraction": '("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?',
    "number": "integer fraction",
}


def grammar_for(schema: Schema) -> str:
    """The grammar (GBNF) of what fits a schema, written on one line.

    Raises:
        UsageError: it would be too large.
    """
    writer = _Writer(schema)
    writer.rules["root"] = writer.expression(schema.root)
    for name in schema.parts:
        writer.rules[writer.part(name)] = writer.expression(schema.parts[name])
    text = "\n".join(f"{name} ::= {rule}" for name, rule in (writer.rules | _SHARED).items())
    if len(text) > MAX_GRAMMAR:
        raise UsageError("The schema can't be used: it is too large", "Simplify it.")
    return text


class _Writer:
    """Makes rules; a rule's name is made of a number, never of a word of the schema."""

    def __init__(self, schema: Schema) -> None:
        self._parts = {name: f"part-{number}" for number, name in enumerate(schema.parts)}
        self.rules: dict[str, str] = {}

    def part(self, name: str) -> str:
        """The rule of what references lead to."""
        return self._parts[name]

    def expression(self, node: Node) -> str:
        """What a value may be, to stand in any rule."""
        match node:
            case Anything():
                return "value"
            case Plain(type="boolean"):
                return '("true" | "false")'
            case Plain():
                return '"null"'
            case Literal():
                return _either([_literal(_as_json(value)) for value in node.values])
            case Text():
                return _text(node)
            case Number():
                return _number(node)
            case Array():
                return self._array(node)
            case Object():
                return self._object(node)
            case Choice():
                return _either([self.expression(option) for option in node.options])
            case Reference():
                return self.part(node.name)

    def _rule(self, text: str) -> str:
        name = f"rule-{len(self.rules)}"
        self.rules[name] = text
        return name

    def _array(self, node: Array) -> str:
        """Items one after the other: those that must be there, then those that may."""
        most = node.most if node.most is not None else math.inf
        fixed = [self.expression(each) for each in node.first][: int(min(most, len(node.first)))]
        rest = None
        if node.rest is not None and most > len(fixed):
            rest = self._rule(self.expression(node.rest))
        needed = min(len(fixed), node.least) if node.least < len(fixed) else len(fixed)
        tail = _repeated(f'", " {rest}', node.least - len(fixed), most - len(fixed)) if rest else ""
        for at in reversed(range(len(fixed))):
            item = f"{'' if at == 0 else _literal(', ') + ' '}{fixed[at]} {tail}".rstrip()
            tail = item if at < needed else f"({item})?"
        if not fixed and rest is not None:
            again = _repeated(f'", " {rest}', max(node.least - 1, 0), most - 1)
            tail = f"{rest} {again}".rstrip()
            tail = tail if node.least else f"({tail})?"
        return f'"[" {tail} "]"'

    def _object(self, node: Object) -> str:
        if not node.properties:
            if node.rest is None:
                return '"{}"'
            pair = self._rule(f'string ": " {self.expression(node.rest)}')
            return f'"{{" ({pair} (", " {pair})*)? "}}"'
        pairs = [
            (self._rule(f"{_literal(_as_json(name) + ': ')} {self.expression(value)}"), name)
            for name, value in node.properties.items()
        ]
        return f'"{{" {self._pairs(pairs, node.required)} "}}"'

    def _pairs(self, pairs: Sequence[tuple[str, str]], required: frozenset[str]) -> str:
        """The pairs in their order, each optional one there or not, commas between them."""
        after, begin = "", ""
        for rule, name in reversed(pairs):
            must = name in required
            if must:
                begin = f"{rule} {after}".rstrip()
            elif not begin:
                begin = f"({f'{rule} {after}'.rstrip()})?"
            else:
                begin = self._rule(f"{f'{rule} {after}'.rstrip()} | {begin}")
            comma = f'", " {rule}' if must else f'(", " {rule})?'
            after = self._rule(f"{comma} {after}".rstrip())
        return begin


def _text(node: Text) -> str:
    most = math.inf if node.most is None else node.most
    return f'"\\"" {_repeated("char", node.least, most)} "\\""'


def _number(node: Number) -> str:
    low = max(_ceiling(node.least), _ceiling(node.above, beyond=True))
    high = -max(_ceiling(_minus(node.most)), _ceiling(_minus(node.below), beyond=True))
    if node.whole and 0 <= high - low <= _MOST_NUMBERS:
        return _either([_literal(str(int(each))) for each in range(int(low), int(high) + 1)])
    bounds = [bound for bound in (node.least, node.above) if bound is not None]
    whole = "natural" if bounds and max(bounds) >= 0 else "integer"
    return whole if node.whole else f"{whole} fraction"


def _minus(bound: float | None) -> float | None:
    return None if bound is None else -bound


def _ceiling(bound: float | None, *, beyond: bool = False) -> float:
    """The least whole number from a bound up, or beyond it."""
    if bound is None:
        return -math.inf
    return math.floor(bound) + 1 if beyond else math.ceil(bound)


def _repeated(rule: str, least: float, most: float) -> str:
    """So many of a rule; what llama.cpp can't count to is left open."""
    low = int(min(max(least, 0), _MOST_REPEATS))
    if most <= 0:
        return ""
    once = f"({rule})" if " " in rule else rule
    if most > _MOST_REPEATS:
        return f"{once}*" if low == 0 else f"{once}{{{low},}}"
    return f"{once}{{{low},{int(most)}}}"


def _either(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else f"({' | '.join(options)})"


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _literal(text: str) -> str:
    """A text as it stands in a grammar: nothing in it can end it, or be read as an escape."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return f"\\x{code:02X}" if code < 0x20 or code == 0x7F else character
