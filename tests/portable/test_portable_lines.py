"""The format itself: what is written can be read, and nothing else."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portable_samples import resealed

from pocket_agent.errors import PortableError
from pocket_agent.memory.records import Session, Turn, TurnRole, TurnStatus
from pocket_agent.portable.lines import MAX_LINE, Contents, decode, encode
from pocket_agent.profile.facts import Actor, Event, Op, OpKind, Polarity, Source
from pocket_agent.profile.rules import replay

NOW = "2026-11-24T03:00:00Z"


def sample() -> Contents:
    session = Session("s1", "Moving", NOW, NOW, 2)
    turns = (
        Turn("t1", "s1", TurnRole.USER, "I live in Porto.", NOW, TurnStatus.COMPLETE, "You"),
        Turn("t2", "s1", TurnRole.ASSISTANT, "Oh", NOW, TurnStatus.STOPPED, "Assistant"),
    )
    source = Source("t1", 0, 16, "I live in Porto.")
    events = (
        Event(1, "e1", NOW, Actor.POLICY, Op(OpKind.ADD, "home", "Porto"), source, 0.9, "p-1"),
        Event(2, "e2", NOW, Actor.USER, Op(OpKind.UNDO, undoes=1)),
    )
    return Contents((session,), turns, events)


def lines_of(contents: Contents) -> list[bytes]:
    return list(encode(contents, replay(contents.events).facts.values(), NOW))


@pytest.fixture
def lines() -> list[bytes]:
    events = sample().events
    return list(encode(sample(), replay(events[:1]).facts.values(), NOW))


def edited(
    lines: list[bytes], number: int, change: Callable[[dict[str, Any]], None]
) -> list[bytes]:
    """The lines with the record of that line (from 1) changed, and the trailer made to fit."""
    record = json.loads(lines[number - 1])
    change(record)
    new = json.dumps(record).encode() + b"\n"
    return resealed([*lines[: number - 1], new, *lines[number:]])


def refusal(lines: Iterable[bytes]) -> str:
    with pytest.raises(PortableError) as caught:
        decode(lines)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_lines_say_what_they_are(lines: list[bytes]) -> None:
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["header", "session", "turn", "turn", "event", "event", "fact", "end"]
    counts = {"sessions": 1, "turns": 2, "events": 2, "facts": 1}
    assert json.loads(lines[0]) == {
        "kind": "header",
        "format": "pocket-agent-profile",
        "version": 2,
        "created": NOW,
        "whole": True,
        "counts": {**counts, "secrets": 0, "tombstones": 0},
    }
    assert json.loads(lines[-1])["sha256"] == hashlib.sha256(b"".join(lines[:-1])).hexdigest()


def test_what_is_written_is_read(lines: list[bytes]) -> None:
    read = decode(lines)
    assert read.turns == sample().turns
    assert read.events == sample().events
    assert [session.id for session in read.sessions] == ["s1"]


def test_an_empty_profile_is_an_export_too() -> None:
    assert decode(lines_of(Contents())) == Contents()


@pytest.mark.parametrize("keep", range(1, 8))
def test_a_file_cut_after_any_line_is_refused(lines: list[bytes], keep: int) -> None:
    assert "cut short: its end is missing" in refusal(lines[:keep])


def test_a_file_cut_within_a_line_is_refused(lines: list[bytes]) -> None:
    assert "Line 4" in refusal([*lines[:3], lines[3][:-9]])
    assert "cut short" in refusal([*lines[:3], lines[3][:-9]])


def test_a_line_less_or_more_or_changed_is_refused(lines: list[bytes]) -> None:
    assert "Line 7" in refusal(lines[:3] + lines[4:])
    assert "missing or too many" in refusal(lines[:3] + lines[4:])
    assert "something follows the end" in refusal([*lines, b"\n"])
    changed = [line.replace(b"Porto", b"Paris") for line in lines]
    assert "changed or damaged" in refusal(changed)


def put(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        *path, last = name.split(".")
        for step in path:
            record = record[step]
        record[last] = value

    return change


@pytest.mark.parametrize(
    ("number", "change", "words"),
    [
        (1, put("version", 4), "version 4, and this program reads versions 1 to 3"),
        (1, put("version", True), "version True"),
        (1, put("version", "1"), "version '1'"),
        (1, put("format", "recipes"), "not an export"),
        (1, put("counts", None), "Line 1 .* counts are missing"),
        (1, put("counts.turns", 3), "Line 8 .* missing or too many"),
        (1, put("counts.turns", 2.0), "Line 1 .* counts are not numbers"),
        (2, put("kind", "recipe"), "Line 2 .* no kind 'recipe'"),
        (2, put("kind", ["turn"]), "Line 2 .* no kind"),
        (2, put("kind", "header"), "Line 2 .* no kind 'header'"),
        (2, put("title", 3), "Line 2 .* title is not a text"),
        (2, put("extra", 3), "Line 2 .* no field 'extra'"),
        (3, put("id", ""), "Line 3 .* id is empty"),
        (3, put("session", "s2"), "Line 3 .* session is not in the file"),
        (3, put("role", "system"), "Line 3 .* role is none of user, assistant"),
        (3, put("role", {}), "Line 3 .* role is none of"),
        (3, put("status", "open"), "Line 3 .* not finished"),
        (3, put("text", None), "Line 3 .* text is not a text"),
        (4, put("id", "t1"), "Line 4 .* the turn t1 comes twice"),
        (5, put("op", None), "Line 5 .* op is missing"),
        (5, put("op", "add"), "Line 5 .* not an object"),
        (5, put("op.slot", "shoe"), "Line 5 .* no slot 'shoe'"),
        (5, put("op.value", "Leeds"), "Line 5 .* not in the person's own words"),
        (5, put("source", None), "Line 5 .* not in the person's own words"),
        (5, put("confidence", 1.5), "Line 5 .* confidence is not a number from 0 to 1"),
        (5, put("confidence", True), "Line 5 .* confidence is not a number"),
        (5, put("confidence", float("nan")), "Line 5 .* confidence is not a number"),
        (5, put("source.start", -1), "Line 5 .* start is not a whole number"),
        (5, put("source.start", 2**70), "Line 5 .* start is not a whole number"),
        (5, put("seq", 2), "Line 6 .* out of order"),
        (5, put("source.turn", "nowhere"), "Line 5 .* rests on the turn nowhere, in neither"),
        (5, put("source.turn", "t2"), "Line 5 .* the turn t2, which is not the person's"),
        (5, put("source.start", 1), "Line 5 .* its quote is not in the turn t1"),
        (5, put("source.quote", "I lived Porto..."), "Line 5 .* its quote is not in the turn t1"),
        (6, put("id", "e1"), "Line 6 .* the event e1 comes twice"),
        (6, put("op.undoes", 2), "Line 6 .* undoes an event that comes later"),
        (6, put("actor", "nobody"), "Line 6 .* actor is none of"),
        (7, put("locked", 0), "Line 7 .* locked is neither true nor false"),
        (7, put("sources", {}), "Line 7 .* sources is not a list"),
    ],
)
def test_what_is_unfit_is_told_with_its_line(
    lines: list[bytes], number: int, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    with pytest.raises(PortableError, match=words):
        decode(edited(lines, number, change))


LATER = ("archived", "titled")
"""Fields that older programs of the same version don't write."""


def test_a_field_less_is_refused(lines: list[bytes]) -> None:
    for number in range(2, 8):
        for name in json.loads(lines[number - 1]):
            if name not in ("kind", *LATER):
                words = refusal(edited(lines, number, lambda record, name=name: record.pop(name)))
                assert words.startswith(f"Line {number} ")


def test_a_session_of_an_older_program_is_not_archived(lines: list[bytes]) -> None:
    def without(record: dict[str, Any]) -> None:
        for name in LATER:
            del record[name]

    at = next(n for n, line in enumerate(lines, 1) if b'"kind":"session"' in line)
    (session, *_) = decode(edited(lines, at, without)).sessions
    assert (session.archived, session.titled) == (False, False)


def test_an_event_that_comes_twice_is_named(lines: list[bytes]) -> None:
    """The number in the log comes twice too: it is no matter of their order."""
    words = refusal([*lines[:5], lines[4], *lines[5:]])
    assert words.startswith("Line 6 ")
    assert "the event e1 comes twice" in words


def asked(turn: str, quote: str, question: str, **more: Any) -> Contents:
    """A fact that was learnt from an answer, in the conversation of a question about Porto."""
    said = (
        Turn("t1", "s1", TurnRole.ASSISTANT, "Hm. Do you live in Porto?", NOW),
        Turn("t2", "s1", TurnRole.USER, turn, NOW),
        Turn("t3", "s2", TurnRole.ASSISTANT, "Do you live on Mars?", NOW),
    )
    sessions = tuple(Session(name, "", NOW, NOW, 0) for name in ("s1", "s2"))
    source = Source("t2", 0, len(quote), quote, question)
    event = Event(1, "e1", NOW, Actor.POLICY, Op(OpKind.ADD, "home", "Porto"), source)
    return Contents(sessions, said, (replace(event, **more),))


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (asked("Yes!", "Yes!", "Do you live in Porto?"), ""),
        (asked("██s!", "██s!", "Do ███ live in Porto?"), ""),
        (asked("It is Porto. ████", "It is Porto.", ""), ""),
        (asked("██████████████", "It is in Porto", ""), "value 'Porto' is not in the turn t2"),
        (asked("Yes!", "Yes!", "You live in Porto?"), "question was not asked"),
        (
            asked("Yes!", "Yes!", "Do you live on Mars?", op=Op(OpKind.ADD, "home", "Mars")),
            "question was not asked",
        ),
        (asked("Porto", "Porto", "", actor=Actor.IMPORT, source=None), "rests on no turn"),
        (asked("Porto", "Porto", "", actor=Actor.USER, source=None), ""),
        (asked("Porto", "Porto", "", actor=Actor.USER, source=Source("", 0, 5, "Porto")), ""),
        (
            asked("Leeds", "Porto", "", actor=Actor.USER),
            "its quote is not in the turn t2",
        ),
    ],
)
def test_a_fact_rests_on_what_was_said(contents: Contents, words: str) -> None:
    lines = lines_of(contents)
    if words:
        assert words in refusal(lines)
    else:
        assert decode(lines) == contents


def test_a_fact_may_rest_on_a_turn_that_is_stored() -> None:
    held = asked("Porto", "Porto", "")
    without = lines_of(replace(held, sessions=(), turns=()))
    assert "in neither file nor profile" in refusal(without)
    assert decode(without, held.turns).events == held.events


def test_half_characters_are_refused(lines: list[bytes]) -> None:
    half = [line.replace(b'"text":"Oh"', b'"text":"\\ud83d"') for line in lines]
    assert "Line 4 " in refusal(resealed(half))
    assert "not Unicode" in refusal(resealed(half))
    whole = [line.replace(b'"text":"Oh"', b'"text":"\\ud83d\\ude00"') for line in lines]
    assert decode(resealed(whole)).turns[1].text == "😀"


def test_bad_utf8_is_refused(lines: list[bytes]) -> None:
    bad = [line.replace(b"Oh", b"O\xc3") for line in lines]
    assert "Line 4 of the export can't be used: it is not UTF-8" in refusal(bad)


def test_lines_that_no_reader_should_swallow(lines: list[bytes]) -> None:
    assert "too long" in refusal([lines[0], b" " * (MAX_LINE + 1)])
    assert "not JSON" in refusal([lines[0], b"[" * 100_000 + b"\n"])
    assert "not an object" in refusal([lines[0], b"[]\n"])
    assert "not JSON" in refusal([lines[0], b"9" * 10_000 + b"\n"])
    assert "not an export" in refusal([b"\xef\xbb\xbf" + lines[0]])
    assert "is empty" in refusal([])


def test_an_undo_of_what_was_forgotten_takes_back_nothing(lines: list[bytes]) -> None:
    without = [line for line in lines if b'"id":"e1"' not in line]
    counts = {"sessions": 1, "turns": 2, "events": 1, "facts": 0, "secrets": 0, "tombstones": 0}
    fitting = edited(without, 1, put("counts", counts))
    read = decode(edited(fitting, len(fitting), put("counts", counts)))
    assert [event.op.undoes for event in read.events] == [0]
    assert decode(lines_of(read)).events == read.events


def test_the_documented_example_is_a_valid_export() -> None:
    page = Path(__file__).parents[2] / "docs" / "export-format.md"
    example = page.read_text("utf-8").split("```json\n")[1].split("```")[0]
    read = decode(resealed(example.encode().splitlines(keepends=True)))
    assert [len(read.sessions), len(read.turns), len(read.events)] == [1, 2, 2]
    shown = json.loads(example.splitlines()[-2])
    (fact,) = replay(read.events).facts.values()
    assert {"kind": "fact", **json.loads(json.dumps(asdict(fact)))} == shown


texts = st.text(max_size=40)
names = st.text(min_size=1, max_size=8)
polarities = st.sampled_from(Polarity)


@st.composite
def contents(draw: st.DrawFn) -> Contents:
    """Any export that the rules allow, whatever its texts."""
    ids = draw(st.lists(names, unique=True, max_size=4))
    sessions = tuple(Session(i, draw(texts), draw(texts), draw(texts), 0) for i in ids)
    finished = st.sampled_from([*TurnStatus][1:])
    turns = tuple(
        Turn(i, draw(st.sampled_from(ids)), draw(st.sampled_from(TurnRole)), draw(texts),
             draw(texts), draw(finished), draw(texts))
        for i in (draw(st.lists(names, unique=True, max_size=6)) if ids else [])
    )  # fmt: skip
    events = []
    for seq, i in enumerate(draw(st.lists(names, unique=True, max_size=6)), 1):
        kind = draw(st.sampled_from([OpKind.REMOVE, OpKind.LOCK, OpKind.UNDO, OpKind.NONE]))
        undoes = draw(st.integers(0, seq - 1)) if kind is OpKind.UNDO else 0
        op = Op(kind, draw(texts), draw(texts), draw(texts), draw(polarities), draw(texts), undoes)
        source = Source(draw(texts), 0, draw(st.integers(0, 99)), draw(texts), draw(texts))
        given_source = draw(st.sampled_from([None, source]))
        share = draw(st.floats(0, 1))
        events.append(Event(seq, i, draw(texts), draw(st.sampled_from(Actor)), op, given_source,
                            share, draw(texts), draw(texts)))  # fmt: skip
    return Contents(sessions, turns, tuple(events))


@given(contents())
def test_any_contents_come_back(held: Contents) -> None:
    assert decode(lines_of(held)) == held


def split(whole: bytes) -> list[bytes]:
    """At line feeds alone: a text may hold every other kind of break."""
    return [line + b"\n" for line in whole.split(b"\n")[:-1]] + (
        [whole.split(b"\n")[-1]] if not whole.endswith(b"\n") else []
    )


@given(st.data())
@settings(max_examples=300)
def test_no_damage_goes_unseen(data: st.DataObject) -> None:
    whole = b"".join(lines_of(sample()))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from([whole[:at], whole[:at] + whole[at + 1 :]])
        | st.binary(min_size=1, max_size=3).map(
            lambda new: whole[:at] + new + whole[at + len(new) :]
        )
    )
    try:
        read = decode(split(damaged))
    except PortableError:
        return
    assert read == decode(split(whole))
