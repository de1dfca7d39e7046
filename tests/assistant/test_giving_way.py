"""Work that gives way: done, stopped from outside, or given up with whoever waits for it."""

import asyncio

import pytest

from pocket_agent.assistant.giving_way import GivingWay
from pocket_agent.errors import ModelError


async def test_its_result_and_its_failure_are_in_what_is_returned() -> None:
    async def fail() -> str:
        raise ModelError("It broke")

    work = GivingWay[str]()
    assert (await work.run(asyncio.sleep(0, "done"))).result() == "done"
    failed = await work.run(fail())
    with pytest.raises(ModelError):
        failed.result()
    await work.preempt()  # there is nothing to stop


async def test_it_has_stopped_once_it_gave_way() -> None:
    ended = []

    async def work_long() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        return ""

    work = GivingWay[str]()
    running = asyncio.ensure_future(work.run(work_long()))
    await asyncio.sleep(0.01)
    await work.preempt()
    assert ended == [True]
    assert (await running).cancelled()


async def test_it_ends_with_whoever_waits_for_it() -> None:
    ended = asyncio.Event()

    async def work_long() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    running = asyncio.ensure_future(GivingWay[str]().run(work_long()))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(ended.wait(), 60)
