"""The one process that may use the network: it gets one file from a model hub, and ends.

`python -m pocket_agent.llm.hub_child ORDER`, where ORDER is a packed `download.Order`. JSON lines
go to stdout. Every other process keeps the switches of `pocket_agent.NO_NETWORK`; here, before any
library is imported, those that forbid the hub are lifted. What forbids telemetry and a token that
the person did not set stays.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from pocket_agent.errors import DiskFullError, PocketAgentError
from pocket_agent.llm.download import Order, download
from pocket_agent.llm.lifeline import die_with_parent, end_with_stdin, ignore_interrupts

_LIFTED = {
    "HF_HUB_OFFLINE": "0",
    "TRANSFORMERS_OFFLINE": "0",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
_TELLTALE = ("HF_DEBUG",)
"""It has the library write each request to stderr, with its token."""


def main(arguments: list[str]) -> int:
    """Get the file that the first argument asks for."""
    die_with_parent()
    end_with_stdin()
    ignore_interrupts()
    os.environ.update(_LIFTED)
    for name in _TELLTALE:
        os.environ.pop(name, None)
    try:
        order = json.loads(arguments[0])
        path = download(Order(**{**order, "folder": Path(order["folder"])}), _say)
        _say("done", path=str(path))
        return 0
    except PocketAgentError as error:
        full = isinstance(error, DiskFullError)
        _say("failed", what=error.what, todo=error.todo, full=full)
    except Exception as error:
        _say("failed", what=f"The download failed ({type(error).__name__}: {error})", todo="")
    return 1


def _say(kind: str, **fields: Any) -> None:
    print(json.dumps({"kind": kind} | fields), flush=True)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the lifeline's thread waits for ever
