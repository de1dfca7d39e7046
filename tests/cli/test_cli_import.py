"""`profile import` of other programs' files."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.memory.store import Store

Call = Callable[..., Any]


@pytest.fixture
def claude(tmp_path: Path) -> Path:
    messages = [
        {"uuid": "1", "sender": "human", "text": "How long does a sourdough rise?"},
        {"uuid": "2", "sender": "assistant", "text": "Overnight."},
    ]
    path = tmp_path / "claude.zip"
    told = {"uuid": "u", "name": "Bread\x1b[2J", "chat_messages": messages}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conversations.json", json.dumps([told]))
    return path


def test_a_dry_run_makes_nothing_not_even_a_profile(home: Path, call: Call, claude: Path) -> None:
    said = call("profile", "import", str(claude), "--dry-run")
    assert said.code == 0
    assert "Bread[2J (2 turns)" in said.out
    assert said.err == "would import from Claude: 1 conversation, 2 turns\n"
    assert list((home / "profiles").glob("*.db")) == []


def test_conversations_are_found_by_search_and_come_once(call: Call, claude: Path) -> None:
    said = call("profile", "import", str(claude))
    assert said.err == "imported from Claude: 1 conversation, 2 turns\n"
    again = call("profile", "import", str(claude), "--format", "claude")
    assert "imported from Claude: nothing new" in again.err
    assert "left out: 2 that were here already" in again.err


def test_a_list_waits_for_a_yes(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "me.md"
    path.write_text("# Food\n- avoids olives\n- home: Porto\n", "utf-8")
    said = call("profile", "import", str(path))
    assert "imported from Markdown: 2 statements" in said.err
    assert "profile candidates" in said.err
    listed = call("profile", "candidates").out
    assert "maybe: food · avoids olives?" in listed
    assert "imported from markdown" in listed
    call("profile", "confirm", "--all")
    shown = call("profile", "show").out
    assert "home: Porto" in shown
    assert "“home: Porto”  imported from markdown" in shown


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        (b'[{"mapping": {}}', "cut short"),
        (b"[1]", "none of the known formats"),
        (b"[" * 999, "nested more than 64 deep"),
    ],
)
def test_a_bad_file_is_a_line_and_leaves_no_profile(
    home: Path, call: Call, tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    extra = ("--format", "chatgpt") if not data else ()
    assert words in complaint(call("profile", "import", str(path), *extra))
    assert list((home / "profiles").glob("*.db")) == []


def test_an_export_of_ours_is_still_one(call: Call, tmp_path: Path) -> None:
    call("profile", "set", "home", "Porto")
    out = tmp_path / "out.jsonl"
    call("profile", "export", str(out))
    said = call("--profile", "other", "profile", "import", str(out))
    assert said.code == 0
    assert "imported 0 sessions" in said.err
    tried = call("profile", "import", str(out), "--dry-run")
    assert "nothing was changed" in tried.err


def test_what_is_for_exports_of_ours_is_refused_with_another_programs_file(
    home: Path, call: Call, claude: Path
) -> None:
    for option in (("--replace",), ("--passphrase",), ("--identity", "key")):
        assert "exports of ours" in complaint(call("profile", "import", str(claude), *option), 2)
    assert list((home / "profiles").glob("*.db")) == []


def test_conversations_are_learnt_from_later_where_that_is_wished(
    home: Path, call: Call, claude: Path, tmp_path: Path
) -> None:
    said = call("profile", "import", str(claude), "--learn")
    assert "the chat reads what you said in them" in said.err
    with Store.open(home / "profiles" / "default.db") as store:
        assert [turn.text for turn in store.turns_read_later()] == [
            "How long does a sourdough rise?"
        ]
    out = tmp_path / "out.jsonl"
    call("profile", "export", str(out))
    said = call("--profile", "other", "profile", "import", str(out), "--learn")
    assert "other programs' conversations" in complaint(said, 2)


def test_what_comes_as_json(call: Call, claude: Path) -> None:
    said = call("profile", "import", str(claude), "--dry-run", "--json")
    told = json.loads(said.out)
    assert (told["dry_run"], told["format"], told["turns"]) == (True, "claude", 2)


def test_our_own_markdown_comes_back_as_what_waits(call: Call, tmp_path: Path) -> None:
    call("profile", "set", "food", "mac_&_cheese: the *big* one (2026-01-01)", "--avoid")
    call("profile", "set", "home", "Porto")
    out = tmp_path / "me.md"
    call("profile", "export", str(out), "--dates", "--quotes")
    same = call("profile", "import", str(out))
    assert "nothing new" in same.err
    said = call("--profile", "other", "profile", "import", str(out))
    assert "2 statements" in said.err
    call("--profile", "other", "profile", "confirm", "--all")
    shown = [
        (fact["slot"], fact["value"], fact["polarity"])
        for where in ((), ("--profile", "other"))
        for fact in json.loads(call(*where, "profile", "show", "--json").out)
    ]
    assert sorted(shown[:2]) == sorted(shown[2:])
