# ruff: noqa: E501
"""JSON Schema: what is taken and what is refused, and that grammar and check agree with it."""

import json
import random
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocket_agent.errors import ModelError, UsageError
from pocket_agent.llm.json_schema import has_type, read_schema
from pocket_agent.llm.schema_check import complaint_of, read_answer
from pocket_agent.llm.schema_grammar import grammar_for

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ['a"b', "c\\d", "e\nf", "é"]}, "maxItems": 3},
        "friend": {"$ref": "#/$defs/friend"},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
    "$defs": {"friend": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}},
}


def fits(value: Any, schema: Any) -> bool:
    return not complaint_of(value, read_schema(json.dumps(schema)))


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (PERSON, {"name": "A", "age": 3, "tags": ['a"b', "é"], "friend": None}, {"name": "A"}),
        (
            PERSON,
            {"age": 3, "name": "A", "friend": {"name": "B", "age": 150}},
            {"name": "", "age": 1},
        ),
        (PERSON, {"age": 1.0, "name": "A"}, {"age": 1, "name": "A", "more": 1}),
        (PERSON, {"age": 1, "name": "A", "tags": []}, {"age": 1, "name": "A", "tags": ["x"]}),
        ({"type": ["string", "null"]}, None, 3),
        ({"const": 1}, 1.0, True),
        ({"enum": [[1, {"a": None}], "x"]}, [1, {"a": None}], [1]),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 2.5}, 2.5, 0),
        ({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]}, 3, 7),
        (
            {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
            [1],
            [1, "a", 2],
        ),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, False], [True]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"x": 1}, {"x": "1"}),
        ({"type": "object", "required": ["a"]}, {"a": 1, "b": 2}, {"b": 2}),
        (
            {"allOf": [{"$ref": "#/definitions/x~1y"}], "definitions": {"x/y": {"type": "null"}}},
            None,
            0,
        ),
    ],
)
def test_what_fits_and_what_does_not(schema: Any, good: Any, bad: Any) -> None:
    assert fits(good, schema)
    assert not fits(bad, schema)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ('{"type": NaN}', "not JSON"),
        ("[1]", "not an object"),
        ("false", "nothing fits"),
        ('{"type": "strin"}', "no type"),
        ('{"type": "string", "pattern": "^a+$"}', "`pattern`"),
        ('{"not": {}}', "`not`"),
        ('{"type": "string", "minimum": 3}', "`minimum` is not for its type"),
        ('{"minimum": 3}', ""),
        ('{"properties": {"a": 1}}', "#/properties/a"),
        ('{"$ref": "https://example.org/x.json"}', "leads out"),
        ('{"$ref": "http://example.org/x.json#/a"}', "leads out"),
        ('{"$ref": "file:///etc/passwd"}', "leads out"),
        ('{"$ref": "other.json"}', "leads out"),
        ('{"$ref": ["#"]}', "leads out"),
        ('{"$ref": "#/nowhere"}', "nowhere"),
        ('{"$ref": "#"}', "itself alone"),
        ('{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"}]}}}', "itself alone"),
        ('{"enum": []}', "nothing fits"),
        ('{"type": "string", "enum": [1]}', "nothing fits"),
        ('{"type": "array", "minItems": 3, "maxItems": 2}', "nothing fits"),
        ('{"type": "array", "minItems": -1}', "whole number"),
        (
            '{"type": "object", "required": ["a"], "additionalProperties": false}',
            "may not be there",
        ),
        ('{"allOf": [{"type": "null"}, {"type": "null"}]}', "`allOf`"),
        ('{"enum": ["\\ud800"]}', "not JSON"),
        ("[" * 100_000, "deep"),
        ('{"items":' * 200 + "{}" + "}" * 200, "deep"),
        (json.dumps({"enum": ["x" * 300_000]}), "larger"),
    ],
)
def test_what_cannot_be_kept_to_is_refused_in_one_line(text: str, why: str) -> None:
    if not why:
        grammar_for(read_schema(text))
        return
    with pytest.raises(UsageError) as told:
        read_schema(text)
    assert why in str(told.value)
    assert "\n" not in str(told.value)


def test_no_reference_is_ever_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr(socket, "socket", refuse)
    for target in ("https://example.org/a", "//example.org/a", "#https://example.org", "urn:x"):
        with pytest.raises(UsageError, match="leads out"):
            read_schema(json.dumps({"properties": {"a": {"$ref": target}}}))


def test_the_answer_is_not_taken_on_trust() -> None:
    schema = read_schema(json.dumps(PERSON))
    assert read_answer('{"name": "A", "age": 3}', schema) == {"name": "A", "age": 3}
    for text in ('{"name": "A", "age": 3', "", "NaN", '{"name": "A", "age": 151}', "[" * 99_999):
        with pytest.raises(ModelError) as told:
            read_answer(text, schema)
        assert "\n" not in str(told.value)


NAMES = st.text(max_size=6)
PLAIN = st.one_of(
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "number"}, {}, True]),
    st.builds(
        lambda a, b: {"type": "integer", "minimum": a, "maximum": a + b},
        st.integers(-9, 9),
        st.integers(0, 150),
    ),
    st.builds(
        lambda a, b: {"type": "string", "minLength": a, "maxLength": a + b},
        st.integers(0, 3),
        st.integers(0, 5),
    ),
    st.builds(
        lambda v: {"enum": v},
        st.lists(st.one_of(NAMES, st.integers(), st.none()), min_size=1, max_size=3),
    ),
)


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.builds(
        lambda first, items, a, b: {"type": "array", "prefixItems": first, "items": items, "minItems": a, "maxItems": a + b},
        st.lists(inner, max_size=2), inner, st.integers(0, 3), st.integers(0, 3),
    )  # fmt: skip
    objects = st.builds(
        lambda found, must, more: {
            "type": "object",
            "properties": found,
            "required": sorted(found)[:must],
            "additionalProperties": more,
        },
        st.dictionaries(NAMES, inner, max_size=4), st.integers(0, 4), st.one_of(st.just(False), inner),
    )  # fmt: skip
    return st.one_of(
        arrays, objects, st.builds(lambda x: {"anyOf": x}, st.lists(inner, min_size=1, max_size=3))
    )


SCHEMAS = st.recursive(PLAIN, _grown, max_leaves=6)


@settings(max_examples=80, deadline=None)
@given(SCHEMAS, st.randoms(use_true_random=False))
def test_whatever_the_grammar_writes_fits_the_schema(schema: Any, chance: random.Random) -> None:
    """The grammar is walked at random; what comes of it is checked against the schema."""
    read = read_schema(json.dumps(schema))
    text = Walk(grammar_for(read), chance).text("root")
    assert not complaint_of(json.loads(text), read), text


class Walk:
    """Writes a text that a grammar of ours admits. It reads no other grammars."""

    def __init__(self, grammar: str, chance: random.Random) -> None:
        self._rules = dict(line.split(" ::= ", 1) for line in grammar.split("\n"))
        self._chance = chance
        self._depth = 0

    def text(self, rule: str) -> str:
        self._depth += 1
        try:
            return self._either(self._rules[rule], 0)[0]
        finally:
            self._depth -= 1

    def _either(self, rule: str, at: int) -> tuple[str, int]:
        options = []
        while True:
            said, at = self._sequence(rule, at)
            options.append(said)
            if at >= len(rule) or rule[at] != "|":
                break
            at += 1
        chosen = self._chance.choice(options) if self._depth < 30 else options[-1]
        return "".join(part() for part in chosen), at

    def _sequence(self, rule: str, at: int) -> tuple[list[Any], int]:
        parts: list[Any] = []
        while at < len(rule) and rule[at] not in "|)":
            if rule[at] == " ":
                at += 1
                continue
            part, at = self._item(rule, at)
            low, high, at = self._times(rule, at)
            parts.append(
                lambda p=part, a=low, b=high: "".join(
                    p() for _ in range(self._chance.randint(a, b))
                )
            )
        return parts, at

    def _item(self, rule: str, at: int) -> tuple[Any, int]:
        if rule[at] == '"':
            end = at + 1
            while rule[end] != '"':
                end += 2 if rule[end] == "\\" else 1
            raw = rule[at + 1 : end]
            return (lambda: _unescaped(raw)), end + 1
        if rule[at] == "[":
            end = rule.index("]", at)
            kind = rule[at : end + 1]
            return (lambda: self._character(kind)), end + 1
        if rule[at] == "(":
            _, end = self._skip(rule, at + 1)
            return (lambda: self._either(rule, at + 1)[0]), end + 1
        end = at
        while end < len(rule) and (rule[end].isalnum() or rule[end] == "-"):
            end += 1
        name = rule[at:end]
        return (lambda: self.text(name)), end

    def _skip(self, rule: str, at: int) -> tuple[str, int]:
        depth = 0
        while depth or rule[at] != ")":
            if rule[at] == '"':
                at += 1
                while rule[at] != '"':
                    at += 2 if rule[at] == "\\" else 1
            elif rule[at] == "[":
                at = rule.index("]", at)
            depth += {"(": 1, ")": -1}.get(rule[at], 0)
            at += 1
        return "", at

    def _times(self, rule: str, at: int) -> tuple[int, int, int]:
        most = 2 if self._depth < 20 else 0
        match rule[at : at + 1]:
            case "*":
                return 0, most, at + 1
            case "?":
                return 0, min(most, 1), at + 1
            case "{":
                end = rule.index("}", at)
                low, high = rule[at + 1 : end].split(",")
                return int(low), min(int(high or 9), int(low) + 2), end + 1
        return 1, 1, at

    def _character(self, kind: str) -> str:
        known = {"[0-9]": "0123456789", "[1-9]": "123456789", "[eE]": "eE", "[-+]": "-+"}
        return self._chance.choice(known.get(kind, '"\\/bfnrt' if kind[1] != "^" else "ab é😀'"))


def _unescaped(raw: str) -> str:
    parts = raw.split("\\\\")
    plain = [part.replace('\\"', '"') for part in parts]
    return "\\".join(_hex(part) for part in plain)


def _hex(text: str) -> str:
    head, *rest = text.split("\\x")
    return head + "".join(chr(int(part[:2], 16)) + part[2:] for part in rest)


def test_types_are_told_apart_as_json_does() -> None:
    assert has_type(2.0, "integer")
    assert not has_type(True, "integer")
    assert not has_type(True, "number")
