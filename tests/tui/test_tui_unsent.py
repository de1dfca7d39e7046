"""What waits is written down as it changes, one write at a time, and never too late."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from pocket_agent.tui.unsent import Unsent


class Disk:
    """Notes what is written; each write waits for `gate`."""

    def __init__(self) -> None:
        self.waits: list[str] = []
        self.written: list[list[str]] = []
        self.gate = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.unsent = Unsent(lambda: list(self.waits), self._write, self._spawn)

    async def _write(self, texts: list[str]) -> None:
        self.written.append(texts)
        await self.gate.wait()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))


async def test_what_changes_during_a_write_is_written_after_it() -> None:
    disk = Disk()
    disk.waits = ["one"]
    disk.unsent.keep()
    await asyncio.sleep(0)
    disk.waits = ["one", "two"]
    disk.unsent.keep()
    assert (len(disk.tasks), disk.written) == (1, [["one"]])
    disk.gate.set()
    await disk.tasks[0]
    assert disk.written == [["one"], ["one", "two"]]


async def test_what_is_on_the_disk_already_is_not_written_again() -> None:
    disk = Disk()
    disk.waits = disk.unsent.kept = ["one"]
    disk.unsent.keep()
    assert disk.tasks == []
    disk.waits = []
    disk.gate.set()
    disk.unsent.keep()
    await disk.tasks[0]
    assert disk.written == [[]]
