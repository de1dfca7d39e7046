"""The disk is full at every write of every deed: one line says so, and all is as before.

Every third write is tried; FULL_DISK_STEP=1 tries each.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STEP = os.environ.get("FULL_DISK_STEP", "3")
PATIENCE = 1700 * max(1, 3 // int(STEP))
"""Seconds for one deed: every write is a process of its own, and the computer may be busy."""
IMPORTS = ("import", "replace", "forget-too", "foreign")
OTHERS = ("export", "migrate", "encrypt", "rekey", "decrypt", "forget", "undo", "chat")
DEEDS = (*IMPORTS, *OTHERS)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands before the C library and refuses to write."""
    if sys.platform != "linux":
        pytest.skip("the shim is of Linux")
    made = tmp_path_factory.mktemp("shim") / "full_disk.so"
    source = HERE / "full_disk.c"
    build = ["cc", "-shared", "-fPIC", "-O1", "-o", str(made), str(source), "-ldl"]
    try:
        done = subprocess.run(build, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        pytest.skip("there is no C compiler here")
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE + 100)
@pytest.mark.parametrize("deed", DEEDS)
def test_full_at_every_write_it_says_so_and_all_is_as_before(shim: Path, deed: str) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "full_disk_deeds.py"), deed, STEP],
        env={
            **os.environ,
            "LD_PRELOAD": str(shim),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join((str(HERE.parents[1]), os.environ["PYTHONPATH"])),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == 0, done.stderr
    assert told["writes"] > 15
    assert told["refused"] > 3
