"""Real file systems that are soon full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk_at(folder: Path, options: str) -> Iterator[Path]:
    """A tmpfs on a new folder, such as of "size=1m"; the test is skipped where none may be made."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"{options},mode=700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, timeout=30, check=False)
    except FileNotFoundError:
        pytest.skip("no mount here: other tests refuse the writes")
    if done.returncode != 0:
        pytest.skip("may not mount a tmpfs here: other tests refuse the writes")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=30)
