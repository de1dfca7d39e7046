"""`profile export` and `profile import` as people and scripts call them."""

import json
import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from cli_checks import complaint

from pocket_agent.cli.passphrases import given_for_file
from pocket_agent.memory.store import Store

Opener = Callable[[], Store]
WORDS = "correct horse battery"


@pytest.fixture
def there(tmp_path: Path) -> tuple[str, str]:
    """Another laptop."""
    return ("--home", str(tmp_path / "there"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def shown(call: Any, *where: str) -> Any:
    return json.loads(call(*where, "profile", "show", "--json").out)


def test_two_laptops_end_with_the_same_profile(
    call: Any, there: tuple[str, str], file: Path, tmp_path: Path
) -> None:
    call("profile", "set", "home", "Leeds")
    call("profile", "lock", "home", "Leeds")
    call("profile", "set", "pet", "cat Miso")
    call(*there, "profile", "set", "home", "Porto")  # newer, but the other is locked
    call(*there, "profile", "set", "pet", "the cat Miso")
    call(*there, "profile", "set", "food", "olives", "--avoid")
    other = tmp_path / "other.jsonl"
    call("profile", "export", str(file))
    call(*there, "profile", "export", str(other))
    said = call(*there, "profile", "import", str(file))
    assert said.err.splitlines()[1:] == [
        "facts: 1 updated, 1 waiting for your yes or no, 2 unchanged",
        "updated: home · Porto → Leeds",
        "waiting for your yes or no: home · Porto",
        "`pocket-agent profile undo` takes all of it back",
    ]
    call("profile", "import", str(other))
    assert shown(call) == shown(call, *there)
    held = {fact["value"] for fact in shown(call) if fact["state"] == "active"}
    assert held == {"Leeds", "cat Miso", "olives"}


def test_a_dry_run_and_an_undo(call: Any, there: tuple[str, str], file: Path) -> None:
    call("profile", "set", "home", "Leeds")
    call("profile", "export", str(file))
    call(*there, "profile", "set", "home", "Faro")
    call(*there, "profile", "set", "pet", "cat Miso")
    before = shown(call, *there)
    log = call(*there, "profile", "history").out
    said = call(*there, "profile", "import", str(file), "--dry-run", "--replace")
    assert said.out.splitlines() == [
        "facts: 1 updated, 1 no longer held, 0 unchanged",
        "  updated: home · Faro → Leeds",
        "  no longer held: pet · cat Miso",
    ]
    assert said.err.splitlines()[-1] == "nothing was changed"
    assert call(*there, "profile", "history").out == log
    told = json.loads(call(*there, "profile", "import", str(file), "--dry-run", "--json").out)
    assert told["dry_run"]
    assert told["facts"]["unchanged"] == 2  # Faro is newer
    assert call(*there, "profile", "import", str(file), "--replace").code == 0
    assert [fact["value"] for fact in shown(call, *there)] == ["Leeds"]
    undone = call(*there, "profile", "undo")
    assert undone.err.startswith("undone: the import of 20")
    assert shown(call, *there) == before
    assert call(*there, "profile", "history").out == log


def test_undo_of_the_import_alone(call: Any, there: tuple[str, str], file: Path) -> None:
    call("profile", "set", "home", "Leeds")
    call("profile", "export", str(file))
    call(*there, "profile", "import", str(file))
    call(*there, "profile", "set", "pet", "cat Miso")
    assert call(*there, "profile", "undo", "--import").code == 0
    assert [fact["value"] for fact in shown(call, *there)] == ["cat Miso"]
    assert "no import" in complaint(call(*there, "profile", "undo", "--import"))
    assert "not both" in complaint(call("profile", "undo", "3", "--import"), 2)


def test_a_dry_run_leaves_no_new_profile(call: Any, home: Path, file: Path) -> None:
    call("profile", "set", "home", "Leeds")
    call("profile", "export", str(file))
    said = call("profile", "import", str(file), "--dry-run", "--profile", "fresh")
    assert "  added: home · Leeds" in said.out
    assert not list((home / "profiles").glob("fresh*"))


def test_with_a_passphrase_from_every_source(
    call: Any, there: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("profile", "set", "home", "Leeds")
    place = tmp_path / "out.age"
    said = call("profile", "export", str(place))
    assert "POCKET_AGENT_FILE_PASSPHRASE" in complaint(said)
    assert not place.exists()
    read, write = os.pipe()
    os.write(write, f"{WORDS}\n".encode())
    said = call("profile", "export", str(place), "--file-passphrase-fd", str(read))
    os.close(read)
    os.close(write)
    assert said.code == 0
    assert "forgotten means lost" in said.err
    assert place.read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert "out.age is encrypted" in complaint(call(*there, "profile", "import", str(place)))
    monkeypatch.setenv("POCKET_AGENT_FILE_PASSPHRASE", WORDS)
    assert call(*there, "profile", "import", str(place)).code == 0
    assert shown(call, *there) == shown(call)


def test_the_passphrase_of_the_profile_serves_where_no_other_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = Namespace(passphrase=None, file_passphrase_fd=None)
    assert given_for_file(arguments) is None
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", "of the profile")
    assert given_for_file(arguments) == "of the profile"
    arguments.passphrase = "by descriptor"
    assert given_for_file(arguments) == "by descriptor"
    monkeypatch.setenv("POCKET_AGENT_FILE_PASSPHRASE", "of the file")
    assert given_for_file(arguments) == "of the file"


def test_to_a_recipient(call: Any, there: tuple[str, str], tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    key, place = tmp_path / "key.txt", tmp_path / "out.age"
    key.write_text(str(identity))
    call("profile", "set", "home", "Leeds")
    to = ("--recipient", str(identity.to_public()))
    said = call("profile", "export", str(place), *to)
    assert (said.code, said.err) == (0, "exported 0 sessions, 0 turns, 1 changes\n")
    assert "--identity FILE" in complaint(call(*there, "profile", "import", str(place)))
    opened = ("--identity", str(key))
    assert call(*there, "profile", "import", str(place), *opened).code == 0
    assert shown(call, *there) == shown(call)
    place.unlink()
    assert "not both" in complaint(call("profile", "export", str(place), *to, "--passphrase"), 2)
    said = call("profile", "import", str(place), *opened, "--passphrase")
    assert "not both" in complaint(said, 2)
    wrong = ("--recipient", "age1wrong")
    assert "no public key" in complaint(call("profile", "export", str(place), *wrong))


def test_parts_and_markdown(call: Any, there: tuple[str, str], tmp_path: Path) -> None:
    for slot, value in (("home", "Leeds"), ("health", "asthma"), ("goal", "run with asthma")):
        call("profile", "set", slot, value)
    part, page = tmp_path / "part.jsonl", tmp_path / "me.md"
    said = call("profile", "export", "--without", "health", str(part))
    assert said.err.splitlines() == [
        "exported 1 fact; conversations and the log are left out",
        "left out too: 1 fact naming what was to be left out",
    ]
    assert "asthma" not in part.read_text("utf-8")
    call(*there, "profile", "import", str(part))
    assert [fact["value"] for fact in shown(call, *there)] == ["Leeds"]
    call("profile", "export", str(page), "--only", "life,goals", "--dates")
    text = page.read_text("utf-8")
    assert "- health: asthma (20" in text
    assert "Leeds" not in text
    assert "no slot or group 'shoe'" in complaint(
        call("profile", "export", str(part), "--only", "shoe"), 2
    )
    said = call("profile", "export", str(page), "--only", "goals", "--quotes")
    assert "may hold what is left out" in complaint(said, 2)


def test_exports_in_the_home_are_deleted_by_forgetting(
    call: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those too in which nobody can look for what is forgotten."""
    call("profile", "set", "home", "Leeds")
    call("profile", "set", "pet", "cat Miso")
    monkeypatch.setenv("POCKET_AGENT_FILE_PASSPHRASE", WORDS)
    names = ("whole.jsonl", "part.jsonl", "me.md", "all.age")
    for name, more in zip(names, ((), ("--no-turns",), (), ()), strict=True):
        assert call("profile", "export", str(home / name), *more).code == 0
    (home / "notes.md").write_text("# mine\n")
    said = call("profile", "forget", "--fact", "home", "Leeds", "--yes")
    assert "4 exports" in said.out
    assert [name for name in names if (home / name).exists()] == []
    assert (home / "notes.md").exists()


def test_conversations_in_the_home_are_deleted_by_forgetting(
    call: Any, store: Any, home: Path
) -> None:
    with store() as opened:
        talk = opened.new_session("Jim again")
        turn = opened.add_user_turn(talk.id, "Jim lives in Leeds")
        opened.close_reply(opened.open_reply(talk.id).id, "I see")
        other = opened.new_session("Weather")
        opened.add_user_turn(other.id, "Will it rain?")
    for session in (talk, other):
        for form in ("json", "md"):
            call("sessions", "export", session.id, str(home / f"{session.id}.{form}"))
    said = call("profile", "forget", "--turn", turn.id, "--yes")
    assert "2 exports" in said.out
    assert f"file {home / talk.id}.json" in said.err
    assert f"file {home / talk.id}.md" in said.err
    left = {path.name for path in home.iterdir() if path.suffix in (".json", ".md")}
    assert left == {f"{other.id}.json", f"{other.id}.md"}


def test_other_profiles_exports_stay_but_those_that_nobody_can_read(
    call: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCKET_AGENT_FILE_PASSPHRASE", WORDS)
    names = ("whole.jsonl", "part.jsonl", "me.md", "all.age")
    call("profile", "create", "bob")
    for whose, at in (("mine", ()), ("theirs", ("--profile", "bob"))):
        call(*at, "profile", "set", "home", "Leeds")
        for name, more in zip(names, ((), ("--no-turns",), (), ()), strict=True):
            call(*at, "profile", "export", str(home / f"{whose}-{name}"), *more)
    asked = call("profile", "forget", "--fact", "home", "Leeds")
    assert "theirs-all.age (encrypted: nobody sees whose it is)" in asked.err
    assert "theirs-whole.jsonl" not in asked.err
    said = call("profile", "forget", "--fact", "home", "Leeds", "--yes")
    assert "5 exports" in said.out
    assert "theirs-all.age (encrypted" in said.err
    left = {path.name for path in home.iterdir() if path.name.startswith(("mine", "theirs"))}
    assert left == {f"theirs-{name}" for name in names[:3]}
