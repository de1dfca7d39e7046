"""A faster copy of a slow model file, made once and kept in the cache folder.

On CPUs Q4_1 computes a prompt at half the speed of Q8_0, at the same quality; a small model can
afford the larger file.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

from pocket_agent.errors import DiskFullError, ModelError
from pocket_agent.llm.child_process import apart
from pocket_agent.llm.gguf_header import GGUFHeader, check_model
from pocket_agent.llm.protocol import Progress
from pocket_agent.whole_file import replacing, sync_folder

_SLOW = 3
"""ggml's number of Q4_1."""
_LARGEST = 512 * 1024 * 1024
"""Bytes; beyond it the copy's size would cost more in decoding than it saves in prefill."""
_SPARE = 256 * 1024 * 1024
"""Bytes of disk to leave free."""
_SAMPLES, _SAMPLE = 16, 65536
_STALE_S = 3600
_WHAT = "Preparing the model (only this once)"
_HASH = ".sha256"
"""Ends the name of the file beside a copy that holds its SHA-256."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is to be loaded for a slow file.

    Args:
        file: the copy, or the file itself. note: why there is no copy; empty where there is one.
    """

    file: Path
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the copy of a slow file found.

    Args:
        path: where it is, or would be. found: it is there.
        sound: it is what was made; None where no hash was noted.
    """

    path: Path
    found: bool
    sound: bool | None = None


def is_slow(header: GGUFHeader) -> bool:
    """Would a Q8_0 copy of this file be worth its place?"""
    return header.main_kind == _SLOW and header.file_size <= _LARGEST


async def faster_copy(
    header: GGUFHeader, folder: Path, progress: Progress, *, make: bool = True
) -> Copy:
    """The Q8_0 copy of a slow file, made now if there is none yet.

    Args:
        folder: where copies are kept.
        make: make one; otherwise only one that is there is used, and nothing is written.

    Returns:
        The copy, or the file itself where none can be made, and why; progress says so too.
    """
    target = await asyncio.to_thread(_target, header, folder)
    if await asyncio.to_thread(_is_sound, target):
        return Copy(target)
    if not make:
        return Copy(header.path)
    needed = _copy_size(header)
    free = _free_space(folder)
    if free < needed + _SPARE:
        gib = (needed + _SPARE) / 2**30
        note = f"Too little disk space for a faster copy ({gib:.1f} GiB); using the file as it is"
    else:
        try:
            await _make(header.path, target, needed, progress)
        except ModelError as error:
            note = f"{error.what}; using the file as it is"
        else:
            return Copy(target)
    progress(note, 1.0)
    return Copy(header.path, note)


def verify_copy(header: GGUFHeader, folder: Path) -> Verdict:
    """Whether the copy of a slow file is still what was made: all of it is read.

    Raises:
        OSError: it can't be read.
    """
    target = _target(header, folder)
    if not target.exists():
        return Verdict(target, found=False)
    noted = _beside(target)
    if not noted.exists():
        return Verdict(target, found=True)
    return Verdict(target, True, noted.read_text("ascii", "replace").strip() == _sha256(target))


async def _make(source: Path, target: Path, needed: int, progress: Progress) -> None:
    """Convert into a temporary name, then rename: never a half-written copy, nor after a cut."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        await _convert(source, part, needed, progress)
        await asyncio.to_thread(check_model, part)
        await asyncio.to_thread(_keep, part, target)
    except DiskFullError as error:
        raise ModelError(error.what) from error
    except OSError as error:
        raise ModelError(f"The copy can't be kept ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    for old in _outdated(target):
        with contextlib.suppress(OSError):
            old.unlink()


def _keep(part: Path, target: Path) -> None:
    """Put a whole copy in its place, with its hash, once both are on the disk."""
    with part.open("r+b") as file:
        os.fsync(file.fileno())
    with replacing(_beside(target)) as file:
        file.write(f"{_sha256(part)}\n".encode("ascii"))
    part.replace(target)
    sync_folder(target.parent)


def _beside(copy: Path) -> Path:
    return copy.with_name(copy.name + _HASH)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _convert(source: Path, part: Path, needed: int, progress: Progress) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "pocket_agent.llm.one_shot", "requantize"),
        *(str(source), str(part)),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
        **apart(),
    )
    waiting = asyncio.ensure_future(process.wait())
    try:
        while not waiting.done():
            progress(_WHAT, min(_size(part) / needed, 0.99))
            await asyncio.wait({waiting}, timeout=0.1)
    finally:
        if not waiting.done():
            process.kill()
            await waiting
    if process.returncode != 0:
        raise ModelError("A faster copy could not be made")
    progress(_WHAT, 1.0)


def _target(header: GGUFHeader, folder: Path) -> Path:
    """The copy's name: it changes with the source's content, and holds its place."""
    place = hashlib.sha256(os.fsencode(header.path.absolute())).hexdigest()[:8]
    return folder / f"{header.path.stem}.{place}.{_fingerprint(header)}.Q8_0.gguf"


def _fingerprint(header: GGUFHeader) -> str:
    """A hash of the header and of samples throughout the data: milliseconds, not seconds."""
    digest = hashlib.sha256(str(header.file_size).encode())
    with header.path.open("rb") as file:
        digest.update(file.read(header.data_start))
        step = max((header.file_size - header.data_start) // _SAMPLES, 1)
        for start in range(header.data_start, header.file_size, step):
            file.seek(start)
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()[:16]


def _is_sound(copy: Path) -> bool:
    if not copy.exists():
        return False
    try:
        check_model(copy)
    except ModelError:
        return False
    return True


def _copy_size(header: GGUFHeader) -> int:
    """Bytes of a Q8_0 copy: 34 for 32 weights."""
    return header.data_start + header.parameters * 34 // 32


def _free_space(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _outdated(target: Path) -> Iterator[Path]:
    """Copies of what stood at the same place before, and parts that were left behind."""
    family = _family(target)
    for other in target.parent.glob("*.Q8_0.gguf*"):
        if other.name.endswith(".part"):
            with contextlib.suppress(OSError):
                if time.time() - other.stat().st_mtime > _STALE_S:
                    yield other
        elif other not in (target, _beside(target)) and _family(other) == family:
            yield other


def _family(copy: Path) -> str:
    """What the copies of one place, and the hashes beside them, have in common."""
    return copy.name.removesuffix(_HASH).rsplit(".", 3)[0]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
