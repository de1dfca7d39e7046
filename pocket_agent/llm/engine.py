"""The engine: a loaded model in a child process, as an `Engine`."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from pocket_agent.errors import EngineDiedError, ModelError
from pocket_agent.llm import wire
from pocket_agent.llm.child_process import Call, ChildProcess
from pocket_agent.llm.gguf_header import GGUFHeader, check_adapter, check_model
from pocket_agent.llm.offload import Device, Placement, on_cpu_after, place
from pocket_agent.llm.protocol import (
    ContextName,
    LoadSpec,
    Message,
    ModelInfo,
    Piece,
    Progress,
    Request,
)
from pocket_agent.llm.requantize import Copy, faster_copy, is_slow
from pocket_agent.llm.weights import footprint

GRACE_S = 0.3
"""A cancelled call that hasn't ended by then costs the child its life."""


@dataclass
class _Loaded:
    spec: LoadSpec
    child: ChildProcess
    info: ModelInfo


@dataclass(eq=False)
class _Running:
    """One stream: the child and its call, once it has them, and whether it was stopped."""

    at: tuple[ChildProcess, Call] | None = None
    stopped: bool = False

    async def stop(self) -> None:
        """Stop it, at once or as soon as its child is up."""
        self.stopped = True
        if self.at:
            child, call = self.at
            await child.settle(call, GRACE_S)


class LlamaEngine:
    """llama.cpp behind the `Engine` protocol.

    The child is started by `load`; if it dies or has to be killed, the next call starts it again
    with the same model. Requests run one after the other, in the order they came.
    """

    def __init__(self) -> None:
        self._loaded: _Loaded | None = None
        self._starting = asyncio.Lock()
        self._running: dict[ContextName, list[_Running]] = {name: [] for name in ContextName}

    @property
    def info(self) -> ModelInfo | None:
        """What is loaded, or None before `load` has finished."""
        return self._loaded.info if self._loaded else None

    @property
    def spec(self) -> LoadSpec | None:
        """What was asked for when the model was loaded."""
        return self._loaded.spec if self._loaded else None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs, to measure it by."""
        loaded = self._loaded
        return loaded.child.pid if loaded and loaded.child.alive else None

    async def load(self, spec: LoadSpec, progress: Progress | None = None) -> ModelInfo:
        """Load a model, replacing the one loaded; if it fails, that one stays.

        Raises:
            ModelError: a file is missing, broken or can't be run here.
        """
        async with self._starting:
            fresh = await _start(spec, progress or _ignore)
            former, self._loaded = self._loaded, fresh
            await self._end(former)
            return fresh.info

    async def stream(self, request: Request) -> AsyncIterator[Piece]:
        """Generate. Closing the iterator (aclose) or cancelling its task stops the model.

        Raises:
            ContextOverflowError: the prompt leaves no room for an answer.
            EngineDiedError: the child ended; it is started again at the next call.
            ModelError: no model is loaded, or the grammar isn't valid.
        """
        running = _Running()  # noted first: it may be stopped while a dead child is started again
        self._running[request.context].append(running)
        try:
            while True:
                child = await self._child()
                if running.stopped:
                    yield Piece("", "cancelled")
                    return
                call = await child.call("generate", request=wire.pack_request(request))
                running.at = child, call
                if running.stopped:
                    await running.stop()
                try:
                    finished = False
                    while not finished:
                        piece = wire.unpack_piece(await call.next())
                        finished = piece.finish is not None
                        yield piece
                    return
                except EngineDiedError:
                    if not child.killed:
                        raise
                    if call.cancelled:
                        yield Piece("", "cancelled")
                        return
                    if call.started:
                        raise
                    # Another call's cancellation killed the child before this one's turn: again.
                finally:
                    if not call.ended.is_set():
                        await child.settle(call, GRACE_S)
        finally:
            self._running[request.context].remove(running)

    async def cancel(self, context: ContextName) -> None:
        """Stop what runs or waits in that context; its streams end with finish "cancelled"."""
        await asyncio.gather(*(running.stop() for running in self._running[context]))

    async def count(self, messages: tuple[Message, ...]) -> list[int]:
        """Tokens of each message as the template renders it; answered even while generating."""
        child = await self._child()
        call = await child.call("count", messages=wire.pack_messages(messages))
        counts: list[int] = (await call.result())["counts"]
        return counts

    async def close(self) -> None:
        """End the child. Safe to call twice."""
        async with self._starting:
            loaded, self._loaded = self._loaded, None
            await self._end(loaded)

    async def _end(self, loaded: _Loaded | None) -> None:
        if loaded:
            held = [running for streams in self._running.values() for running in streams]
            here = [running for running in held if running.at and running.at[0] is loaded.child]
            await asyncio.gather(*(running.stop() for running in here))
            await loaded.child.close()

    async def _child(self) -> ChildProcess:
        """The child with the model in it, started again if it has died."""
        async with self._starting:
            if self._loaded is None:
                raise ModelError("No model is loaded", "Load one first.")
            if not self._loaded.child.alive:
                await self._loaded.child.end()
                try:
                    self._loaded = await _start(self._loaded.spec, _ignore)
                except EngineDiedError as error:  # of the file, not of the request
                    raise ModelError(error.what, error.todo) from error
            return self._loaded.child


async def look_around() -> tuple[list[Device], list[str]]:
    """What llama.cpp can compute on here, and which backends are built into it.

    Raises:
        ModelError: llama.cpp isn't there or can't be started.
    """
    child = await ChildProcess.spawn()
    try:
        return wire.unpack_hello(await child.hello.next())
    finally:
        await child.end()


async def _start(spec: LoadSpec, progress: Progress) -> _Loaded:
    """Check the files and load; where a device takes the process along, once more without it."""
    progress("Checking the model", 0.0)
    header = await asyncio.to_thread(check_model, spec.model)
    if spec.adapter:
        await asyncio.to_thread(check_adapter, spec.adapter)
    child, devices = await _greet()
    try:
        placement = await asyncio.to_thread(_place, header, devices, spec)
        return await _fill(child, spec, header, placement, progress)
    except EngineDiedError:
        await child.end()
        if not placement.devices:
            raise
        child, _ = await _greet()
        return await _fill(child, spec, header, on_cpu_after(placement), progress)
    except BaseException:
        await child.end()
        raise


async def _greet() -> tuple[ChildProcess, list[Device]]:
    """A fresh child that is up, and the devices it has.

    Raises:
        ModelError: llama.cpp isn't there or can't be started.
    """
    child = await ChildProcess.spawn()
    try:
        return child, wire.unpack_hello(await child.hello.next())[0]
    except BaseException:
        await child.end()
        raise


async def _fill(
    child: ChildProcess,
    spec: LoadSpec,
    header: GGUFHeader,
    placement: Placement,
    progress: Progress,
) -> _Loaded:
    """Load in a child, a faster copy where one helps. A failure ends the child."""
    try:
        copy = Copy(spec.model)
        if spec.requantize_in and not placement.layers and is_slow(header):
            copy = await faster_copy(header, spec.requantize_in, progress, make=spec.makes_copy)
        info = await _load(child, spec, copy.file, placement, progress)
        return _Loaded(spec, child, replace(info, note=copy.note))
    except BaseException:
        await child.end()
        raise


def _place(header: GGUFHeader, devices: list[Device], spec: LoadSpec) -> Placement:
    chat = min(spec.chat_tokens, header.trained_tokens or spec.chat_tokens)
    contexts = [tokens for tokens in (chat, spec.policy_tokens) if tokens]
    return place(footprint(header), contexts, devices, spec.gpu_layers, spec.device)


async def _load(
    child: ChildProcess, spec: LoadSpec, file: Path, placement: Placement, progress: Progress
) -> ModelInfo:
    fields = {"spec": wire.pack_spec(spec, file), "placement": wire.pack_placement(placement)}
    call = await child.call("load", **fields)
    try:
        while (reply := await call.next())["kind"] != "done":
            progress("Loading the model", reply["done"])
    except EngineDiedError as error:
        raise EngineDiedError(
            f"llama.cpp could not survive loading {file.name}: {error.what}",
            "The file is probably damaged; get it again, or choose another model.",
        ) from error
    progress("Loading the model", 1.0)
    info = wire.unpack_info(reply["info"])
    if info.placement:
        progress(info.placement, 1.0)
    return info


def _ignore(_what: str, _done: float) -> None:
    """No one wants to know."""
