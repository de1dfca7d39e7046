"""Stopping: by closing the stream, by cancelling its task, by `cancel`; speaking or reading."""

import asyncio
import contextlib
import os
import signal
import sys
import time

import pytest
from talking import FOREVER, STORY, chat, long_text, run

from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import ContextName, Piece, Request, Sampling

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

SPEAKING = Request(ContextName.CHAT, STORY, sampling=FOREVER)


async def until_running(engine: LlamaEngine, request: Request) -> "asyncio.Task[list[Piece]]":
    """A task that reads a stream, after its first piece has come."""
    begun = asyncio.Event()

    async def read() -> list[Piece]:
        pieces = []
        async for piece in engine.stream(request):
            pieces.append(piece)
            begun.set()
        return pieces

    task = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), 60)
    return task


async def test_closing_the_stream_stops_the_model(shared: LlamaEngine) -> None:
    pid = shared.pid
    stream = shared.stream(SPEAKING)
    await anext(stream)
    await stream.aclose()
    _, last = await asyncio.wait_for(run(shared, chat("Name a fish.")), 60)
    assert last.finish in ("stop", "length")
    assert shared.pid == pid


async def test_cancelling_the_task_stops_the_model(shared: LlamaEngine) -> None:
    pid = shared.pid
    task = await until_running(shared, SPEAKING)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    _, last = await asyncio.wait_for(run(shared, chat("Name a fish.")), 60)
    assert last.finish in ("stop", "length")
    assert shared.pid == pid


async def test_cancel_ends_the_stream_with_what_was_said(shared: LlamaEngine) -> None:
    task = await until_running(shared, SPEAKING)
    await shared.cancel(ContextName.CHAT)
    pieces = await asyncio.wait_for(task, 60)
    assert pieces[-1].finish == "cancelled"
    assert pieces[-1].usage is not None
    assert 0 < pieces[-1].usage.completion < FOREVER.max_tokens


async def test_cancelling_nothing_is_fine(shared: LlamaEngine) -> None:
    await shared.cancel(ContextName.CHAT)
    await shared.cancel(ContextName.POLICY)


async def test_a_long_prefill_is_stopped_and_what_it_finished_is_kept(
    shared: LlamaEngine,
) -> None:
    pid = shared.pid
    sampling = Sampling(temperature=0.0, repeat_penalty=1.0, max_tokens=8)
    request = chat(long_text(210), sampling=sampling)
    reading = asyncio.create_task(run(shared, request))
    await asyncio.sleep(0.3)
    await shared.cancel(ContextName.CHAT)
    _, last = await asyncio.wait_for(reading, 60)
    if last.finish != "cancelled":
        pytest.skip("this machine reads 800 tokens in 0.3 s")
    assert shared.pid == pid
    assert last.usage is not None
    assert last.usage.completion == 0
    # The cache must hold exactly what it says it holds: the answer is that of a clean run.
    resumed, again = await run(shared, request)
    assert again.usage is not None
    assert (again.usage.cached - last.usage.cached) % 128 == 0
    await run(shared, chat("Something else."))
    clean, _ = await run(shared, request)
    assert resumed == clean


async def test_a_waiting_request_is_cancelled_without_touching_the_running_one(
    shared: LlamaEngine,
) -> None:
    speaking = await until_running(shared, SPEAKING)
    short = Sampling(max_tokens=4)
    waiting = asyncio.create_task(run(shared, Request(ContextName.POLICY, STORY, sampling=short)))
    await asyncio.sleep(0.05)
    await shared.cancel(ContextName.POLICY)
    text, last = await asyncio.wait_for(waiting, 60)
    assert (text, last.finish) == ("", "cancelled")
    assert not speaking.done()
    await shared.cancel(ContextName.CHAT)
    assert (await speaking)[-1].finish == "cancelled"


async def test_requests_for_both_contexts_take_turns(shared: LlamaEngine) -> None:
    short = Sampling(temperature=0.0, max_tokens=5)
    requests = [Request(name, STORY, sampling=short) for name in (*ContextName, *ContextName)]
    answers = await asyncio.gather(*(run(shared, request) for request in requests))
    assert [last.usage and last.usage.completion for _, last in answers] == [5, 5, 5, 5]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
async def test_a_child_that_does_not_listen_is_killed_and_replaced(shared: LlamaEngine) -> None:
    task = await until_running(shared, SPEAKING)
    pid = shared.pid
    assert pid is not None
    waiting = asyncio.create_task(
        run(shared, Request(ContextName.POLICY, STORY, sampling=Sampling(max_tokens=4)))
    )
    await asyncio.sleep(0.05)
    os.kill(pid, signal.SIGSTOP)
    started = time.perf_counter()
    await shared.cancel(ContextName.CHAT)
    took = time.perf_counter() - started
    pieces = await asyncio.wait_for(task, 10)
    assert pieces[-1].finish == "cancelled"
    assert took < 5
    # The request that had not begun is done by the next child, as if nothing had happened.
    _, last = await asyncio.wait_for(waiting, 60)
    assert last.usage is not None
    assert last.usage.completion == 4
    assert shared.pid not in (None, pid)


async def test_cancelling_again_and_again_leaves_nothing_behind(shared: LlamaEngine) -> None:
    pid = shared.pid
    for delay in (0.0, 0.001, 0.01, 0.03, 0.1):
        task = asyncio.create_task(run(shared, SPEAKING))
        await asyncio.sleep(delay)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    _, last = await asyncio.wait_for(run(shared, chat("Name a fish.")), 60)
    assert last.finish in ("stop", "length")
    assert shared.pid == pid
