"""A real chat in an encrypted profile: none of its words stands in any file that it touches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLANTED = ("Marmaduke", "Ouagadougou", "marmaduk", "ouagadougou")
SAID = "My dog is called Marmaduke and I live in Ouagadougou."
TYPED = "seventeen brass lamps"


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    scratch = home.with_name("scratch")
    scratch.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "pocket_agent", "--home", str(home), *words],
        env={
            **os.environ,
            "POCKET_AGENT_PASSPHRASE": TYPED,
            "TMPDIR": str(scratch),
            "SQLITE_TMPDIR": str(scratch),
            "HOME": str(scratch),
        },
        capture_output=True,
        text=True,
        timeout=280,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_word_of_a_real_chat_is_left_in_plain(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run(home, "profile", "create", "default", "--encrypt").returncode == 0
    done = run(home, "ask", "--max-tokens", "12", SAID)
    assert done.returncode == 0, done.stderr
    assert run(home, "profile", "set", "pet", "Marmaduke").returncode == 0
    shown = run(home, "profile", "show")
    assert "Marmaduke" in shown.stdout
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    cache = Path(os.environ["POCKET_AGENT_CACHE"])
    files += [file for file in cache.rglob("*") if file.is_file()]
    assert any(file.name == "default.db" for file in files)
    for file in files:
        content = file.read_bytes()
        for word in (*PLANTED, TYPED):
            assert word.encode() not in content, file
    reply = [line for line in done.stdout.splitlines() if len(line) > 20]
    for line in reply:
        assert not any(line.encode() in file.read_bytes() for file in files if file.suffix == ".db")
