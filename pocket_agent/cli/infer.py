"""`pocket-agent infer`: the policy on JSON lines, one line out for each line in."""

import argparse
import asyncio
import json
import sys
from typing import Any

from pocket_agent.cli.opening import narrate, open_home
from pocket_agent.errors import EngineDiedError, PocketAgentError, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `infer`."""
    parser.add_argument("--model", default="", help="name or path of a model")
    parser.add_argument("--no-requantize", action="store_true", help="keep no faster copy of it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read the standard input to its end. 1 if any line could not be read."""
    return asyncio.run(_infer(arguments))


async def _infer(arguments: argparse.Namespace) -> int:
    from pocket_agent.assistant.opening import Choice, load_policy
    from pocket_agent.llm.engine import LlamaEngine

    locations, settings = open_home(arguments)
    engine = LlamaEngine()
    failed = 0
    try:
        requantize = settings.requantize and not arguments.no_requantize
        choice = Choice(arguments.model or settings.model, 512, settings.offload, requantize)
        reader = await load_policy(engine, locations, choice)
        narrate(f"policy {reader.version}")
        number = 0
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            number += 1
            if not line.strip():
                continue
            answer = await _answer(reader, line)
            if "error" in answer:
                failed += 1
                narrate(f"line {number}: {answer['error']}")
            sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
            sys.stdout.flush()
    finally:
        await engine.close()
    return 1 if failed else 0


async def _answer(reader: Any, line: bytes) -> dict[str, Any]:
    record: Any = None
    try:
        record = _parse(line)
        return dict(await reader.infer(record))
    except EngineDiedError:
        raise
    except PocketAgentError as error:
        name = record.get("id") if isinstance(record, dict) else None
        return {"id": name, "error": str(error)}


def _parse(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError("This is not a line of JSON in UTF-8") from error
    if not isinstance(record, dict):
        raise UsageError("This is not a JSON object")
    return record
