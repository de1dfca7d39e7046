"""Messages that are on the screen and on no disk yet: written down, so that no crash loses them."""

from collections.abc import Awaitable, Callable

from pocket_agent.tui.view import Spawn


class Unsent:
    """Keeps on the disk what waits on the screen, one write at a time.

    Args:
        read: what waits now, in its order.
        write: puts that in the place of what was written before; a failure is told by it.
        spawn: runs a coroutine in the background.
    """

    def __init__(
        self,
        read: Callable[[], list[str]],
        write: Callable[[list[str]], Awaitable[None]],
        spawn: Spawn,
    ) -> None:
        self._read = read
        self._write = write
        self._spawn = spawn
        self._writing = False
        self.kept: list[str] = []
        """What is on the disk, or on its way there."""

    def keep(self) -> None:
        """Have what waits written down, if that has changed."""
        if not self._writing and self.kept != self._read():
            self._writing = True
            self._spawn(self._write_down())

    async def _write_down(self) -> None:
        try:
            while self.kept != (unsent := self._read()):
                self.kept = unsent
                await self._write(unsent)
        finally:
            self._writing = False
