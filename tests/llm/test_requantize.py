"""The faster copy is made once, whole or not at all, and never where there is no room."""

import asyncio
import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from gguf_files import gguf, model_values, tensor

from pocket_agent.llm import requantize
from pocket_agent.llm.gguf_header import GGUFHeader, check_model
from pocket_agent.llm.models import bundled_model
from pocket_agent.llm.requantize import Copy, Verdict, faster_copy, is_slow, verify_copy

Q4_1, Q8_0 = 3, 8


class Disk(NamedTuple):
    free: int


@pytest.fixture(scope="module")
def bundled() -> GGUFHeader:
    path = bundled_model()
    assert path is not None
    return check_model(path)


def test_only_small_files_in_the_slow_format_are_worth_it(
    bundled: GGUFHeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_slow(bundled)
    for kind, worth in ((Q4_1, True), (Q8_0, False), (0, False)):
        path = tmp_path / f"{kind}.gguf"
        path.write_bytes(gguf(model_values(), (tensor("token_embd.weight", (64, 2), kind),)))
        assert is_slow(check_model(path)) is worth
    monkeypatch.setattr(requantize, "_LARGEST", 10)
    assert not is_slow(bundled)


async def test_where_none_may_be_made_nothing_is_written(
    bundled: GGUFHeader, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    used = await faster_copy(bundled, folder, lambda *_: None, make=False)
    assert used == Copy(bundled.path)
    assert not folder.exists()


@pytest.mark.slow
async def test_a_copy_is_made_once(bundled: GGUFHeader, tmp_path: Path) -> None:
    steps: list[float] = []
    made = (await faster_copy(bundled, tmp_path, lambda _, done: steps.append(done))).file
    copy = check_model(made)
    assert copy.main_kind == Q8_0
    assert copy.parameters == bundled.parameters
    assert copy.values["tokenizer.chat_template"] == bundled.values["tokenizer.chat_template"]
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    noted = tmp_path / f"{made.name}.sha256"
    assert {path.name for path in tmp_path.iterdir()} == {made.name, noted.name}
    assert noted.read_text() == f"{hashlib.sha256(made.read_bytes()).hexdigest()}\n"
    assert verify_copy(bundled, tmp_path) == Verdict(made, found=True, sound=True)
    stamp = made.stat().st_mtime_ns
    assert await faster_copy(bundled, tmp_path, lambda *_: None) == Copy(made)
    assert made.stat().st_mtime_ns == stamp
    # A copy that was damaged is made again, and leftovers go.
    made.write_bytes(made.read_bytes()[:1000])
    family = made.name.rsplit(".", 3)[0]
    outdated = tmp_path / f"{family}.{'0' * 16}.Q8_0.gguf"
    stale, busy = tmp_path / f"{made.name}.1.part", tmp_path / f"{made.name}.2.part"
    for path in (outdated, tmp_path / f"{outdated.name}.sha256", stale, busy):
        path.write_bytes(b"x")
    os.utime(stale, (time.time() - 9999,) * 2)
    assert await faster_copy(bundled, tmp_path, lambda *_: None) == Copy(made)
    assert check_model(made).main_kind == Q8_0
    assert {path.name for path in tmp_path.iterdir()} == {made.name, noted.name, busy.name}
    # Damage that leaves the header whole is found by the hash alone.
    with made.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(b"\xff" * 100)
    assert verify_copy(bundled, tmp_path).sound is False
    noted.unlink()
    assert verify_copy(bundled, tmp_path) == Verdict(made, found=True, sound=None)
    made.unlink()
    assert verify_copy(bundled, tmp_path) == Verdict(made, found=False)


async def test_without_room_the_file_is_used_as_it_is(
    bundled: GGUFHeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(free=200 * 2**20))
    used = await faster_copy(bundled, tmp_path, lambda what, _: said.append(what))
    assert used == Copy(bundled.path, said[-1])
    assert "Too little disk space" in said[-1]
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_can_not_be_made_is_no_room(
    bundled: GGUFHeader, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    used = await faster_copy(bundled, tmp_path / "file" / "cache", lambda *_: None)
    assert used.file == bundled.path


@pytest.mark.slow
async def test_what_can_not_be_converted_is_used_as_it_is(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(gguf(model_values(), (tensor("token_embd.weight", (64, 2), Q4_1),)))
    said: list[str] = []
    cache = tmp_path / "cache"
    used = await faster_copy(check_model(broken), cache, lambda what, _: said.append(what))
    assert used == Copy(broken, said[-1])
    assert said[-1] == "A faster copy could not be made; using the file as it is"
    assert list(cache.iterdir()) == []


@pytest.mark.slow
async def test_a_conversion_that_is_cancelled_leaves_nothing(
    bundled: GGUFHeader, tmp_path: Path
) -> None:
    written = asyncio.Event()
    making = asyncio.create_task(
        faster_copy(bundled, tmp_path, lambda _, done: written.set() if done > 0 else None)
    )
    await asyncio.wait_for(written.wait(), 60)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
async def test_a_disk_that_fills_up_half_way_leaves_nothing(
    bundled: GGUFHeader, tmp_path: Path
) -> None:
    import resource

    said: list[str] = []
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40 * 2**20, limits[1]))
    try:
        used = await faster_copy(bundled, tmp_path, lambda what, _: said.append(what))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert used == Copy(bundled.path, said[-1])
    assert "using the file as it is" in said[-1]
    assert list(tmp_path.iterdir()) == []
