"""How fast this computer is with this model, as ratios within one run."""

import asyncio
import statistics
import sys
import time
from dataclasses import dataclass

from pocket_agent.errors import ModelError
from pocket_agent.llm.bare_loop import PROMPT
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import (
    ContextName,
    Message,
    ModelInfo,
    Request,
    Role,
    Sampling,
    Usage,
)

ROUNDS = 5
TOKENS = 96
NEW_TEXT = "Please go on from there, and say a little more about the weather this time."


@dataclass(frozen=True, slots=True)
class Speed:
    """Ratios are medians over rounds that alternate with the yardstick's.

    Args:
        decode_ratio_vs_bare: our tokens a second over a bare llama-cpp-python loop's.
        first_token_ratio: time to the first token at turn 20 over that at turn 2.
        decode_tokens_s: tokens a second. first_token_s: seconds at turn 20.
    """

    decode_ratio_vs_bare: float
    first_token_ratio: float
    decode_tokens_s: float
    first_token_s: float


async def measure(engine: LlamaEngine) -> Speed:
    """Measure a loaded engine, beside a bare loop with as many threads."""
    assert engine.info is not None
    ratios, speeds = [], []
    for _ in range(ROUNDS):
        ours = await _decode(engine)
        bare = await _bare(engine.info)
        ratios.append(bare / ours)
        speeds.append(1 / ours)
    early, late = await _early_and_late(engine)
    return Speed(statistics.median(ratios), late / early, statistics.median(speeds), late)


def bare_command(info: ModelInfo) -> list[str]:
    """The command that runs the yardstick: the same file, and as many threads as the engine has."""
    loop = [sys.executable, "-m", "pocket_agent.llm.bare_loop"]
    return [*loop, str(info.path), str(info.threads), str(TOKENS)]


async def _decode(engine: LlamaEngine) -> float:
    """Seconds a token, as the receiver of the stream sees them come, the first left out."""
    request = Request(
        ContextName.CHAT,
        (Message(Role.USER, PROMPT),),
        sampling=Sampling(temperature=0.0, repeat_penalty=1.0, max_tokens=TOKENS),
    )
    first = last = 0.0
    usage: Usage | None = None
    async for piece in engine.stream(request):
        last = time.perf_counter()
        first = first or last
        usage = piece.usage or usage
    assert usage is not None
    return (last - first) / max(1, usage.completion - 1)


async def _bare(info: ModelInfo) -> float:
    process = await asyncio.create_subprocess_exec(
        *bare_command(info),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise ModelError("The bare loop could not run the model")
    return float(output)


async def _early_and_late(engine: LlamaEngine) -> tuple[float, float]:
    """Seconds to the first token at turn 2 and at turn 20, for equal new text."""
    early, late = [], []
    for _ in range(3):
        seconds = await first_tokens(engine, 22)
        early += seconds[1:4]
        late += seconds[19:]
    return statistics.median(early), statistics.median(late)


async def first_tokens(engine: LlamaEngine, turns: int) -> list[float]:
    """Seconds to the first token at each turn of one conversation, for equal new text."""
    messages = [Message(Role.SYSTEM, f"You are brief. Round {time.perf_counter()}.")]
    found = []
    for _ in range(turns):
        seconds, reply = await _turn(engine, messages)
        messages.append(Message(Role.ASSISTANT, reply))
        found.append(seconds)
    return found


async def _turn(engine: LlamaEngine, messages: list[Message]) -> tuple[float, str]:
    messages.append(Message(Role.USER, NEW_TEXT))
    request = Request(
        ContextName.CHAT,
        tuple(messages),
        sampling=Sampling(temperature=0.0, max_tokens=24),
    )
    start = time.perf_counter()
    first, text = 0.0, ""
    async for piece in engine.stream(request):
        first = first or time.perf_counter() - start
        text += piece.text
    return first, text
