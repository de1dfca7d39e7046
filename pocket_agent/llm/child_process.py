"""The engine's end of the pipes: starts the child, hands its replies out, notices its death."""

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
from typing import Any

from pocket_agent.errors import EngineDiedError, PocketAgentError
from pocket_agent.llm import wire
from pocket_agent.llm.wire import Record

_LINE_LIMIT = 16 * 1024 * 1024
_ENDINGS = ("done", "error")


class Call:
    """One request to the child, and its replies in order."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ended = asyncio.Event()
        self.started = False
        self.cancelled = False
        self._replies: asyncio.Queue[Record | PocketAgentError] = asyncio.Queue()

    async def next(self) -> Record:
        """The next reply.

        Raises:
            PocketAgentError: the child answered with an error, or died.
        """
        reply = await self._replies.get()
        if isinstance(reply, PocketAgentError):
            raise reply
        if reply["kind"] == "error":
            raise wire.unpack_error(reply)
        return reply

    async def result(self) -> Record:
        """The reply of a call that has one."""
        while True:
            reply = await self.next()
            if reply["kind"] == "done":
                return reply

    def put(self, reply: Record | PocketAgentError) -> None:
        """Hand a reply to whoever waits; an error or the last reply ends the call."""
        self.started = self.started or not isinstance(reply, PocketAgentError)
        self._replies.put_nowait(reply)
        if isinstance(reply, PocketAgentError) or reply["kind"] in _ENDINGS:
            self.ended.set()


class ChildProcess:
    """A running child. Make it with `spawn`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._calls: dict[int, Call] = {0: Call(0)}
        self.hello = self._calls[0]
        self.killed = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def spawn(cls) -> "ChildProcess":
        """Start it. It imports llama.cpp and then says hello.

        Raises:
            EngineDiedError: the system can't start another process.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # never import a llama_cpp.py or json.py out of the current folder
                "-m",
                "pocket_agent.llm.child",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get("POCKET_AGENT_ENGINE_LOG") else subprocess.DEVNULL,
                limit=_LINE_LIMIT,
                **apart(),
            )
        except OSError as error:
            raise EngineDiedError(
                f"The model's process can't be started ({error.strerror or error})"
            ) from error
        return cls(process)

    @property
    def alive(self) -> bool:
        return not self.killed and self._process.returncode is None and not self._reader.done()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def call(self, operation: str, **fields: Any) -> Call:
        """Send a request; its replies come to the Call."""
        call = Call(next(self._numbers))
        self._calls[call.number] = call
        if not self.alive:
            call.put(self._died())
            return call
        self._write({"id": call.number, "op": operation} | fields)
        with contextlib.suppress(ConnectionError):  # the reader reports the death
            await self._stdin.drain()
        return call

    def cancel(self, call: Call) -> None:
        """Ask the child to stop a call; its last reply then says "cancelled"."""
        if self.alive and not call.ended.is_set():
            call.cancelled = True
            self._write({"id": 0, "op": "cancel", "target": call.number})

    async def settle(self, call: Call, grace: float) -> None:
        """Stop a call within `grace` seconds, by killing the process if nothing else helps."""
        if call.ended.is_set():
            return
        self.cancel(call)
        try:
            await asyncio.wait_for(call.ended.wait(), grace)
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self.killed = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        """End the process at once and wait until it is gone."""
        self.kill()
        await self.close()

    async def close(self) -> None:
        """Let the process end by itself, or end it; wait until it is gone."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 1.0)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await self._reader

    @property
    def _stdin(self) -> asyncio.StreamWriter:
        stdin = self._process.stdin
        if stdin is None:
            raise EngineDiedError("The model's process has no input")
        return stdin

    def _write(self, record: Record) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._stdin.write(wire.encode(record))

    async def _read(self) -> None:
        try:
            await self._hand_out()
        except (ValueError, KeyError):  # not our child's language: whatever it is, be rid of it
            self.kill()
        await self._process.wait()
        for call in self._calls.values():
            call.put(self._died())
        self._calls.clear()

    async def _hand_out(self) -> None:
        stdout = self._process.stdout
        while stdout is not None and (line := await stdout.readline()):
            record = wire.decode(line)
            call = self._calls.get(record["id"])
            if call is None:
                continue
            if record["kind"] in _ENDINGS:
                del self._calls[call.number]
            call.put(record)

    def _died(self) -> EngineDiedError:
        return EngineDiedError(
            f"The model's process ended unexpectedly ({self._reason()})",
            "Nothing is lost; it is started again at the next message.",
        )

    def _reason(self) -> str:
        code = self._process.returncode
        if code is None or code >= 0:
            return f"exit code {code}"
        if code == -9 and not self.killed:
            return "SIGKILL, probably because the memory ran out"
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
        return f"signal {-code}"


def apart() -> dict[str, Any]:
    """Options that keep Ctrl-C in the terminal from reaching a child."""
    if sys.platform == "win32":
        return {"creationflags": 0x00000200 | 0x08000000}  # new group, no window
    return {"start_new_session": True}
