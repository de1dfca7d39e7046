"""What the tests of the command line share."""

import signal
from typing import Any


def heed_ctrl_c() -> None:
    """For `preexec_fn`: a run in the background may have been started deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def complaint(said: Any, code: int = 1) -> str:
    """The one line of a command that failed as it should: no traceback, nothing on stdout."""
    assert said.code == code, said
    assert said.out == ""
    lines = said.err.splitlines()
    assert "Traceback" not in said.err
    assert lines, said
    last = str(lines[-1])
    assert last.startswith("pocket-agent"), said.err
    assert "unexpected error" not in last
    return last
