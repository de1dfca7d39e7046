"""The header check names what is wrong with a file, and never hands llama.cpp a fatal one."""

import os
import struct
from pathlib import Path

import pytest
from gguf_files import gguf, model_values, string, strings, tensor, u32

from pocket_agent.errors import ModelError
from pocket_agent.llm.gguf_header import BLOCKS, check_adapter, check_model, read_header
from pocket_agent.llm.models import bundled_model


def write(folder: Path, data: bytes, name: str = "some.gguf") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_the_bundled_model_is_read_as_what_it_is() -> None:
    path = bundled_model()
    assert path is not None
    header = check_model(path)
    assert header.architecture == "llama"
    assert header.parameters == 134_515_008
    assert header.trained_tokens == 8192
    assert header.main_kind == 3
    assert max(tensor.end for tensor in header.tensors) == path.stat().st_size


def test_a_small_model_passes(tmp_path: Path) -> None:
    header = check_model(write(tmp_path, gguf(model_values())))
    assert (header.name, header.kind, header.parameters) == ("Tiny", "model", 128)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model file"):
        check_model(tmp_path / "none.gguf")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder"):
        check_model(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="named pipes are a POSIX thing")
def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(ModelError, match="is not a file"):
        check_model(tmp_path / "pipe.gguf")


def test_an_unreadable_file(tmp_path: Path) -> None:
    path = write(tmp_path, gguf(model_values()))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ModelError, match="can't be read"):
        check_model(path)


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"some\.gguf is empty"):
        check_model(write(tmp_path, b""))


@pytest.mark.parametrize("data", [b"Dear diary,\nhello", b"GG", b"\x7fELF" + bytes(100)])
def test_something_else(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError, match="is not a GGUF file"):
        check_model(write(tmp_path, data))


def test_every_truncation_is_told_as_one(tmp_path: Path) -> None:
    whole = gguf(model_values())
    for length in range(5, len(whole), 7):
        with pytest.raises(ModelError, match=r"cut short|claims|holds no model|not a GGUF"):
            check_model(write(tmp_path, whole[:length]))


def test_the_missing_bytes_are_counted(tmp_path: Path) -> None:
    whole = gguf(model_values())
    with pytest.raises(ModelError, match=f"{len(whole) - 1:,} of {len(whole):,} bytes"):
        check_model(write(tmp_path, whole[:-1]))


@pytest.mark.parametrize("version", [0, 1, 4, 3 << 24])
def test_another_version(tmp_path: Path, version: int) -> None:
    with pytest.raises(ModelError, match="version"):
        check_model(write(tmp_path, gguf(model_values(), version=version)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"llama__block_count": u32(0)}, "block_count is 0"),
        ({"llama__block_count": u32(2**31)}, "block_count is 2147483648"),
        ({"llama__block_count": None}, "block_count is missing"),
        ({"llama__block_count": string("two")}, "block_count is two"),
        ({"llama__embedding_length": u32(0)}, "embedding_length is 0"),
        ({"llama__context_length": u32(0)}, "context_length is 0"),
        ({"general__architecture": None}, "holds no model"),
        ({"tokenizer__ggml__tokens": None}, "no vocabulary"),
        ({"tokenizer__ggml__tokens": strings([])}, "no vocabulary"),
        ({"general__type": string("adapter")}, "of type adapter"),
        ({"general__alignment": u32(0)}, "alignment is 0"),
    ],
)
def test_absurd_metadata(tmp_path: Path, changed: dict[str, bytes | None], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_model(write(tmp_path, gguf(model_values(**changed))))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (struct.pack("<IIQ", 9, 9, 1), "a list is of an unknown type"),
        (struct.pack("<IIQ", 9, 4, 2**60), "cut short"),
        (struct.pack("<IIQ", 9, 8, 2**60), "claims"),
        (struct.pack("<IQ", 8, 2**63), "cut short"),
        (struct.pack("<I", 99), "unknown type"),
    ],
)
def test_absurd_values(tmp_path: Path, raw: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_model(write(tmp_path, gguf(model_values(llama__attention__head_count=raw))))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (tensor("t", shape=(0, 2)), "wrong shape"),
        (tensor("t", shape=(33, 2), kind=8), "wrong shape"),
        (tensor("t", kind=4), "unknown type"),
        (tensor("t", kind=2**31), "unknown type"),
        (tensor("t", shape=(1, 1, 1, 1, 1)), "5 dimensions"),
        (tensor("t", offset=2**62), "cut short"),
        (tensor("t", shape=(2**62, 2**62)), "cut short"),
    ],
)
def test_absurd_tensors(tmp_path: Path, entry: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_model(write(tmp_path, gguf(model_values(), (entry,))))


def test_absurd_counts_are_refused_at_once(tmp_path: Path) -> None:
    data = bytearray(gguf(model_values()))
    data[8:16] = (2**60).to_bytes(8, "little")
    with pytest.raises(ModelError, match="claims"):
        check_model(write(tmp_path, bytes(data)))


def test_a_part_of_a_split_model(tmp_path: Path) -> None:
    first = gguf(model_values(split__count=u32(2), split__no=u32(0)))
    second = gguf(model_values(split__count=u32(2), split__no=u32(1)))
    one = write(tmp_path, first, "m-00001-of-00002.gguf")
    with pytest.raises(ModelError, match=r"m-00002-of-00002\.gguf is missing"):
        check_model(one)
    two = write(tmp_path, second, "m-00002-of-00002.gguf")
    assert check_model(one).name == "Tiny"
    with pytest.raises(ModelError, match="one part of 2"):
        check_model(two)


def test_an_adapter_is_told_from_a_model(tmp_path: Path) -> None:
    adapter = {
        "general.architecture": string("llama"),
        "general.type": string("adapter"),
        "adapter.type": string("lora"),
    }
    path = write(tmp_path, gguf(adapter, (tensor("blk.0.attn_q.weight.lora_a"),)))
    assert check_adapter(path).kind == "adapter"
    with pytest.raises(ModelError, match="of type adapter"):
        check_model(path)
    with pytest.raises(ModelError, match="not a LoRA adapter"):
        check_adapter(write(tmp_path, gguf(model_values()), "model.gguf"))
    with pytest.raises(ModelError, match="is empty"):
        check_adapter(write(tmp_path, gguf(adapter, ()), "none.gguf"))


def test_random_damage_never_escapes_as_another_error(tmp_path: Path) -> None:
    import random

    whole, dice = gguf(model_values()), random.Random(7)
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data) - 512)] = dice.randrange(256)
        try:
            read_header(write(tmp_path, bytes(data)))
        except ModelError:
            refused += 1
    assert refused > 100


def test_block_sizes_are_those_of_the_installed_llama_cpp() -> None:
    import ctypes

    from llama_cpp import _ggml
    from llama_cpp._ctypes_extensions import load_shared_library

    base = load_shared_library("ggml-base", _ggml.libggml_base_path)
    base.ggml_blck_size.restype = ctypes.c_int64
    base.ggml_type_size.restype = ctypes.c_size_t
    theirs = {kind: (base.ggml_blck_size(kind), base.ggml_type_size(kind)) for kind in range(43)}
    assert {kind: sizes for kind, sizes in theirs.items() if sizes[0]} == BLOCKS
