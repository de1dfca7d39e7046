"""Bad files: each a line that says what is wrong, in bounded time and memory."""

import json
import os
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_samples import chatgpt, claude, mem0, written, zipped

from pocket_agent.errors import PortableError
from pocket_agent.portable.importers import files, json_items
from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.json_items import values
from pocket_agent.portable.importers.registry import IMPORTERS, detect

GPT = json.dumps([chatgpt()]).encode()


def complaint(path: Path, name: str = "chatgpt") -> str:
    with pytest.raises(PortableError) as caught, ImportFile(path) as file:
        list(IMPORTERS[name].read(file))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def put(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        (b" \n\t ", "The file is empty"),
        (b"\xef\xbb\xbf", "The file is empty"),
        (GPT[:-40], "cut short"),
        (GPT[: len(GPT) // 2], "cut short"),
        (GPT + b"[]", "follows the end"),
        (b"[}", "brackets don't match"),
        (b"[{]", "cut short"),
        (b"[,]", "Entry 1 of the file is not JSON"),
        (b'[{"mapping": {}},]', "Entry 2 of the file is not JSON"),
        (b'[{"mapping": nul}]', "Entry 1 of the file is not JSON"),
        (b'[{"mapping": {}, "n": NaN}]', "is not JSON"),
        (b'[{"mapping": {}, "n": ' + b"9" * 5000 + b"}]", "is not JSON"),
        (b'["caf\xe9"]', "is not UTF-8"),
        ("[]".encode("utf-16"), "not"),
        (b"[" * 100_000, "nested more than 64 deep"),
        (b'[{"a":' * 70 + b"1" + b"}]" * 70, "nested more than 64 deep"),
        (b"[3]", "Entry 1 of the file can't be used"),
        (b'[{"mapping": []}]', "Entry 1 of the file can't be used"),
        (b'{"conversations": []}', "Entry 1 of the file can't be used"),
        (b'[{"mapping": {}}, {"chat_messages": []}]', "Entry 2 of the file can't be used"),
        (b"hello", "is not JSON"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in complaint(put(tmp_path, data))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("claude", b'[{"chat_messages": {}}]', "no conversation of Claude's"),
        ("mem0", b'{"results": [{"id": 1}]}', "no memory of mem0's"),
        ("mem0", b'{"results": {}}', "no memory of mem0's"),
        ("mem0", b'[{"memory": 5}]', "no memory of mem0's"),
        ("markdown", b"no list", "holds no list"),
        ("markdown", b"- caf\xe9", "not UTF-8"),
    ],
)
def test_other_formats_too(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    assert words in complaint(put(tmp_path, data), name)


def test_places_that_are_no_file(tmp_path: Path) -> None:
    assert "is a folder" in complaint(tmp_path)
    assert "can't be read" in complaint(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    assert "not a plain file" in complaint(tmp_path / "pipe"), "and nobody waits for a writer"


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, [chatgpt()])
    monkeypatch.setattr(json_items, "MAX_ENTRY", 500)
    assert "larger than 8 MB" in complaint(path)
    monkeypatch.setattr(json_items, "MAX_ENTRY", 5_000)
    monkeypatch.setattr(json_items, "MAX_ENTRIES", 2)
    assert "more than 2 entries" in complaint(written(tmp_path, [chatgpt()] * 3))
    monkeypatch.setattr(files, "MAX_FILE", 100)
    assert "larger than 2 GB" in complaint(path)


def test_one_conversation_at_a_time_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 16 * 1024)
    path = written(tmp_path, [chatgpt()] * 300)
    assert path.stat().st_size > 500_000
    tracemalloc.start()
    try:
        with ImportFile(path) as file:
            count = sum(1 for _ in IMPORTERS["chatgpt"].read(file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 300
    assert peak < 300_000


# .zip


def test_a_zip_is_read_in_place(tmp_path: Path) -> None:
    parts = {
        "conversations-001.json": json.dumps([chatgpt("c-2")]).encode(),
        "conversations-000.json": GPT,
        "user.json": b"{",
        "../../conversations.json": b"[3]",
        "/conversations.json": b"[3]",
        "deep/er/conversations.json": b"[3]",
        "..\\conversations.json": b"[3]",
    }
    before = sorted(tmp_path.parent.rglob("*"))
    path = zipped(tmp_path, parts)
    with ImportFile(path) as file:
        names = [found.name for found in IMPORTERS["chatgpt"].read(file)]
        again = [found.name for found in IMPORTERS["chatgpt"].read(file)]
    assert names == again == ["c-1", "c-2"], (
        "in the order of their names, the strange ones left out"
    )
    assert sorted(tmp_path.parent.rglob("*")) == sorted([*before, path]), "nothing is unpacked"


def test_a_zip_without_conversations(tmp_path: Path) -> None:
    assert "holds no conversations.json" in complaint(zipped(tmp_path, {"a.json": b"[]"}))


def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    bomb = b'[{"mapping": {}, "x": "' + b"a" * 60_000_000 + b'"}]'
    path = zipped(tmp_path, {"conversations.json": bomb})
    assert path.stat().st_size < 100_000
    assert "larger than 8 MB" in complaint(path)
    many = b"[" + b'{"mapping": {}},' * 4_000_000 + b"{}]"
    path = zipped(tmp_path, {"conversations.json": many})
    with ImportFile(path) as file:
        texts = file.texts()
        pieces = next(texts)
        with pytest.raises(PortableError, match="far more than it should"):
            list(pieces)


def test_a_table_of_contents_without_end_is_not_read(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"conversations.json": GPT})
    data = bytearray(path.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    struct.pack_into("<L", data, end + 12, 0xFFFFFFFF)
    path.write_bytes(data)
    assert "too many files" in complaint(path)


def test_unusual_packing_and_encryption(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("conversations.json", GPT)
    assert "unusual way" in complaint(path)
    path = zipped(tmp_path, {"conversations.json": GPT})
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + at] |= 1
    path.write_bytes(data)
    assert "encrypted" in complaint(path)


def test_a_changed_zip_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("conversations.json", GPT)
    path.write_bytes(path.read_bytes().replace(b"near the tower", b"over the river"))
    assert "damaged" in complaint(path)
    path.write_bytes(path.read_bytes()[:-30])
    assert "cut short" in complaint(path)


# properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=6), st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_list_in_any_pieces_is_what_json_says(
    held: list[Any], size: int, ascii_only: bool, indent: int | None
) -> None:
    data = json.dumps(held, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "replace")
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(values(pieces)) == json.loads(data)


@given(JSON.filter(lambda value: not isinstance(value, list)), st.integers(1, 9))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything_else_is_one_value(held: Any, size: int) -> None:
    data = json.dumps(held).encode()
    assert list(values(data[at : at + size] for at in range(0, len(data), size))) == [held]


def mutated(data: bytes, random_: random.Random) -> bytes:
    """The data with a few bytes cut, doubled, changed or put elsewhere."""
    made = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        at, size = random_.randrange(len(made)), random_.randint(1, 30)
        part = made[at : at + size]
        match random_.randrange(5):
            case 0:
                del made[at : at + size]
            case 1:
                made[at:at] = part * random_.randint(1, 3)
            case 2:
                made[at] = random_.randrange(256)
            case 3:
                made[at:at] = random_.choice(
                    [b'"', b"[", b"}", b"null", b"\\ud800", b"1e999", b"{}"]
                )
            case _:
                del made[at:]
        if not made:
            break
    return bytes(made)


def packed(data: bytes) -> bytes:
    """A .zip of one file, made by hand."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    name = b"conversations.json"
    head = struct.pack(
        "<3H4s3L2H", 20, 0, 8, b"\0\0\0!", zlib.crc32(data), len(body), len(data), len(name), 0
    )
    local = b"PK\x03\x04" + head + name + body
    entry = (
        b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<3H2L", 0, 0, 0, 0, 0) + name
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)
    return local + entry + end


SEEDS: list[Callable[[], bytes]] = [
    lambda: GPT,
    lambda: json.dumps([claude(), claude("u-2")]).encode(),
    lambda: json.dumps(mem0("Loves hiking", "Has a cat")).encode(),
    lambda: packed(GPT),
    lambda: b"# Food\n- likes ramen\n- home: Porto\n",
]


@pytest.mark.parametrize("which", range(len(SEEDS)))
def test_a_damaged_file_is_a_line_or_is_read(tmp_path: Path, which: int) -> None:
    random_ = random.Random(which)
    data, told = SEEDS[which](), []
    for _ in range(250):
        path = put(tmp_path, mutated(data, random_) or b"\0")
        try:
            reader = detect(path)
            for name in [reader.name] if reader else list(IMPORTERS):
                with ImportFile(path) as file:
                    list(IMPORTERS[name].read(file))
        except PortableError as error:
            told.append(str(error))
    assert told
    assert all("\n" not in line for line in told)
