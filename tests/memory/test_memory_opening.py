"""Files that can't be opened, and why: each with a message, each left as it was."""

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from pocket_agent.errors import PocketAgentError, StoreBusyError, StoreError
from pocket_agent.memory.migrations import VERSION
from pocket_agent.memory.store import Store

SECRET = "the harbour at dawn"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refused(path: Path, words: str, **options: Any) -> PocketAgentError:
    before = digest(path) if path.is_file() else None
    with pytest.raises(StoreError, match=words) as caught:
        Store.open(path, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1
    assert (digest(path) if path.is_file() else None) == before
    return caught.value


def test_a_newer_version_is_refused_untouched(path: Path) -> None:
    with Store.open(path) as store, store.database.reading() as connection:
        connection.pragma("user_version", VERSION + 1)
    refused(path, "newer Pocket Agent")


def test_a_newer_version_with_an_unfinished_log_is_refused_untouched(path: Path) -> None:
    Store.open(path).close()
    script = (
        "import apsw, os, sys\n"
        "c = apsw.Connection(sys.argv[1])\n"
        f"c.pragma('user_version', {VERSION + 1})\n"
        "c.execute(\"INSERT INTO meta VALUES ('a', 'b')\")\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
    log = path.with_name(path.name + "-wal")
    before = digest(log)
    refused(path, "newer Pocket Agent")
    assert digest(log) == before


@pytest.mark.parametrize(
    "content", [b"x", b"hello\n" * 400, b"SQLite format 3\x00" + b"\x07" * 900]
)
def test_what_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    refused(path, "can't be read as a profile")


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    stranger = apsw.Connection(str(path))
    stranger.execute("CREATE TABLE recipes (name)")
    stranger.close()
    refused(path, "another program")


def test_a_damaged_profile_is_told(path: Path) -> None:
    with Store.open(path) as store:
        session = store.new_session()
        for n in range(200):
            store.add_user_turn(session.id, f"{n} {SECRET}")
    with path.open("r+b") as file:
        size = file.seek(4096)
        file.write(b"\xaa" * (path.stat().st_size - size))
    refused(path, "is damaged")


def test_a_folder_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    refused(path, "is a folder")


def test_a_missing_file_is_not_made_unless_asked(path: Path) -> None:
    refused(path, "no profile file", create=False)
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "anna.db", "can't be used")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_file_without_permission_is_told(path: Path) -> None:
    Store.open(path).close()
    path.chmod(0)
    with pytest.raises(StoreError):
        Store.open(path)


def test_a_second_instance_is_refused(path: Path) -> None:
    with Store.open(path) as store:
        session = store.new_session()
        with pytest.raises(StoreBusyError, match="'anna' is open in another Pocket Agent"):
            Store.open(path)
        script = (
            "import sys\n"
            "from pocket_agent.errors import PocketAgentError\n"
            "from pocket_agent.memory.store import Store\n"
            "try:\n"
            "    Store.open(sys.argv[1])\n"
            "except PocketAgentError as error:\n"
            "    print(type(error).__name__, error)\n"
            "    raise SystemExit(error.exit_code)\n"
        )
        other = subprocess.run(
            [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60
        )
        assert other.returncode == 1
        assert other.stdout.startswith("StoreBusyError The profile 'anna' is open")
        assert store.add_user_turn(session.id, "still mine").text == "still mine"
    Store.open(path).close()


def test_a_refused_file_is_not_left_locked(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"nonsense" * 100)
    refused(path, "can't be read")
    path.unlink()
    Store.open(path).close()


def test_permissions_are_closed_on_opening(path: Path) -> None:
    Store.open(path).close()
    path.chmod(0o644)
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_with_a_key_the_file_tells_nothing(path: Path) -> None:
    with Store.open(path, key="correct horse") as store:
        session = store.new_session()
        said = store.add_user_turn(session.id, SECRET)
        for file in path.parent.iterdir():
            content = file.read_bytes()
            assert not content.startswith(b"SQLite format 3"), file.name
            assert b"harbour" not in content, file.name
    with Store.open(path, key="correct horse") as store:
        assert store.turn(said.id).text == SECRET
    assert not path.read_bytes().startswith(b"SQLite format 3")
    refused(path, "The passphrase is wrong", key="wrong horse")
    refused(path, "'anna' is encrypted")


def test_the_key_of_an_open_file_opens_it_again(path: Path) -> None:
    with Store.open(path, key="correct horse") as store:
        session = store.new_session()
        key = store.key
    assert key is not None
    assert path.read_bytes()[:16] == key.salt
    assert key.raw.hex() not in repr(key)
    with Store.open(path, key=key) as store:
        assert store.session(session.id) == session
    assert not path.read_bytes().startswith(b"SQLite format 3")


def test_an_empty_key_and_a_key_for_a_plain_file_are_refused(path: Path) -> None:
    refused(path, "passphrase is empty", key="")
    Store.open(path).close()
    refused(path, "is not encrypted", key="correct horse")
