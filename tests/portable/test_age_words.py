"""The passphrase half of the age format, held against `pyrage`, which is not ours."""

import io

import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocket_agent.portable import age_words
from pocket_agent.portable.age_words import DamagedError, WrongWordsError

PIECE = 64 * 1024


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little work, so that many files can be made; `test_our_work` has the real one."""
    monkeypatch.setattr(age_words, "WORK", 8)


def opened(data: bytes, words: str) -> bytes:
    head = age_words.parse_head(data)
    assert head is not None
    return b"".join(
        age_words.contents(io.BytesIO(data[head.size :]), age_words.unlock(head, words))
    )


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7])
def test_pyrage_opens_what_we_write(size: int) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    made = age_words.encrypt(data, "wörds")
    assert pyrage.passphrase.decrypt(made, "wörds") == data
    assert opened(made, "wörds") == data


def test_we_open_what_pyrage_writes() -> None:
    data = b"hello" * PIECE
    assert opened(pyrage.passphrase.encrypt(data, "words"), "words") == data


def test_our_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    head = age_words.parse_head(age_words.encrypt(b"", "words"))
    assert head is not None
    assert head.work == age_words.WORK == 17


def test_salt_and_key_are_new_each_time() -> None:
    one, other = (age_words.parse_head(age_words.encrypt(b"", "words")) for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.salt != other.salt
    assert one.wrapped != other.wrapped


def test_other_words_do_not_open() -> None:
    head = age_words.parse_head(age_words.encrypt(b"x", "words"))
    assert head is not None
    with pytest.raises(WrongWordsError):
        age_words.unlock(head, "Words")


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_changed_bit_is_noticed(data: st.DataObject) -> None:
    made = age_words.encrypt(bytes(2 * PIECE + 5), "words")
    at = data.draw(st.one_of(st.integers(0, 200), st.integers(0, len(made) - 1)))
    bit = data.draw(st.integers(0, 7))
    changed = made[:at] + bytes([made[at] ^ (1 << bit)]) + made[at + 1 :]
    head = age_words.parse_head(changed)
    if head is None or head.work > 12:
        return
    with pytest.raises((WrongWordsError, DamagedError)):
        opened(changed, "words")


@pytest.mark.parametrize("left", [0, 1, 16, 17, PIECE, PIECE + 31, PIECE + 32, PIECE + 33])
def test_a_file_cut_short_is_noticed(left: int) -> None:
    made = age_words.encrypt(bytes(2 * PIECE), "words")
    head = age_words.parse_head(made)
    assert head is not None
    with pytest.raises(DamagedError):
        opened(made[: head.size + left], "words")


def test_what_follows_the_end_is_noticed() -> None:
    for size in (5, PIECE):
        with pytest.raises(DamagedError):
            opened(age_words.encrypt(bytes(size), "words") + b"x", "words")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"age-encryption.org/v1\n-> X25519 abc\nabc\n--- abc\n",
        b"age-encryption.org/v2\n",
        age_words.MAGIC + b"-> scrypt " + b"A" * 21 + b"B 17\n" + b"A" * 43 + b"\n--- " + b"A" * 43,
    ],
)
def test_what_is_no_such_head(head: bytes) -> None:
    assert age_words.parse_head(head) is None
