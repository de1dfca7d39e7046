"""Pulling a model: from a name to a file in the models' folder, by a process of its own."""

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

from pocket_agent.errors import DiskFullError, ModelError
from pocket_agent.llm.catalogue import find
from pocket_agent.llm.child_process import apart
from pocket_agent.llm.download import Order, endpoint_from
from pocket_agent.llm.models import ModelShelf, plain_name

_HUB_FILE = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/((?:[\w][\w. -]*/)*[\w][\w. -]*)")
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
_AVAILABLE = "See: pocket-agent models list --available"


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a pull is, in bytes; `note` is something to say beside it."""

    done: int = 0
    size: int = 0
    note: str = ""

    @property
    def share(self) -> float:
        """In [0, 1]."""
        return self.done / self.size if self.size else 0.0


Report = Callable[[Reached], None]


def order_for(shelf: ModelShelf, what: str, name: str = "") -> Order:
    """What to bring for a name of the catalogue, or for OWNER/REPO/FILE.gguf of the hub.

    Args:
        name: what to call the model; empty for the catalogue's name, or that of the file.

    Raises:
        ModelError: there is no such name, it is taken, or it isn't a file we can pull.
    """
    known = find(what)
    if known is not None:
        repo, file, sha256 = known.repo, known.file, known.sha256
    else:
        (repo, file), sha256 = _parts(what), ""
    name = shelf.free_name(name or (known.name if known else plain_name(Path(file).stem)))
    return Order(endpoint_from(os.environ), repo, file, shelf.folder, name, sha256)


async def fetch(order: Order, report: Report) -> Path:
    """Bring the file. Cancelling it leaves what came so far, for the next time.

    Returns:
        The file, whole and checked, not on the shelf yet.

    Raises:
        ModelError: the hub doesn't give it, or gives something else. DiskFullError: no room.
    """
    order.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with _child(order) as output:
        async for line in output:
            said = json.loads(line)
            match said.pop("kind"):
                case "at":
                    report(Reached(said["done"], said["size"]))
                case "note":
                    report(Reached(note=said["text"]))
                case "done":
                    return Path(said["path"])
                case "failed":
                    raise _error(said)
    raise ModelError("The download ended unexpectedly", "Run the same again to go on from there.")


def held(order: Order) -> int:
    """How many bytes of a file are here that is not whole yet."""
    return sum(part.stat().st_size for part in order.folder.glob(f"{order.name}.*.part"))


def _error(said: dict[str, Any]) -> ModelError | DiskFullError:
    kind = DiskFullError if said.get("full") else ModelError
    return kind(said["what"], said["todo"])


def _parts(what: str) -> tuple[str, str]:
    """The repository and the file."""
    found = _HUB_FILE.fullmatch(what)
    if found is None:
        raise ModelError(f"There is no model called {what!r}", f"{_AVAILABLE}, or OWNER/REPO/FILE")
    if not what.lower().endswith(".gguf"):
        raise ModelError(f"{what} is no model file (.gguf)", "Name a file: OWNER/REPO/FILE.gguf")
    if _SPLIT.search(what.lower()):
        raise ModelError(
            f"{what} is one part of a model in several files",
            "Get all of them, then: pocket-agent models add THE-FIRST",
        )
    return found[1], found[2]


@asynccontextmanager
async def _child(order: Order) -> AsyncIterator[asyncio.StreamReader]:
    """The process that may use the network, which ends with the block."""
    packed = json.dumps(asdict(order) | {"folder": str(order.folder)})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "pocket_agent.llm.hub_child", packed),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        **apart(),
    )
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
