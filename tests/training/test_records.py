"""Labelled turns: what a file may hold, and the one line that says what is wrong with it."""

import json
from pathlib import Path

import pytest

from pocket_agent.errors import UsageError
from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Op, OpKind
from pocket_agent.training.records import read_records


def write(folder: Path, *lines: object) -> Path:
    file = folder / "turns.jsonl"
    file.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
    return file


def test_the_profile_is_what_earlier_turns_add_up_to(tmp_path: Path) -> None:
    leeds = {"op": "add", "slot": "home", "value": "Leeds"}
    porto = {"op": "update", "slot": "home", "value": "Porto", "old": "Leeds"}
    file = write(
        tmp_path,
        {"person": "anna", "turn": "I live in Leeds", "ops": [leeds]},
        {"person": "ben", "turn": "hi"},
        "",
        {"person": "anna", "turn": "Porto now", "ops": [porto, {"op": "none"}]},
        {"person": "anna", "turn": "nice", "profile": [], "kind": "noise"},
    )
    first, other, second, last = read_records(file)
    assert (first.known, other.known, last.known) == ((), (), ())
    assert second.known == (Known("home", "Leeds"),)
    assert second.ops == (Op(OpKind.UPDATE, "home", "Porto", old="Leeds"),)
    assert [first.kind, other.kind, last.kind] == ["fact", "noise", "noise"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "turns.jsonl:1 is not JSON"),
        ("[]", "turns.jsonl:1 is not a labelled turn"),
        ({"turn": 3}, "turns.jsonl:1 is not a labelled turn"),
        ({"turn": "x", "ops": "add"}, "`ops` is not a list"),
        ({"turn": "x", "ops": ["add"]}, "`ops` is not a list of objects"),
        ({"turn": "x", "profile": {"home": "Leeds"}}, "`profile` is not a list"),
        ({"turn": "x", "session": "one"}, "`session` is not a number"),
        ({"turn": "x", "ops": [{"op": "guess"}]}, "is not an op"),
        ({"turn": "x", "ops": [{"slot": "home"}]}, "is not an op"),
        ({"turn": "x", "ops": [{"op": "add", "slot": "shoe", "value": "y"}]}, "no slot 'shoe'"),
        ({"turn": "x", "ops": [{"op": "add", "slot": [], "value": "y"}]}, r"no slot \[\]"),
        ({"turn": "x", "ops": [{"op": "add", "slot": "home", "value": " "}]}, "without a value"),
        ({"turn": "x", "profile": [{"slot": "home"}]}, "without a value"),
        (
            {"turn": "x", "ops": [{"op": "add", "slot": "food", "value": "y", "polarity": "?"}]},
            "is not a polarity",
        ),
        (
            {"turn": "x", "ops": [{"op": "add", "slot": "home", "value": "y", "polarity": "-"}]},
            "home takes no polarity",
        ),
        ("", "holds no turn"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: object, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_records(write(tmp_path, line))
    assert "\n" not in str(caught.value)


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    bad = tmp_path / "latin.jsonl"
    bad.write_bytes(b'{"turn": "caf\xe9"}')
    for path in (tmp_path / "missing.jsonl", tmp_path, bad):
        with pytest.raises(UsageError, match="can't be read"):
            read_records(path)
