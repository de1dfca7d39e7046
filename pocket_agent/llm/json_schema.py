"""Reads a JSON Schema into a small tree that a grammar is made of, and answers are checked by.

Only what both can hold is taken; anything else is refused rather than passed over in silence.
Nothing is ever fetched: a `$ref` leads to a place in the same document, or nowhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from pocket_agent.errors import UsageError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64

_NOTES = frozenset(
    """
    $schema $id $comment $defs definitions title description default examples deprecated readOnly
    writeOnly format
    """.split()
)
"""Keywords that ask nothing of a value; so says the standard of `format`, too."""
_OF_TYPE: dict[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
_CHOICES = ("anyOf", "oneOf")
_KNOWN = _NOTES.union(*_OF_TYPE.values(), _CHOICES, ("type", "enum", "const", "$ref", "allOf"))


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value at all."""


@dataclass(frozen=True, slots=True)
class Plain:
    """True or false (`boolean`), or nothing (`null`)."""

    type: str


@dataclass(frozen=True, slots=True)
class Literal:
    """One of these very values."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A string of so many characters."""

    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A number; `above` and `below` are bounds that it may not be itself."""

    whole: bool
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True, slots=True)
class Array:
    """A list: the first items each of their own kind, then `rest` (None: nothing more)."""

    first: tuple["Node", ...]
    rest: "Node | None"
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """Named values. `rest` is what other names may hold; None if there may be none."""

    properties: dict[str, "Node"] = field(hash=False)
    required: frozenset[str] = frozenset()
    rest: "Node | None" = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of these, or exactly one of them."""

    options: tuple["Node", ...]
    exactly_one: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """What `Schema.parts` holds under that name: so a schema may hold itself."""

    name: str


Node = Anything | Plain | Literal | Text | Number | Array | Object | Choice | Reference


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that was read: its tree, and the parts that references lead to."""

    root: Node
    parts: Mapping[str, Node]
    text: str


def read_schema(text: str) -> Schema:
    """Read a schema.

    Raises:
        UsageError: it is no JSON Schema, or asks for something that can't be promised; one line
            says what and where.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise UsageError(f"The schema is larger than {MAX_BYTES // 1024} KB", "Give a smaller one.")
    try:
        document = json.loads(text, parse_constant=_no_constant)
        compact = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        compact.encode()
    except RecursionError as error:
        raise UsageError("The schema is nested too deeply", "Give a simpler one.") from error
    except ValueError as error:
        raise UsageError(f"The schema is not JSON ({error})", "It is a JSON Schema.") from error
    reader = _Reader(document)
    root = reader.node(document, "#", 0)
    reader.check_ends()
    return Schema(root, reader.parts, compact)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


class _Reader:
    def __init__(self, document: Any) -> None:
        self._document = document
        self.parts: dict[str, Node] = {}
        self._open: set[str] = set()

    def node(self, schema: Any, at: str, depth: int) -> Node:
        """The tree of one schema, which stands at `at`."""
        if depth > MAX_DEPTH:
            raise _refused(at, "it is nested too deeply")
        if schema is True:
            return Anything()
        if not isinstance(schema, dict):
            raise _refused(at, "nothing fits it" if schema is False else "it is not an object")
        for name in schema:
            if name not in _KNOWN:
                raise _refused(at, f"`{name}` can't be kept to")
        asks = {name: value for name, value in schema.items() if name not in _NOTES}
        for name in ("$ref", *_CHOICES, "allOf"):
            if name in asks:
                if asks.keys() - {name, "type"} or (name == "$ref" and len(asks) > 1):
                    raise _refused(at, f"`{name}` beside other rules can't be kept to")
                return self._combined(name, asks[name], at, depth)
        if "const" in asks or "enum" in asks:
            return self._literal(asks, at)
        return self._of_types(asks, at, depth)

    def check_ends(self) -> None:
        """Refuse a part that is nothing but itself."""
        for name in self.parts:
            seen, waiting = set(), [name]
            while waiting:
                here = waiting.pop()
                if here in seen:
                    continue
                seen.add(here)
                for target in _straight(self.parts[here]):
                    if target == name:
                        raise _refused(name, "it refers to itself alone")
                    waiting.append(target)

    def _combined(self, name: str, value: Any, at: str, depth: int) -> Node:
        if name == "$ref":
            return self._reference(value, at, depth)
        if not isinstance(value, list) or not value:
            raise _refused(at, f"`{name}` is not a list of schemas")
        if name == "allOf" and len(value) > 1:
            raise _refused(at, "`allOf` of several can't be kept to")
        options = tuple(
            self.node(each, f"{at}/{name}/{number}", depth + 1) for number, each in enumerate(value)
        )
        return options[0] if len(options) == 1 else Choice(options, name == "oneOf")

    def _reference(self, target: Any, at: str, depth: int) -> Reference:
        if not isinstance(target, str) or not (target == "#" or target.startswith("#/")):
            raise _refused(at, f"`$ref` leads out of the schema ({_short(target)})")
        if target not in self.parts and target not in self._open:
            self._open.add(target)
            self.parts[target] = self.node(self._found(target, at), target, depth + 1)
        return Reference(target)

    def _found(self, target: str, at: str) -> Any:
        here = self._document
        for step in target.split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(here, dict) and name in here:
                here = here[name]
            elif isinstance(here, list) and name.isdecimal() and int(name) < len(here):
                here = here[int(name)]
            else:
                raise _refused(at, f"`$ref` leads nowhere ({_short(target)})")
        return here

    def _literal(self, asks: dict[str, Any], at: str) -> Node:
        if asks.keys() - {"const", "enum", "type"} or {"const", "enum"} <= asks.keys():
            raise _refused(at, "`enum` or `const` beside other rules can't be kept to")
        values = [asks["const"]] if "const" in asks else asks["enum"]
        if not isinstance(values, list):
            raise _refused(at, "`enum` is not a list")
        types = _types(asks, at)
        fitting = tuple(value for value in values if any(has_type(value, t) for t in types))
        if not fitting:
            raise _refused(at, "nothing fits it")
        return Literal(fitting)

    def _of_types(self, asks: dict[str, Any], at: str, depth: int) -> Node:
        if not asks:
            return Anything()
        types = _types(asks, at)
        if "type" not in asks:  # the rules say of which type it is
            types = [t for t in _OF_TYPE if _OF_TYPE[t] & asks.keys() and t != "integer"]
            if len(types) != 1:
                raise _refused(at, "its `type` is missing")
        strange = asks.keys() - {"type"} - frozenset[str]().union(*(_OF_TYPE[t] for t in types))
        if strange:
            raise _refused(at, f"`{min(strange)}` is not for its type")
        options = tuple(self._of_type(each, asks, at, depth) for each in types)
        return options[0] if len(options) == 1 else Choice(options)

    def _of_type(self, name: str, asks: dict[str, Any], at: str, depth: int) -> Node:
        match name:
            case "object":
                return self._object(asks, at, depth)
            case "array":
                return self._array(asks, at, depth)
            case "string":
                return Text(*_span(asks, "minLength", "maxLength", at))
            case "integer" | "number":
                names = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
                return Number(name == "integer", *(_bound(asks, each, at) for each in names))
            case _:
                return Plain(name)

    def _object(self, asks: dict[str, Any], at: str, depth: int) -> Node:
        found, names = asks.get("properties", {}), asks.get("required", [])
        if not isinstance(found, dict):
            raise _refused(at, "`properties` is not an object")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _refused(at, "`required` is not a list of names")
        properties = {
            name: self.node(each, f"{at}/properties/{name}", depth + 1)
            for name, each in found.items()
        }
        more = asks.get("additionalProperties", True)
        rest = None
        if more is not False:
            rest = self.node(more, f"{at}/additionalProperties", depth + 1)
        for name in names:
            if name not in properties:
                if rest is None:
                    raise _refused(at, f"{_short(name)} is required, and may not be there")
                properties[name] = rest
        return Object(properties, frozenset(names), rest)

    def _array(self, asks: dict[str, Any], at: str, depth: int) -> Node:
        first = asks.get("prefixItems", [])
        if not isinstance(first, list):
            raise _refused(at, "`prefixItems` is not a list")
        nodes = tuple(
            self.node(each, f"{at}/prefixItems/{n}", depth + 1) for n, each in enumerate(first)
        )
        more = asks.get("items", True)
        rest = None if more is False else self.node(more, f"{at}/items", depth + 1)
        least, most = _span(asks, "minItems", "maxItems", at)
        if rest is None and least > len(nodes):
            raise _refused(at, "nothing fits it")
        return Array(nodes, rest, least, most)


def has_type(value: Any, name: str) -> bool:
    """Whether a value of JSON is of a type of JSON Schema; 2.0 is whole there, too."""
    match name:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            whole = isinstance(value, float) and value.is_integer()
            return (isinstance(value, int) and not isinstance(value, bool)) or whole
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def _straight(node: Node) -> list[str]:
    """The parts that a value may be as a whole, without anything around it."""
    if isinstance(node, Reference):
        return [node.name]
    if isinstance(node, Choice):
        return [name for option in node.options for name in _straight(option)]
    return []


def _types(asks: dict[str, Any], at: str) -> list[str]:
    """The types that are named; all of them where none is."""
    named = asks.get("type", list(_OF_TYPE))
    names = named if isinstance(named, list) else [named]
    if not names or not all(isinstance(name, str) and name in _OF_TYPE for name in names):
        raise _refused(at, f"there is no type {_short(named)}")
    return names


def _span(asks: dict[str, Any], least: str, most: str, at: str) -> tuple[int, int | None]:
    low, high = asks.get(least, 0), asks.get(most)
    for name, value in ((least, low), (most, 0 if high is None else high)):
        if type(value) is not int or value < 0:
            raise _refused(at, f"`{name}` is not a whole number from 0")
    if high is not None and low > high:
        raise _refused(at, "nothing fits it")
    return low, high


def _bound(asks: dict[str, Any], name: str, at: str) -> float | None:
    value = asks.get(name)
    if value is not None and not has_type(value, "number"):
        raise _refused(at, f"`{name}` is not a number")
    return value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _refused(at: str, why: str) -> UsageError:
    place = at if len(at) <= 80 else f"{at[:80]}…"
    return UsageError(f"The schema can't be used: at {place} {why}", "Simplify it there.")
