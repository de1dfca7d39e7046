"""A real chat in incognito changes nothing on the disk; a blank one reads nothing either."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind

UNIQUE = "Zanzibarrow"
KEY = "seventeen brass lamps"
ASKED = "Where do I live, and what did I say about my home and my secret?"


def picture(*folders: Path) -> dict[str, tuple[int, int, bytes]]:
    """Name, size, time of change and bytes of all that is in folders."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {
        str(path): (
            path.stat().st_size,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(paths)
        if path.exists()
    }


def ask(home: Path, *words: str, key: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "POCKET_AGENT_PASSPHRASE": key} if key else dict(os.environ)
    return subprocess.run(
        [sys.executable, "-m", "pocket_agent", "--home", str(home), "ask", "--json", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        stdin=subprocess.DEVNULL,
    )


def fill(home: Path, key: str | None = None) -> None:
    home.mkdir()
    (home / "config.toml").write_text("chat_tokens = 1024\n")
    with Store.open(home / "profiles" / "default.db", key=key) as store:
        session = store.new_session(f"About {UNIQUE}")
        store.add_user_turn(session.id, f"My home is {UNIQUE} and my secret is {UNIQUE}.")
        store.record(Op(OpKind.ADD, "home", UNIQUE), actor=Actor.USER)
        store.set_meta("waiting", json.dumps([f"{UNIQUE} unsent"]))


@pytest.mark.slow
@pytest.mark.parametrize("key", ["", KEY], ids=["plain", "encrypted"])
def test_incognito_reads_and_changes_nothing(tmp_path: Path, key: str) -> None:
    home, cache = tmp_path / "home", Path(os.environ["POCKET_AGENT_CACHE"])
    fill(home, key or None)
    before = picture(home, cache)
    done = ask(home, "--incognito", "--max-tokens", "8", "-c", ASKED, key=key)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["reply"]
    assert [fact["value"] for fact in answer["facts"]] == [UNIQUE]
    assert picture(home, cache) == before


@pytest.mark.slow
def test_blank_reads_nothing_and_asks_for_no_passphrase(tmp_path: Path) -> None:
    home, cache = tmp_path / "home", Path(os.environ["POCKET_AGENT_CACHE"])
    fill(home, KEY)
    before = picture(home, cache)
    done = ask(home, "--blank", "--max-tokens", "8", "-c", ASKED)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["reply"]
    assert (answer["facts"], answer["recalled"], answer["session"]) == ([], [], None)
    assert UNIQUE not in done.stdout + done.stderr
    assert picture(home, cache) == before


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["--incognito", "--blank"])
def test_nothing_is_made_where_nothing_was(tmp_path: Path, mode: str) -> None:
    home = tmp_path / "home"
    done = ask(home, mode, "--max-tokens", "4", "Hello.")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
