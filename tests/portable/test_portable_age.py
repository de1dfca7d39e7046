"""Encrypted exports: the age format, what opens it and what does not.

Files are opened by `pyrage`, an implementation of the format in Rust that is not ours, and their
heads are held against the format's own words. Where the program `age` is installed, files go both
ways between it and us too.
"""

import base64
import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from pocket_agent.errors import PortableError, UsageError
from pocket_agent.memory.store import Store
from pocket_agent.portable.age import ARMOR, Keys, Seal
from pocket_agent.portable.age_words import MAGIC
from pocket_agent.portable.archive import export_profile, import_profile, read_contents
from pocket_agent.portable.markdown import MARK

WORDS = "correct horse battery"
with_age = pytest.mark.skipif(
    not (shutil.which("age") and shutil.which("age-keygen")),
    reason="the program age is not installed here",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "anna.age"


@pytest.fixture
def key(tmp_path: Path) -> tuple[str, Path]:
    """A public key, and the file of its private key as age writes it."""
    identity = pyrage.x25519.Identity.generate()
    place = tmp_path / "key.txt"
    place.write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public()), place


def at_a_terminal(words: str, *command: str) -> None:
    """Run a program on a terminal of its own, and type `words` as often as it asks for them.

    `age` takes a passphrase in no other way.
    """
    import pty

    child, terminal = pty.fork()
    if not child:
        os.execvp(command[0], command)
    shown, answered = b"", 0
    with contextlib.suppress(OSError):  # how Linux says that the other side is gone
        while piece := os.read(terminal, 4096):
            shown += piece
            if len(re.findall(rb"passphrase[^:]*:", shown)) > answered:
                os.write(terminal, words.encode() + b"\n")
                answered += 1
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown


def told(store: Store, file: Path, keys: Keys | None = None) -> str:
    before = read_contents(store)
    with pytest.raises(PortableError) as caught:
        import_profile(store, file, keys=keys)
    assert "\n" not in str(caught.value)
    assert read_contents(store) == before
    return str(caught.value)


def test_with_a_passphrase(lived: Store, empty: Store, file: Path) -> None:
    export_profile(lived, file, seal=Seal(WORDS))
    data = file.read_bytes()
    assert data.startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert b"Porto" not in data
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert pyrage.passphrase.decrypt(data, WORDS).startswith(b'{"kind":"header"')
    assert "passphrase is wrong, or anna.age is damaged" in told(
        empty, file, Keys(lambda: "something else")
    )
    assert "is encrypted with a passphrase" in told(empty, file)
    import_profile(empty, file, keys=Keys(lambda: WORDS))
    assert read_contents(empty) == read_contents(lived)


def test_to_recipients(
    lived: Store, empty: Store, file: Path, key: tuple[str, Path], tmp_path: Path
) -> None:
    public, identity = key
    other = pyrage.x25519.Identity.generate()
    export_profile(lived, file, seal=Seal(recipients=(str(other.to_public()), public)))
    data = file.read_bytes()
    assert data.startswith(b"age-encryption.org/v1\n-> X25519 ")
    assert pyrage.decrypt(data, [other]).startswith(b'{"kind":"header"')
    assert "encrypted to somebody's key" in told(empty, file, Keys(lambda: WORDS))
    stranger = tmp_path / "stranger.txt"
    stranger.write_text(str(pyrage.x25519.Identity.generate()))
    assert "No key in stranger.txt opens" in told(empty, file, Keys(identity=stranger))
    import_profile(empty, file, keys=Keys(identity=identity))
    assert empty.profile() == lived.profile()


def test_to_a_key_of_ssh(lived: Store, empty: Store, file: Path, tmp_path: Path) -> None:
    private = tmp_path / "id_ed25519"
    try:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(private)], check=True
        )
    except FileNotFoundError:
        pytest.skip("no ssh-keygen here")
    public = private.with_suffix(".pub").read_text()
    export_profile(lived, file, seal=Seal(recipients=(public,)))
    assert file.read_bytes().startswith(MAGIC + b"-> ssh-ed25519 ")
    import_profile(empty, file, keys=Keys(identity=private))
    assert empty.profile() == lived.profile()


def test_markdown_may_be_encrypted_too(lived: Store, tmp_path: Path, key: tuple[str, Path]) -> None:
    place = tmp_path / "me.md.age"
    export_profile(lived, place, seal=Seal(recipients=(key[0],)))
    (secret,) = [line for line in key[1].read_text().splitlines() if line.startswith("AGE")]
    text = pyrage.decrypt(place.read_bytes(), [pyrage.x25519.Identity.from_str(secret)])
    assert text.startswith(MARK.encode())


def test_text_armour_is_read(lived: Store, empty: Store, file: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.jsonl"
    export_profile(lived, plain)
    identity = pyrage.x25519.Identity.generate()
    file.write_bytes(pyrage.encrypt(plain.read_bytes(), [identity.to_public()], armored=True))
    assert file.read_bytes().startswith(ARMOR)
    place = tmp_path / "key"
    place.write_text(str(identity))
    import_profile(empty, file, keys=Keys(identity=place))
    assert empty.profile() == lived.profile()


def test_text_armour_with_a_passphrase(lived: Store, empty: Store, file: Path) -> None:
    export_profile(lived, file, seal=Seal(WORDS))
    text = base64.encodebytes(file.read_bytes())
    file.write_bytes(ARMOR + b"\n" + text + b"-----END AGE ENCRYPTED FILE-----\n")
    import_profile(empty, file, keys=Keys(lambda: WORDS))
    assert empty.profile() == lived.profile()


def test_damage_behind_a_passphrase_is_told(lived: Store, empty: Store, file: Path) -> None:
    export_profile(lived, file, seal=Seal(WORDS))
    whole = file.read_bytes()
    keys = Keys(lambda: WORDS)
    for at in (10, 30, 60, 90, 140, 170, len(whole) // 2, len(whole) - 1):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            file.write_bytes(damaged)
            told(empty, file, keys)
    file.write_bytes(whole + b"x")
    told(empty, file, keys)


def test_what_is_no_key(lived: Store, file: Path, tmp_path: Path) -> None:
    for public in ("age1nonsense", "ssh-ed25519 AAAA", "", "hello"):
        with pytest.raises(PortableError, match="is no public key"):
            export_profile(lived, file, seal=Seal(recipients=(public,)))
    with pytest.raises(UsageError, match="nothing is given"):
        export_profile(lived, file)
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"# a comment\n", b"AGE-SECRET-KEY-1XX", b"\xff\xfe"])
def test_a_file_without_a_private_key(
    lived: Store, empty: Store, file: Path, key: tuple[str, Path], content: bytes
) -> None:
    export_profile(lived, file, seal=Seal(recipients=(key[0],)))
    key[1].write_bytes(content)
    assert "holds no private key" in told(empty, file, Keys(identity=key[1]))
    assert "is no file of keys" in told(empty, file, Keys(identity=file.parent))


def test_damage_is_told(lived: Store, empty: Store, file: Path, key: tuple[str, Path]) -> None:
    export_profile(lived, file, seal=Seal(recipients=(key[0],)))
    whole = file.read_bytes()
    keys = Keys(lambda: WORDS, key[1])
    for at in (10, 30, 60, 120, 170, 200, len(whole) // 2, len(whole) - 1):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            file.write_bytes(damaged)
            told(empty, file, keys)
    file.write_bytes(whole + b"x")
    told(empty, file, keys)


@pytest.mark.parametrize("work", ["19", "20", "64", "99", "0", "018", "-1", "1e3"])
def test_work_without_end_is_not_begun(empty: Store, file: Path, work: str) -> None:
    salt = base64.b64encode(b"s" * 16).decode().rstrip("=")
    body = base64.b64encode(b"b" * 32).decode().rstrip("=")
    mac = base64.b64encode(b"m" * 32).decode().rstrip("=")
    head = f"-> scrypt {salt} {work}\n{body}\n--- {mac}\n"
    file.write_bytes(MAGIC + head.encode() + b"payload" * 20)
    words = told(empty, file, Keys(lambda: WORDS))
    assert "rounds of work" in words or "its head can't be read" in words


def test_another_age_file_is_never_covered(lived: Store, file: Path) -> None:
    file.write_bytes(MAGIC + b"somebody's\n")
    with pytest.raises(PortableError, match="nobody can see whether it is an export"):
        export_profile(lived, file, seal=Seal(WORDS))
    assert file.read_bytes() == MAGIC + b"somebody's\n"


def test_the_library_is_imported_when_it_is_needed() -> None:
    code = (
        "import sys, pocket_agent.portable.archive, pocket_agent.cli.carry;"
        "sys.exit('pyrage' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@with_age
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal here")
def test_age_opens_ours_with_a_passphrase_and_we_its(
    lived: Store, empty: Store, file: Path, tmp_path: Path
) -> None:
    export_profile(lived, file, seal=Seal(WORDS))
    plain = tmp_path / "plain.jsonl"
    at_a_terminal(WORDS, "age", "--decrypt", "--output", str(plain), str(file))
    assert plain.read_bytes().startswith(b'{"kind":"header"')
    theirs = tmp_path / "theirs.age"
    at_a_terminal(WORDS, "age", "--passphrase", "--output", str(theirs), str(plain))
    assert "passphrase is wrong" in told(empty, theirs, Keys(lambda: "something else"))
    import_profile(empty, theirs, keys=Keys(lambda: WORDS))
    assert read_contents(empty) == read_contents(lived)


@with_age
@pytest.mark.parametrize("armour", [(), ("--armor",)], ids=["binary", "armour"])
def test_age_opens_ours_with_a_key_and_we_its(
    lived: Store, empty: Store, file: Path, tmp_path: Path, armour: tuple[str, ...]
) -> None:
    def run(*command: str) -> str:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    identity, plain, theirs = (tmp_path / name for name in ("key.txt", "plain", "theirs.age"))
    run("age-keygen", "-o", str(identity))
    public = run("age-keygen", "-y", str(identity))
    export_profile(lived, file, seal=Seal(recipients=(public,)))
    run("age", "-d", "-i", str(identity), "-o", str(plain), str(file))
    assert plain.read_bytes().startswith(b'{"kind":"header"')
    run("age", *armour, "-r", public, "-o", str(theirs), str(plain))
    import_profile(empty, theirs, keys=Keys(identity=identity))
    assert read_contents(empty) == read_contents(lived)
