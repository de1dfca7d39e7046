"""The process keeps to itself: no core dumps, private files, no passphrase for children."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, resource, subprocess, sys
from pocket_agent import secrecy

secrecy.close_to_others()
secrecy.take_passphrases()
with open(sys.argv[1], "w"):
    pass
child = subprocess.run(["env"], capture_output=True, text=True).stdout
print(json.dumps({
    "mode": os.stat(sys.argv[1]).st_mode & 0o777,
    "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    "known": secrecy.passphrase_from_environment(),
    "new": secrecy.passphrase_from_environment(secrecy.NEW_PASSPHRASE),
    "child": child,
}))
"""


@pytest.mark.skipif(os.name != "posix", reason="these are rules of Unix")
def test_nothing_leaks_to_others_to_crash_files_or_to_children(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "made")],
        capture_output=True,
        check=True,
        timeout=120,
        env={
            **os.environ,
            "POCKET_AGENT_PASSPHRASE": "sesame seeds",
            "POCKET_AGENT_NEW_PASSPHRASE": "poppy seeds",
        },
    )
    told = json.loads(done.stdout)
    assert (told["mode"], told["core"]) == (0o600, 0)
    assert (told["known"], told["new"]) == ("sesame seeds", "poppy seeds")
    assert "seeds" not in told["child"]
