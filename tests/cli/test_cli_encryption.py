"""Profiles that open with a passphrase: made, opened by every command, changed, and never lost."""

import hashlib
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.memory import cipher

PASSPHRASE = "correct horse battery"
NEW = "another staple altogether"


@pytest.fixture(autouse=True)
def _cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key takes a quarter second on purpose, which is not what is tested here."""
    monkeypatch.setitem(cipher._COST, "n", 16)
    monkeypatch.delenv("POCKET_AGENT_NEW_PASSPHRASE", raising=False)


@pytest.fixture
def profile(home: Path) -> Path:
    return home / "profiles" / "default.db"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pipe(*lines: str) -> str:
    """A file descriptor, as a word, that these lines can be read from."""
    reading, writing = os.pipe()
    os.write(writing, "".join(f"{line}\n" for line in lines).encode())
    os.close(writing)
    return str(reading)


@pytest.fixture
def encrypted(call: Any, profile: Path) -> Path:
    call("profile", "set", "home", "Porto")
    said = call("profile", "encrypt", "--passphrase-fd", pipe(PASSPHRASE))
    assert (said.code, said.out) == (0, "default\n"), said
    assert "forgotten means lost" in said.err.splitlines()[0]
    assert cipher.is_encrypted(profile)
    return profile


def test_a_plain_profile_is_encrypted_and_decrypted(call: Any, encrypted: Path) -> None:
    assert "encrypted already" in complaint(call("profile", "encrypt"))
    said = call("profile", "show", "--passphrase-fd", pipe(PASSPHRASE))
    assert "Porto" in said.out
    said = call("profile", "decrypt", "--passphrase-fd", pipe(PASSPHRASE))
    assert (said.code, said.out) == (0, "default\n")
    assert "whoever can read your files" in said.err
    assert "Porto" in call("profile", "show").out
    assert "is not encrypted" in complaint(call("profile", "decrypt"))
    assert "is not encrypted" in complaint(call("profile", "passphrase"))


def test_the_passphrase_is_changed(call: Any, encrypted: Path) -> None:
    both = pipe(PASSPHRASE, NEW)  # one descriptor, a line for each
    said = call("profile", "passphrase", "--passphrase-fd", both, "--new-passphrase-fd", both)
    assert (said.code, said.out) == (0, "default\n"), said
    assert "Porto" in call("profile", "show", "--passphrase-fd", pipe(NEW)).out
    said = call("profile", "show", "--passphrase-fd", pipe(PASSPHRASE))
    assert "passphrase is wrong" in complaint(said)


def test_the_environment_serves_for_both(
    call: Any, encrypted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("POCKET_AGENT_NEW_PASSPHRASE", NEW)
    assert call("profile", "passphrase").code == 0
    assert "passphrase is wrong" in complaint(call("profile", "show"))
    # A descriptor says it more exactly than the environment.
    assert call("profile", "show", "--passphrase-fd", pipe(NEW)).code == 0


EVERY = (
    ("profile", "show"),
    ("profile", "history"),
    ("profile", "set", "home", "Leeds"),
    ("profile", "undo"),
    ("profile", "export", "x.jsonl"),
    ("profile", "import", "x.jsonl"),
    ("profile", "decrypt"),
    ("profile", "passphrase"),
    ("memory", "search", "sea"),
    ("ask", "hi"),
)


def test_every_command_refuses_a_wrong_or_missing_passphrase(call: Any, encrypted: Path) -> None:
    before = digest(encrypted)
    for words in EVERY:
        said = call(*words, "--passphrase-fd", pipe("wrong"))
        assert "The passphrase is wrong" in complaint(said), words
        assert "'default' is encrypted. Give its passphrase in" in complaint(call(*words)), words
        said = call(*words, "--passphrase-fd", pipe(""))
        assert "passphrase is empty" in complaint(said), words
        assert digest(encrypted) == before
    assert not Path("x.jsonl").exists()


def test_commands_work_on_an_encrypted_profile(
    call: Any, encrypted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pocket_agent.memory import embedder

    monkeypatch.setattr(embedder, "find_bundled", lambda: None)
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", PASSPHRASE)
    file = str(tmp_path / "out.jsonl")
    assert call("profile", "set", "food", "figs").code == 0
    assert call("profile", "undo").code == 0
    assert len(call("profile", "history").out.splitlines()) == 3
    said = call("profile", "export", file)
    assert said.code == 0
    assert "this file is not" in said.err
    assert call("profile", "import", file).code == 0
    assert call("memory", "search", "sea").code == 0
    assert cipher.is_encrypted(encrypted)
    made = call("profile", "import", file, "--profile", "second")
    assert made.code == 0
    assert cipher.is_encrypted(encrypted.with_name("second.db"))  # as the passphrase says


def test_the_environment_is_no_hindrance_to_a_plain_profile(
    call: Any, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("profile", "set", "home", "Porto")
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", PASSPHRASE)
    assert "Porto" in call("profile", "show").out
    assert cipher.is_plain(profile)


def test_a_profile_is_created_encrypted(call: Any, home: Path) -> None:
    path = home / "profiles" / "work.db"
    said = call("profile", "create", "work", "--encrypt")
    assert "A new passphrase is needed" in complaint(said)
    assert not path.exists()
    said = call("profile", "create", "work", "--encrypt", "--passphrase-fd", pipe(PASSPHRASE))
    assert (said.code, said.out) == (0, "work\n")
    assert "forgotten means lost" in said.err
    assert cipher.is_encrypted(path)
    listed = call("profile", "list")
    assert listed.out == "* default\n  work  (encrypted)\n"
    rows = json.loads(call("profile", "list", "--json").out)
    assert rows[1] == {"name": "work", "in_use": False, "encrypted": True}


def test_an_empty_file_does_not_become_a_plain_profile(
    call: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill may leave where an encrypted profile was being made."""
    path = home / "profiles" / "work.db"
    path.parent.mkdir(parents=True)
    path.touch()
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", PASSPHRASE)
    assert "Add --encrypt" in complaint(call("profile", "create", "work", "--remember"), 2)
    assert call("profile", "set", "home", "Porto", "--profile", "work").code == 0
    assert cipher.is_encrypted(path)
    path.write_bytes(b"")
    assert call("profile", "create", "work", "--encrypt").code == 0
    assert cipher.is_encrypted(path)
    assert "There is a profile 'work' already" in complaint(call("profile", "create", "work"))


def test_without_a_terminal_nothing_is_asked(call: Any, profile: Path) -> None:
    call("profile", "set", "home", "Porto")
    before = digest(profile)
    said = call("profile", "encrypt")
    assert "A new passphrase is needed. Type it at a terminal" in complaint(said)
    for content in ("", "\r"):
        said = call("profile", "encrypt", "--passphrase-fd", pipe(content))
        assert "passphrase is empty" in complaint(said)
    assert digest(profile) == before
    assert "no profile 'none'" in complaint(call("profile", "encrypt", "--profile", "none"))


def test_descriptors_that_hold_no_passphrase(call: Any, encrypted: Path) -> None:
    before = digest(encrypted)
    assert "can't be read" in complaint(call("profile", "show", "--passphrase-fd", "999"), 2)
    assert "invalid" in complaint(call("profile", "show", "--passphrase-fd", "one"), 2)
    assert "less than 0" in complaint(call("profile", "show", "--passphrase-fd", "-3"), 2)
    long = call("profile", "show", "--passphrase-fd", pipe("x" * 5000))
    assert "more than 4096 bytes" in complaint(long)
    reading, writing = os.pipe()
    os.write(writing, b"\xff\xfe\n")
    os.close(writing)
    said = call("profile", "show", "--passphrase-fd", str(reading))
    assert "not UTF-8" in complaint(said)
    assert digest(encrypted) == before


def test_a_passphrase_is_no_word_of_the_command_line(call: Any) -> None:
    said = call("profile", "encrypt", "--passphrase", PASSPHRASE)
    assert "unrecognized arguments" in complaint(said, 2)


def test_it_is_not_encrypted_while_it_is_open(call: Any, store: Any, profile: Path) -> None:
    with store():
        said = call("profile", "encrypt", "--passphrase-fd", pipe(PASSPHRASE))
        assert "open in another Pocket Agent" in complaint(said)
    assert cipher.is_plain(profile)


def test_deleting_takes_the_leftovers_along(call: Any, encrypted: Path) -> None:
    encrypted.with_name("default.db.new").write_bytes(b"half a copy")
    assert call("profile", "delete", "default", "--yes").code == 0
    assert list(encrypted.parent.iterdir()) == []


# --- the doctor -----------------------------------------------------------------------------


def test_doctor_tells_of_each_profile(
    call: Any, encrypted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pocket_agent.cli import checks

    for look in ("_embedder", "_engine", "_model"):
        monkeypatch.setattr(checks, look, checks._disk)
    call("profile", "create", "open")
    encrypted.with_name("noise.db").write_bytes(b"noise" * 1000)
    encrypted.with_name("open.db").chmod(0o644)
    (encrypted.parent.parent / "config.toml").touch(0o644)
    said = call("doctor")
    assert said.code == 0, said
    assert "encryption: default is encrypted, noise is unknown, open is plain" in said.out
    assert "'default' is encrypted: not looked into without its passphrase" in said.out
    assert "open.db: closed now" in said.out
    monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", PASSPHRASE)
    said = call("doctor", "--json")
    found = {finding["name"]: finding["data"] for finding in json.loads(said.out)["findings"]}
    assert found["profile"]["facts"] == 1
    assert found["encryption"] == {"default": "encrypted", "noise": "unknown", "open": "plain"}


# --- the key store --------------------------------------------------------------------------

BACKEND = """
import json, os
from pathlib import Path
from keyring.backend import KeyringBackend

class Shelf(KeyringBackend):
    priority = 5

    @property
    def file(self):
        return Path(os.environ["SHELF"])

    def read(self):
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def get_password(self, service, username):
        return self.read().get(service + username)

    def set_password(self, service, username, password):
        self.file.write_text(json.dumps({**self.read(), service + username: password}))

    def delete_password(self, service, username):
        rest = self.read()
        del rest[service + username]
        self.file.write_text(json.dumps(rest))
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A key store of the test's own, the one thing that no test machine has."""
    keyring = pytest.importorskip("keyring")
    folder = tmp_path / "backend"
    folder.mkdir()
    (folder / "shelf_backend.py").write_text(BACKEND)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "shelf_backend", raising=False)
    monkeypatch.setenv("SHELF", str(tmp_path / "shelf.json"))
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.core.load_keyring("shelf_backend.Shelf"))
    monkeypatch.setattr(keyring.core, "_keyring_backend", keyring.get_keyring())
    yield tmp_path / "shelf.json"
    keyring.set_keyring(before)


def test_the_key_store_remembers(call: Any, profile: Path, shelf: Path) -> None:
    call("profile", "set", "home", "Porto")
    assert call("profile", "encrypt", "--remember", "--passphrase-fd", pipe(PASSPHRASE)).code == 0
    said = call("profile", "show")
    assert "Porto" in said.out
    assert "the key store's" in said.err
    # Another passphrase is kept too, unless one says no.
    assert call("profile", "passphrase", "--new-passphrase-fd", pipe(NEW)).code == 0
    assert NEW in shelf.read_text()
    assert call("profile", "show").code == 0
    third = call(
        "profile", "passphrase", "--no-remember", "--new-passphrase-fd", pipe("third one, long")
    )
    assert third.code == 0
    assert shelf.read_text() == "{}"
    assert "is encrypted" in complaint(call("profile", "show"))
    assert call("profile", "create", "b", "--encrypt", "--remember", "--passphrase-fd",
                pipe(NEW)).code == 0  # fmt: skip
    assert NEW in shelf.read_text()
    assert call("profile", "delete", "b", "--yes").code == 0
    assert shelf.read_text() == "{}"


def test_decrypting_forgets_it(call: Any, profile: Path, shelf: Path) -> None:
    call("profile", "set", "home", "Porto")
    call("profile", "encrypt", "--remember", "--passphrase-fd", pipe(PASSPHRASE))
    assert call("profile", "decrypt").code == 0
    assert shelf.read_text() == "{}"


def test_where_there_is_no_key_store_one_line_says_so(
    call: Any, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "keyring" in sys.modules:
        from keyring.backends import fail

        monkeypatch.setattr(sys.modules["keyring"].core, "_keyring_backend", fail.Keyring())
    else:
        monkeypatch.setitem(sys.modules, "keyring", None)
    call("profile", "set", "home", "Porto")
    before = digest(profile)
    said = call("profile", "encrypt", "--remember", "--passphrase-fd", pipe(PASSPHRASE))
    assert "No key store of this system can be used" in complaint(said)
    assert digest(profile) == before


# --- as a person does it --------------------------------------------------------------------


def at_a_terminal(answers: list[tuple[bytes, bytes]], *words: str) -> tuple[int, bytes]:
    """Run a command in a terminal; to each sign that appears, in order, type the answer."""
    main_end, program_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pocket_agent", *words],
        stdin=program_end,
        stdout=program_end,
        stderr=program_end,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # our own terminal
    )
    os.close(program_end)
    seen, waiting, at = b"", list(answers), 0
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if select.select([main_end], [], [], 0.2)[0]:
            try:
                seen += os.read(main_end, 65536)
            except OSError:
                break
        if waiting and (found := seen.find(waiting[0][0], at)) >= 0:
            at = found + len(waiting[0][0])
            os.write(main_end, waiting.pop(0)[1] + b"\n")
    code = process.wait(10)
    os.close(main_end)
    assert not waiting, seen
    return code, seen


@pytest.mark.slow
def test_typed_at_a_terminal(home: Path, run: Any) -> None:
    """The real cost of a key, real prompts, nothing shown of what is typed."""
    path = home / "profiles" / "default.db"
    run("profile", "set", "home", "Porto")
    differ = [(b"New passphrase:", b"one horse"), (b"The same again:", b"two horses")]
    code, seen = at_a_terminal(differ, "profile", "encrypt")
    assert code == 1
    assert b"The two are not the same" in seen
    assert cipher.is_plain(path)
    same = [(b"New passphrase:", b"one horse"), (b"The same again:", b"one horse")]
    code, seen = at_a_terminal(same, "profile", "encrypt")
    assert code == 0, seen
    assert seen.index(b"forgotten means lost") < seen.index(b"New passphrase:")
    assert b"one horse" not in seen
    assert b"That is short" in seen
    assert cipher.is_encrypted(path)
    code, seen = at_a_terminal([(b"Passphrase of 'default':", b"one horse")], "profile", "show")
    assert code == 0
    assert b"Porto" in seen
    before = digest(path)
    code, seen = at_a_terminal([(b"Passphrase of 'default':", b"no horse")], "profile", "show")
    assert code == 1
    assert seen.count(b"\n") == 2  # the prompt's, and one line
    assert b"The passphrase is wrong" in seen
    assert digest(path) == before


@pytest.mark.parametrize("words", [("set", "home", "Leeds"), ("import", "export.jsonl")])
def test_a_plain_profile_that_a_command_makes_is_told_of_once(
    call: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    other = ("--home", str(tmp_path / "other"))
    call(*other, "profile", "set", "pet", "a cat")
    call(*other, "profile", "export", str(tmp_path / "export.jsonl"))
    monkeypatch.chdir(tmp_path)
    assert "not encrypted" not in call("--home", str(tmp_path / "3"), "profile", *words).err
    monkeypatch.setattr("pocket_agent.cli.opening._somebody_reads", lambda: True)
    assert "'default' is not encrypted: pocket-agent profile encrypt" in call("profile", *words).err
    assert "not encrypted" not in call("profile", *words).err
