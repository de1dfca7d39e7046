"""Time to the first token through the whole assistant: notes, recall, and the policy between.

`assistant.measure` drives the engine alone, with equal new text each time. Here a message goes the
way that a person's goes, so the new text is what recall and the profile add to it, too.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.events import ReplyDelta
from pocket_agent.assistant.measure import NEW_TEXT
from pocket_agent.assistant.opening import open_profile
from pocket_agent.llm.protocol import Sampling
from pocket_agent.paths import Locations, locate

TURNS = 22
_OPTIONS = AssistantOptions(sampling=Sampling(temperature=0.0, max_tokens=24))
_BEFORE = (
    "My name is Sam and I live in Porto.",
    "I adopted a dog called Biscuit, who hates the rain.",
    "The weather in Leeds was awful when I lived there.",
)
_SAMPLES = 3
READY_S = 120.0


@dataclass(frozen=True, slots=True)
class FirstToken:
    """Seconds to the first token, medians of three turns each.

    Args:
        turn_2_s: of turns 2 to 4. turn_20_s: of the last three. ratio: the latter over the former.
        by_meaning: whether recall had vectors, or went by words alone.
    """

    turn_2_s: float
    turn_20_s: float
    ratio: float
    by_meaning: bool


async def measure(turns: int = TURNS) -> FirstToken:
    """Hold a conversation of so many turns in a profile that knows something already."""
    with tempfile.TemporaryDirectory(prefix="pocket-agent-bench-") as folder:
        places = Locations(Path(folder), locate().cache)
        places.prepare()
        opened = await open_profile(places, "bench", options=_OPTIONS)
        try:
            ready = await asyncio.to_thread(opened.embedder.wait_ready, READY_S)
            await _converse(opened.assistant, _BEFORE)
            await opened.assistant.open_session(None)
            messages = [f"{NEW_TEXT} Day {number}." for number in range(1, turns + 1)]
            seconds = await _converse(opened.assistant, messages)
        finally:
            await opened.close()
    early = statistics.median(seconds[1 : 1 + _SAMPLES])
    late = statistics.median(seconds[-_SAMPLES:])
    return FirstToken(early, late, late / early, ready)


async def _converse(assistant: Assistant, messages: Sequence[str]) -> list[float]:
    """Send one after the other, learning included; seconds to the first token of each."""
    seconds = []
    for message in messages:
        start, first = time.perf_counter(), 0.0
        async for event in assistant.send(message):
            if isinstance(event, ReplyDelta):
                first = first or time.perf_counter() - start
        seconds.append(first)
    return seconds
