"""`pocket-agent infer`: the policy on JSON lines, one line out for each line in."""

import argparse
import asyncio
import json
import os
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pocket_agent.cli import options
from pocket_agent.cli.opening import Narrator, choose_model, open_home
from pocket_agent.cli.output import narrate, put_json
from pocket_agent.errors import PocketAgentError, UsageError

if TYPE_CHECKING:
    from pocket_agent.policy.reader import PolicyReader

CHAT_TOKENS = 512
"""There is no chat; the engine wants a context for it all the same."""
AHEAD = 16
"""Lines read before they are wanted."""
MOST_LINE = 4 * 1024 * 1024
_EXAMPLE = (
    'A line in: {"id": 1, "turn": "I live in Porto now.", "assistant": "", "profile": '
    '[{"slot": "home", "value": "Leeds", "polarity": "+"}]}. A line out: {"id": 1, "ops": […], '
    '"ask": null}. Nothing is stored.'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `infer`, and an example of a line."""
    parser.epilog = _EXAMPLE
    options.add_model(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read the standard input to its end. 1 if any line could not be answered."""
    return asyncio.run(_infer(arguments))


async def _infer(arguments: argparse.Namespace) -> int:
    from pocket_agent.assistant.opening import policy_alone, policy_model

    locations, settings = open_home(arguments)
    choice = replace(choose_model(arguments, settings, CHAT_TOKENS), unsure=False)
    if not arguments.model:  # the one that learns in a chat, whatever answers there
        choice = replace(choice, model=policy_model(locations, choice))
    failed = False
    async with policy_alone(locations, choice, Narrator()) as (_, reader):
        narrate(f"policy {reader.version}")
        number = 0
        async for line in _lines():
            number += 1
            answer = await _answer(reader, line)
            if "error" in answer:
                failed = True
                narrate(f"line {number}: {answer['error']}")
            put_json(answer)
    return 1 if failed else 0


async def _answer(reader: "PolicyReader", line: bytes) -> dict[str, Any]:
    """The answer to one line; one that can't be answered says why and keeps its id."""
    record: dict[str, Any] = {}
    try:
        record = _parse(line)
        return await reader.infer(record)
    except PocketAgentError as error:
        return {"id": record.get("id"), "error": str(error)}


def _parse(line: bytes) -> dict[str, Any]:
    if len(line) > MOST_LINE:
        raise UsageError(f"The line is longer than {MOST_LINE // 2**20} MB")
    try:
        record = json.loads(line.decode("utf-8"))
        json.dumps(record, ensure_ascii=False).encode("utf-8")  # half characters, as "\ud800"
    except (ValueError, RecursionError) as error:
        raise UsageError("This is not a line of JSON in UTF-8") from error
    if not isinstance(record, dict):
        raise UsageError("This is not a JSON object")
    return record


async def _lines() -> AsyncIterator[bytes]:
    """The lines of the standard input as they come.

    A thread of its own waits for them, so that Ctrl-C ends the program at once; its own buffer,
    because Python closes that of sys.stdin at exit and would wait for the thread.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | OSError] = asyncio.Queue()
    room = threading.Semaphore(AHEAD)

    def read() -> None:
        try:
            with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as stream:
                while line := stream.readline():
                    room.acquire()
                    loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, b"")
        except OSError as error:
            loop.call_soon_threadsafe(queue.put_nowait, error)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while line := await queue.get():
        if isinstance(line, OSError):
            raise PocketAgentError(f"The standard input can't be read ({line.strerror})") from line
        room.release()
        yield line
