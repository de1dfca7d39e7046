"""`pocket-agent profile` and the files behind it."""

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.memory.migrations import VERSION
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind, Polarity, Source

Opener = Callable[[], Store]


def test_a_new_home_has_one_profile_in_use(call: Any) -> None:
    assert call("profile", "list").out == "* default\n"
    said = call("profile", "show")
    assert (said.code, said.out, said.err) == (0, "", "Nothing is known yet.\n")
    assert call("profile", "show", "--json").out == "[]\n"
    assert call("profile", "history").out == ""
    assert json.loads(call("profile", "history", "--json").out) == []


def test_create_use_list_delete(call: Any, home: Path) -> None:
    assert call("profile", "create", "work").out == "work\n"
    assert "already" in complaint(call("profile", "create", "work"))
    assert call("profile", "list").out == "* default\n  work\n"
    assert call("profile", "use", "work").out == "work\n"
    assert json.loads(call("profile", "list", "--json").out) == [
        {"name": "work", "in_use": True, "encrypted": False}
    ]
    call("profile", "set", "employer", "Acme")
    assert "employer: Acme" in call("profile", "show").out
    assert "employer: Acme" not in call("profile", "show", "--profile", "work").err
    assert "Make it" in complaint(call("profile", "use", "nobody"))
    said = call("profile", "delete", "work", "--yes")
    assert (said.code, said.out) == (0, "work\n")
    assert "'default'" in said.err
    assert call("profile", "list").out == "* default\n"
    assert [path.name for path in (home / "profiles").iterdir()] == []
    assert "no profile 'work'" in complaint(call("profile", "delete", "work", "--yes"))


def test_deleting_asks_first(run: Any, home: Path) -> None:
    run("profile", "create", "work")
    for answer in ("", "yes\n", "work\n"):  # a pipe is nobody to ask
        assert "--yes" in complaint(run("profile", "delete", "work", stdin=answer), 2)
    assert (home / "profiles" / "work.db").is_file()


def test_a_profile_that_was_misspelt_is_not_made(call: Any, home: Path) -> None:
    for words in (("show",), ("history",), ("undo",), ("export", "x.jsonl")):
        said = call("profile", *words, "--profile", "wrok")
        assert "no profile 'wrok'" in complaint(said)
    said = call("memory", "search", "sea", "--profile", "wrok")
    assert "no profile 'wrok'" in complaint(said)
    assert not list(home.glob("profiles/wrok*"))
    assert (
        "making the profile 'wrok'"
        in call("profile", "set", "home", "Porto", "--profile", "wrok").err
    )


def test_set_show_undo(call: Any) -> None:
    assert call("profile", "set", "home", "Porto").err == "added: home · Porto\n"
    assert call("profile", "set", "home", "Porto").err == "unchanged: home · Porto\n"
    assert call("profile", "set", "home", "New", "York").err == "updated: home · New York\n"
    assert call("profile", "set", "food", "olives", "--avoid").err == (
        "added: food · avoids olives\n"
    )
    assert call("profile", "show").out.splitlines()[0] == "IDENTITY"
    assert "  home: New York\n" in call("profile", "show").out
    assert "  food: avoids olives\n" in call("profile", "show").out
    assert call("profile", "undo").err == "undone: food · avoids olives\n"
    assert call("profile", "undo", "2").err == "undone: home · New York\n"
    assert [fact["value"] for fact in json.loads(call("profile", "show", "--json").out)] == [
        "Porto"
    ]
    assert "counts no longer" in complaint(call("profile", "undo", "2"))
    assert "no event 99" in complaint(call("profile", "undo", "99"))
    call("profile", "undo")
    assert "nothing to undo" in complaint(call("profile", "undo"))


def test_undo_goes_on_past_what_counts_for_nothing(call: Any, store: Opener) -> None:
    with store() as opened:
        for value in ("ramen", "sushi"):
            opened.record(Op(OpKind.ADD, "food", value), actor=Actor.USER)
        sushi = opened.profile().active("food")[1]
        opened.record(Op(OpKind.LOCK, fact=sushi.id), actor=Actor.USER)
    assert call("profile", "undo", "2").err == "undone: food · likes sushi\n"
    assert call("profile", "undo").err == "undone: food · likes ramen\n"
    assert "nothing to undo" in complaint(call("profile", "undo"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("shoe", "44"), "There is no slot 'shoe'"),
        (("home", " . "), "The value for home is empty"),
        (("home", "Porto", "--avoid"), "home can't be avoided"),
    ],
)
def test_set_what_the_rules_refuse(call: Any, words: tuple[str, ...], message: str) -> None:
    assert message in complaint(call("profile", "set", *words))
    assert call("profile", "show", "--json").out == "[]\n"


def test_show_and_history_tell_the_words_and_the_date(call: Any, store: Opener) -> None:
    with store() as opened:
        session = opened.new_session()
        said = opened.add_user_turn(session.id, "I live\nin Porto. Call me maybe, no olives.")
        quote = Source(said.id, 0, 16, "I live\nin Porto.")
        at = "2026-02-03T04:05:06.000+00:00"
        opened.record(
            Op(OpKind.ADD, "home", "Porto"), actor=Actor.POLICY, source=quote, policy="p-1", at=at
        )
        doubt = Source(said.id, 17, 38, "Call me maybe, no olives.")
        op = Op(OpKind.ADD, "food", "olives", polarity=Polarity.AVOIDS)
        opened.record(op, actor=Actor.POLICY, source=doubt, confidence=0.2, at=at)
        fact = opened.profile().active("home")[0]
        opened.record(Op(OpKind.LOCK, fact=fact.id), actor=Actor.USER, at=at)
        opened.undo()
    assert call("profile", "show").out == (
        "IDENTITY\n  home: Porto\n      2026-02-03  “I live in Porto.”\n"
        "TASTES\n  food: avoids olives  (maybe)\n"
        "      2026-02-03  “Call me maybe, no olives.”\n"
    )
    lines = call("profile", "history").out.splitlines()
    assert lines[0] == "   1  2026-02-03T04:05 policy  add home: Porto  “I live in Porto.”"
    assert lines[2] == "   3  2026-02-03T04:05 user  lock home: Porto  (undone)"
    assert lines[3].endswith("user  undo 3")
    log = json.loads(call("profile", "history", "--json").out)
    assert [row["op"] for row in log] == ["add", "add", "lock", "undo"]
    assert [row["counts"] for row in log] == [True, True, False, False]
    assert log[0]["quote"] == "I live\nin Porto."
    assert log[0]["policy"] == "p-1"


def test_the_facts_of_show_are_a_profile_for_infer(call: Any) -> None:
    from pocket_agent.policy.reader import _known

    call("profile", "set", "food", "olives", "--avoid")
    facts = json.loads(call("profile", "show", "--json").out)
    assert [_known(fact).value for fact in facts] == ["olives"]


def test_files_are_private(call: Any, home: Path) -> None:
    call("profile", "create", "work")
    call("profile", "use", "work")
    call("profile", "export", str(home / "out.jsonl"))
    for path in (home, *home.rglob("*")):
        if "cache" not in path.parts:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


# --- export and import ----------------------------------------------------------------------


@pytest.fixture
def exported(call: Any, store: Opener, tmp_path: Path) -> Path:
    """An export of a small life."""
    with store() as opened:
        session = opened.new_session("Moving")
        opened.add_user_turn(session.id, "I live in Porto.")
        opened.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER)
    file = tmp_path / "anna.jsonl"
    said = call("profile", "export", str(file))
    assert (said.code, said.out) == (0, "")
    assert said.err == "exported 1 sessions, 1 turns, 1 changes\n"
    return file


def test_export_and_import(call: Any, exported: Path, tmp_path: Path) -> None:
    there = ("--home", str(tmp_path / "there"))
    shown = call("profile", "show", "--json").out
    said = call(*there, "profile", "import", str(exported))
    assert said.err.splitlines() == [
        "imported 1 sessions, 1 turns, 1 changes; 0 were here already",
        "facts: 1 added, 0 unchanged",
        "added: home · Porto",
        "`pocket-agent profile undo` takes all of it back",
    ]
    assert call(*there, "profile", "show", "--json").out == shown
    again = call(*there, "profile", "import", str(exported))
    assert (again.code, again.err) == (
        0,
        "imported 0 sessions, 0 turns, 0 changes; 3 were here already\nfacts: 1 unchanged\n",
    )
    assert call(*there, "profile", "show", "--json").out == shown
    assert call("profile", "import", str(exported), "--profile", "copy").code == 0
    assert call("profile", "show", "--json", "--profile", "copy").out == shown


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"", "is empty"),
        (lambda data: data[: len(data) // 2], "cut short"),
        (lambda data: b"".join(data.splitlines(keepends=True)[:-1]), "cut short"),
        (lambda data: data.replace(b"I live", b"I l\xefve"), "Line 3 .* not UTF-8"),
        (lambda data: re.sub(rb'"version":\d', b'"version":99', data), "version 99"),
        (
            lambda data: b"".join(
                line * ((b'"turn"' in line[:20] and 2) or 1)
                for line in data.splitlines(keepends=True)
            ),
            "Line 4 .* comes twice",
        ),
        (lambda data: data.replace(b"Porto", b"Paris"), "changed or damaged"),
        (lambda data: os.urandom(4096), "not an export"),
        (lambda data: b'{"kind": "turn"}\n', "not an export"),
    ],
    ids="empty cut-in-half no-end bad-utf8 version duplicate changed noise other".split(),
)
def test_bad_imports(
    call: Any, exported: Path, tmp_path: Path, change: Callable[[bytes], bytes], words: str
) -> None:
    import re

    exported.write_bytes(change(exported.read_bytes()))
    there = ("--home", str(tmp_path / "there"))
    call(*there, "profile", "set", "sport", "rowing")
    before = call(*there, "profile", "history", "--json").out
    assert re.search(words, complaint(call(*there, "profile", "import", str(exported))))
    assert call(*there, "profile", "history", "--json").out == before


def test_a_failed_import_leaves_no_new_profile(call: Any, exported: Path, home: Path) -> None:
    call("profile", "create", "older")
    before = sorted(path.name for path in (home / "profiles").iterdir())
    whole = exported.read_bytes()
    exported.write_bytes(whole[: len(whole) // 2])
    for name in ("fresh", "older"):
        said = call("profile", "import", str(exported), "--profile", name)
        assert "cut short" in complaint(said)
        assert sorted(path.name for path in (home / "profiles").iterdir()) == before
    exported.write_bytes(whole)
    assert call("profile", "import", str(exported), "--profile", "fresh").code == 0
    assert "Porto" in call("profile", "show", "--profile", "fresh").out


def test_places_that_cannot_be_written_or_read(call: Any, exported: Path, tmp_path: Path) -> None:
    assert "is a folder" in complaint(call("profile", "export", str(tmp_path)))
    assert "is a folder" in complaint(call("profile", "import", str(tmp_path)))
    nowhere = str(tmp_path / "none" / "x.jsonl")
    assert "can't be written" in complaint(call("profile", "export", nowhere))
    assert "can't be read" in complaint(call("profile", "import", nowhere))
    (tmp_path / "notes.txt").write_text("mine")
    assert "is not an export" in complaint(call("profile", "export", str(tmp_path / "notes.txt")))


# --- stores that can't be used --------------------------------------------------------------

EVERY = (
    ("profile", "show"),
    ("profile", "history"),
    ("profile", "set", "home", "Porto"),
    ("profile", "undo"),
    ("profile", "export", "x.jsonl"),
    ("memory", "search", "sea"),
    ("ask", "hi"),
)


def spoil(home: Path, content: bytes) -> Path:
    path = home / "profiles" / "default.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content", [b"x", b"hello\n" * 500, os.urandom(8192)], ids=["short", "text", "noise"]
)
def test_a_store_that_is_no_database(call: Any, home: Path, content: bytes) -> None:
    path = spoil(home, content)
    for words in EVERY:
        assert "can't be read as a profile" in complaint(call(*words))
    assert path.read_bytes() == content


def test_a_store_of_a_newer_version(call: Any, store: Opener) -> None:
    with store() as opened, opened.database.reading() as connection:
        connection.pragma("user_version", VERSION + 1)
    for words in EVERY:
        assert "newer Pocket Agent" in complaint(call(*words))


def test_a_store_that_is_a_folder(call: Any, home: Path) -> None:
    (home / "profiles" / "default.db").mkdir(parents=True)
    for words in EVERY:
        assert "is a folder" in complaint(call(*words))


def test_a_second_instance(run: Any, store: Opener) -> None:
    with store():
        for words in EVERY:
            assert "open in another Pocket Agent" in complaint(run(*words))
        assert "open in another" in complaint(run("profile", "delete", "default", "--yes"))
        assert run("profile", "list").code == 0
    assert run("profile", "show").code == 0


def test_the_passphrase_of_the_environment(
    call: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", "correct horse")
    call("profile", "create", "secret")
    call("profile", "set", "home", "Porto", "--profile", "secret")
    assert "Porto" in call("profile", "show", "--profile", "secret").out
    assert b"SQLite format 3" not in (home / "profiles" / "secret.db").read_bytes()[:16]
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", "wrong")
    said = call("profile", "show", "--profile", "secret")
    assert "passphrase is wrong" in complaint(said)
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", "")
    assert "passphrase is empty" in complaint(call("profile", "create", "other"))
    assert not (home / "profiles" / "other.db").exists()


def test_deleting_leaves_no_bytes_and_tells_of_exports(call: Any, home: Path) -> None:
    call("profile", "create", "work")
    here = ("--profile", "work")
    call(*here, "profile", "set", "employer", "Zqacme")
    for name in ("work.jsonl", "work.md"):
        call(*here, "profile", "export", str(home / name))
    call("profile", "set", "home", "Porto")
    call("profile", "export", str(home / "mine.jsonl"))
    path = home / "profiles" / "work.db"
    with path.open("rb") as kept_open:
        assert b"Zqacme" in kept_open.read()
        said = call("profile", "delete", "work", "--yes")
        kept_open.seek(0)
        assert not kept_open.read().strip(b"\0")
    assert f"its export {home / 'work.jsonl'}" in said.err
    assert "mine.jsonl" not in said.err
    assert "its exports stay: --exports deletes them" in said.err
    assert (home / "work.md").exists()
    call("profile", "create", "work")
    call(*here, "profile", "import", str(home / "work.jsonl"), "--mine")
    said = call("profile", "delete", "work", "--yes", "--exports")
    assert "its exports are deleted" in said.err
    assert {file.name for file in home.glob("*.*")} >= {"mine.jsonl"}
    assert not list(home.glob("work*"))


def test_what_cannot_be_opened_can_be_deleted(call: Any, home: Path) -> None:
    (home / "profiles").mkdir(parents=True)
    (home / "profiles" / "work.db").write_bytes(b"no database at all, but some bytes" * 99)
    said = call("profile", "delete", "work", "--yes")
    assert said.code == 0, said
    assert "which exports are its own is not known" in said.err
