"""`pocket-agent sessions`, and a search that opens the chat."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.cli.chat import tui_options
from pocket_agent.cli.main import _parser
from pocket_agent.memory.records import Session
from pocket_agent.memory.store import Store

Opener = Callable[[], Store]


@pytest.fixture
def talks(store: Opener, home: Path) -> list[Session]:
    with store() as opened:
        made = [opened.new_session(f"Talk {n}") for n in range(3)]
        for session in made:
            opened.add_user_turn(session.id, f"I said {session.title}")
    return made


def test_they_are_listed_renamed_and_archived(
    call: Any, talks: list[Session], store: Opener
) -> None:
    first, second, last = talks
    lines = call("sessions", "list").out.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["Talk 2", "Talk 1", "Talk 0"]
    tail = lines[2].split()[0]
    assert first.id.endswith(tail)
    assert call("sessions", "rename", tail, "Bees", "and", "hives").code == 0
    assert call("sessions", "archive", second.id, "last").code == 0
    assert [line.split("  ")[-1] for line in call("sessions", "list").out.splitlines()] == [
        "Bees and hives"
    ]
    found = json.loads(call("sessions", "list", "--archived", "--json").out)
    assert {row["id"] for row in found} == {second.id, last.id}
    assert call("sessions", "list", "--all").out.count("(archived)") == 2
    assert call("sessions", "unarchive", second.id).code == 0
    with store() as opened:
        assert opened.session(first.id).titled
        assert not opened.session(second.id).archived
        opened.add_user_turn(last.id, "Said again: it comes back by itself")
        assert not opened.session(last.id).archived


def test_export_and_import(call: Any, talks: list[Session], tmp_path: Path) -> None:
    file, page = tmp_path / "talk.json", tmp_path / "talk.md"
    assert call("sessions", "export", "last", str(file)).code == 0
    assert call("sessions", "export", talks[2].id, str(page)).code == 0
    assert "I said Talk 2" in page.read_text()
    assert json.loads(call("sessions", "export", "last", "-").out)["turns"][0]["role"] == "user"
    assert call("sessions", "export", "last", "-", "--as", "markdown").out == page.read_text()
    assert "--as" in complaint(call("sessions", "export", "last", "x.md", "--as", "json"), 2)
    call("profile", "create", "other")
    into = ("sessions", "import", str(file), "--profile", "other")
    would = json.loads(call(*into, "--dry-run", "--json").out)
    assert (would["dry_run"], would["turns"]) == (True, 1)
    done = call(*into)
    assert "imported 1 turn of 'Talk 2'" in done.err
    assert "were here already" in call(*into).err
    assert call("sessions", "list", "--profile", "other").out.endswith("Talk 2\n")
    assert "takes it back" in done.err
    assert call("profile", "undo", "--profile", "other").code == 0
    assert call("sessions", "list", "--profile", "other").out == ""


def test_what_cannot_be_done_is_one_line(call: Any, talks: list[Session], tmp_path: Path) -> None:
    assert "no conversation" in complaint(call("sessions", "rename", "nobody", "x"))
    assert "no conversation" in complaint(call("sessions", "archive", talks[0].id[-2:]))
    assert "needs a word" in complaint(call("sessions", "rename", "last", " "), 2)
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    assert "not a conversation" in complaint(call("sessions", "import", str(bad)))
    complaint(call("sessions", "import", str(tmp_path / "none.json")))
    assert "folder" in complaint(call("sessions", "export", "last", str(tmp_path)))


def test_a_refused_import_makes_no_profile(call: Any, home: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}")
    complaint(call("sessions", "import", str(tmp_path / "bad.json")))
    assert not list((home / "profiles").glob("*.db"))


def options_of(*words: str) -> Any:
    return tui_options(_parser("").parse_args(words))[2]


def test_the_chat_begins_with_the_last_conversation_where_that_is_wished(
    call: Any, home: Path
) -> None:
    assert not options_of().resume
    assert options_of("-c").resume
    assert options_of("--continue").resume
    (home / "config.toml").write_text("resume = true\n")
    assert options_of().resume
    assert "--continue" in complaint(call("-c", "ask", "hi"), 2)


def test_a_search_that_opens_the_chat_needs_a_terminal(call: Any, talks: list[Session]) -> None:
    assert "needs a terminal" in complaint(call("memory", "search", "talk", "--open"), 2)
    named = argparse.Namespace(session="s", turn="t")
    chosen = tui_options(_parser("").parse_args([], named))[2]
    assert (chosen.session, chosen.turn) == ("s", "t")


def test_a_name_that_says_encrypted_is(
    call: Any, talks: list[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, page = tmp_path / "talk.age", tmp_path / "talk.md.age"
    said = call("sessions", "export", "last", str(file))
    assert "POCKET_AGENT_FILE_PASSPHRASE" in complaint(said)
    assert not file.exists()
    monkeypatch.setenv("POCKET_AGENT_FILE_PASSPHRASE", "six words that nobody would guess")
    for place in (file, page):
        assert call("sessions", "export", "last", str(place)).code == 0
        assert place.read_bytes().startswith(b"age-encryption.org/v1\n")
        assert b"Talk" not in place.read_bytes()
    assert "nobody can see" in complaint(call("sessions", "export", "last", str(file)))
    call("profile", "create", "other")
    into = ("sessions", "import", str(file), "--profile", "other")
    assert "imported 1 turn of 'Talk 2'" in call(*into).err
    out = ("sessions", "export", "last", "-", "--passphrase")
    assert "not encrypted" in complaint(call(*out), 2)
    monkeypatch.setenv("POCKET_AGENT_FILE_PASSPHRASE", "another one")
    assert "passphrase is wrong" in complaint(call(*into))
