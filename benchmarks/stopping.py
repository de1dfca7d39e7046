"""How long a stop takes while the model still reads a long prompt.

    python -m benchmarks.stopping

Each round sends a prompt that the cache knows nothing of and that nearly fills the context, lets
the model read for a moment, cancels, and times until the stream has ended. Prints JSON.
"""

import asyncio
import json
import time
from typing import Any

from benchmarks.fresh_engine import fresh_engine
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import ContextName, Message, Piece, Request, Role, Sampling

LIMIT_MS = 300.0
READING_S = (0.05, 0.1, 0.15, 0.2, 0.25)
"""How long the model reads before the stop, one round each: a stop may come anywhere in a batch."""

_TOKENS_A_WORD = 6  # of our numbered words, at most
_ROOM = 0.9


async def measure(engine: LlamaEngine) -> dict[str, Any]:
    """Measure a loaded engine.

    Returns:
        Milliseconds of each round, the largest of them, and how many stops cost the child its life.

    Raises:
        RuntimeError: the prompt was read before the stop came: this measures nothing.
    """
    rounds, killed = [], 0
    for number, reading in enumerate(READING_S):
        before = engine.pid
        rounds.append(round(await _stop(engine, _request(engine, number), reading), 1))
        killed += engine.pid != before
    return {"rounds_ms": rounds, "largest_ms": max(rounds), "killed": killed}


def _request(engine: LlamaEngine, number: int) -> Request:
    assert engine.info is not None
    words = int(engine.info.chat_tokens * _ROOM / _TOKENS_A_WORD)
    text = " ".join(f"item{number}{word:03}" for word in range(words))
    return Request(ContextName.CHAT, (Message(Role.USER, text),), sampling=Sampling(max_tokens=8))


async def _stop(engine: LlamaEngine, request: Request, reading: float) -> float:
    """Milliseconds from the stop to the end of the stream."""
    stream = asyncio.create_task(_read(engine, request))
    await asyncio.sleep(reading)
    began = time.perf_counter()
    await engine.cancel(ContextName.CHAT)
    pieces = await stream
    took = (time.perf_counter() - began) * 1000
    if pieces[-1].finish != "cancelled" or any(piece.text for piece in pieces):
        raise RuntimeError("the prompt was read before the stop came")
    return took


async def _read(engine: LlamaEngine, request: Request) -> list[Piece]:
    return [piece async for piece in engine.stream(request)]


async def _alone() -> dict[str, Any]:
    async with fresh_engine() as engine:
        return await measure(engine)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_alone()), indent=1))
