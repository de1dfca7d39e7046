"""Search, doctor, the chat, and a disk that is full, each as a person would run it."""

import hashlib
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.llm.gguf_header import check_model
from pocket_agent.llm.models import bundled_model
from pocket_agent.llm.requantize import verify_copy
from pocket_agent.memory.store import Store

Opener = Callable[[], Store]


# --- memory ---------------------------------------------------------------------------------


def test_searching_an_empty_profile(call: Any) -> None:
    said = call("memory", "search", "the sea")
    assert (said.code, said.out, said.err) == (0, "", "Nothing was found.\n")
    assert call("memory", "search", "the sea", "--json").out == "[]\n"
    assert "nothing to search for" in complaint(call("memory", "search", " "), 2)


@pytest.mark.slow
def test_search_finds_by_words_and_by_meaning(run: Any, store: Opener) -> None:
    with store() as opened:
        session = opened.new_session()
        for text in (
            "I adopted a puppy called Biscuit.",
            "My sister plays the cello.",
            "The tax form is due in March.\n\x1b[31mReally.",
        ):
            opened.add_user_turn(session.id, text)
    said = run("memory", "search", "--json", "-k", "1", "which", "animal did I take in?")
    (found,) = json.loads(said.out)
    assert found["text"] == "I adopted a puppy called Biscuit."
    assert found["cosine"] > 0.2
    assert found["role"] == "user"
    assert found["session"] == session.id


def test_search_goes_by_words_where_the_embedder_is_missing(
    call: Any, store: Opener, monkeypatch: Any
) -> None:
    from pocket_agent.memory import embedder

    monkeypatch.setattr(embedder, "find_bundled", lambda: None)
    with store() as opened:
        session = opened.new_session()
        opened.add_user_turn(session.id, "My sister plays the cello.")
        opened.add_user_turn(session.id, "The tax form is due in March.\n\x1b[31mReally.")
    said = call("memory", "search", "tax", "form", "-k", "1")
    assert said.code == 0
    assert said.out.endswith("You: The tax form is due in March. [31mReally.\n")
    assert "by words alone" in said.err


# --- doctor ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_doctor_finds_all_well(run: Any, home: Path) -> None:
    run("profile", "set", "home", "Porto")
    home.chmod(0o755)
    said = run("doctor", "--json")
    assert said.code == 0, said.out
    report = json.loads(said.out)
    assert report["ok"]
    found = {finding["name"]: finding for finding in report["findings"]}
    assert list(found) == [
        "program", "libraries", "folders", "disk", "database", "profile", "encryption", "devices",
        "model", "copy", "engine", "embedder",
    ]  # fmt: skip
    assert all(finding["ok"] for finding in found.values())
    assert found["database"]["data"]["fts5"]
    assert found["folders"]["data"]["modes"][str(home)] == "0755"
    assert "closed now" in found["folders"]["detail"]
    assert found["profile"]["data"]["facts"] == 1
    assert len(found["model"]["data"]["sha256"]) == 64
    assert found["model"]["data"]["size"] > 10**7
    assert found["engine"]["data"]["first_token_s"] > 0
    assert found["engine"]["data"]["device"]


def test_doctor_says_what_is_broken(call: Any, home: Path, monkeypatch: Any) -> None:
    from pocket_agent.cli import checks

    monkeypatch.setattr(checks, "_embedder", checks._disk)  # seconds, and not of interest here
    home.mkdir()
    (home / "config.toml").write_text("threads = 'two'\n")
    (home / "profiles").mkdir()
    (home / "profiles" / "default.db").write_bytes(b"noise" * 1000)
    said = call("doctor", "-m", str(home / "none.gguf"))
    assert said.code == 1
    broken = [line.split()[1] for line in said.out.splitlines() if line.startswith("FAIL")]
    assert broken == ["settings:", "profile:", "model:", "engine:"]
    assert "Traceback" not in said.err
    assert all("\x1b" not in line for line in said.out.splitlines())


def test_doctor_finds_a_faster_copy_that_has_changed(
    call: Any, home: Path, monkeypatch: Any
) -> None:
    from pocket_agent.cli import checks

    monkeypatch.setenv("POCKET_AGENT_CACHE", str(home / "cache"))
    for look in ("_embedder", "_engine", "_model", "_devices"):
        monkeypatch.setattr(checks, look, checks._disk)
    bundled = bundled_model()
    assert bundled is not None
    said = call("doctor")
    assert "ok   copy: a faster copy is made when the model is first loaded" in said.out
    copy = verify_copy(check_model(bundled), home / "cache").path
    copy.write_bytes(b"as it was made")
    assert "with no hash to check it by" in call("doctor").out
    noted = copy.with_name(f"{copy.name}.sha256")
    noted.write_text(hashlib.sha256(copy.read_bytes()).hexdigest() + "\n")
    said = call("doctor")
    assert (said.code, "unchanged since it was made" in said.out) == (0, True)
    copy.write_bytes(b"as it was mad!")
    said = call("doctor")
    assert said.code == 1
    assert f"FAIL copy: {copy} is damaged: delete it, and it is made anew" in said.out


def test_doctor_leaves_an_open_profile_alone(call: Any, store: Opener, monkeypatch: Any) -> None:
    from pocket_agent.cli import checks

    for look in ("_embedder", "_engine"):
        monkeypatch.setattr(checks, look, checks._disk)
    with store():
        said = call("doctor")
    assert said.code == 0
    assert "ok   profile: not looked at: The profile 'default' is open" in said.out


# --- a full disk ----------------------------------------------------------------------------

_SMALL = """
mount -t tmpfs -o size=700k tmpfs "$1" || exit 99
cd "$1"
pa() { "$PYTHON" -m pocket_agent --home "$1" "${@:2}"; echo "exit $?"; }
pa "$1/home" profile set home Porto
pa "$1/home" profile import "$2"
pa "$1/home" profile show
pa "$1/home" profile export "$2.copy"
head -c 900k /dev/zero > filler 2>/dev/null
pa "$1/home" profile export "$1/out.jsonl"
pa "$1/home" profile set home Leeds
pa "$1/home" profile use default
pa "$1/home" ask hello
rm filler
pa "$1/home" profile show
pa "$1/home" profile set home Leeds
ls -A "$1" "$1/home"
"""


def _may_mount() -> bool:
    tool = shutil.which("unshare")
    if tool is None:
        return False
    probe = [tool, "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(probe, capture_output=True, timeout=30).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not _may_mount(), reason="no small disk can be mounted here")
def test_a_full_disk(home: Path, store: Opener, call: Any, tmp_path: Path) -> None:
    with store() as opened:
        session = opened.new_session()
        for number in range(200):
            opened.add_user_turn(session.id, f"{number} " + "all sorts of words " * 60)
    file = tmp_path / "big.jsonl"
    call("profile", "export", str(file))
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["unshare", "-Urm", "bash", "-c", _SMALL, "bash", str(disk), str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHON": sys.executable},
    )
    assert "Traceback" not in done.stderr, done.stderr
    codes = [line for line in done.stdout.splitlines() if line.startswith("exit ")]
    wanted = [0, 1, 0, 0, 1, 1, 1, 1, 0, 0]  # in the order of the script
    assert codes == [f"exit {code}" for code in wanted], done.stdout + done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("pocket-agent: ")]
    assert len(told) == 5
    assert all("disk is full" in line for line in told), told
    assert done.stdout.count("home: Porto") == 2
    assert ".part" not in done.stdout
    copied = (tmp_path / "big.jsonl.copy").read_text()
    assert '"value":"Porto"' in copied
    assert "all sorts of words" not in copied


# --- the chat -------------------------------------------------------------------------------


def chat_until(sign: bytes, *arguments: str) -> bytes:
    """Open the chat in a real terminal, leave it by ctrl+q once `sign` is painted."""
    main_end, program_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pocket_agent", *arguments],
        stdin=program_end,
        stdout=program_end,
        stderr=program_end,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
    )
    os.close(program_end)
    seen = b""
    asked_to_leave = 0.0
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([main_end], [], [], 0.2)[0]:
            try:
                seen += os.read(main_end, 65536)
            except OSError:
                break
        if sign in seen and time.monotonic() - asked_to_leave > 2:
            os.write(main_end, b"\x11")  # ctrl+q
            asked_to_leave = time.monotonic()
    try:
        assert process.wait(10) == 0
    finally:
        process.kill()
        os.close(main_end)
    assert b"Traceback" not in seen
    return seen


@pytest.mark.slow
def test_alone_it_opens_the_chat(home: Path) -> None:
    """In a real terminal: the screen comes up, ctrl+q leaves it."""
    alternate_screen = b"\x1b[?1049h"
    assert b"a new profile" not in chat_until(alternate_screen, "--incognito")


@pytest.mark.slow
def test_the_chat_says_that_it_made_a_profile(home: Path) -> None:
    told = b"a new profile, misspelt, was made"
    assert told in chat_until(told, "--plain", "--profile", "misspelt")
    assert told not in chat_until(b"F1 help", "--profile", "misspelt")


@pytest.mark.slow
def test_the_first_start_offers_to_encrypt_and_makes_nothing_before_the_answer(home: Path) -> None:
    for sign, words in ((b"Welcome to", ()), (b"Tab chooses", ("--profile", "work"))):
        seen = chat_until(sign, "--no-requantize", *words)
        assert b"F1 help" in seen[: seen.index(sign)]  # the chat was painted before it
        assert list((home / "profiles").iterdir()) == []
    seen = chat_until(b"F1 help", "--plain")
    assert b"Tab chooses" not in seen
    assert b"Welcome to" not in seen


def test_a_file_that_is_no_model_is_refused_before_any_trial(call: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"no model\n" * 100)
    said = call("models", "add", str(bad))
    assert "bad.gguf" in complaint(said)
    assert len(said.err.splitlines()) == 1
