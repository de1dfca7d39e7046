"""The demo: two short sessions through the real model, then the profile and a recall.

Nothing of it touches the profile of the person who runs it: it lives in a temporary folder.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.assistant.events import ContextReady, Learnt, ReplyDelta, ReplyDone
from pocket_agent.assistant.opening import open_profile
from pocket_agent.cli.facts import print_profile
from pocket_agent.cli.memory import PATIENCE_S, recall_patiently, wait_for
from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.protocol import Sampling
from pocket_agent.memory.recall import Recaller
from pocket_agent.paths import Locations, locate

FIRST = (
    "Hi! My name is Sam and I live in Porto.",
    "I love spicy ramen, but I can't stand olives.",
    "Can you write one line for a birthday card?",
    "I adopted a dog last week. He is called Biscuit.",
)
SECOND = ("What is my dog called?", "We moved, by the way: I live in Lisbon now.")
QUERY = "which animal did I take in?"
SEED = 7


def main() -> int:
    """Play the demo. Returns the exit code."""
    try:
        with tempfile.TemporaryDirectory(prefix="pocket-agent-demo-") as folder:
            asyncio.run(_play(Locations(Path(folder), locate().cache)))
    except PocketAgentError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


async def _play(locations: Locations) -> None:
    locations.prepare()
    _say("— first session " + "—" * 44)
    await _session(locations, FIRST)
    _say("— closed, and opened again " + "—" * 33)
    await _session(locations, SECOND, recall=True)


async def _session(locations: Locations, lines: tuple[str, ...], *, recall: bool = False) -> None:
    options = AssistantOptions(
        sampling=Sampling(temperature=0.3, dry=0.8, seed=SEED, max_tokens=60)
    )
    opened = await open_profile(locations, "demo", options=options)
    try:
        _say(f"({opened.info.name} on {opened.info.device})")
        if not await asyncio.to_thread(wait_for, opened.embedder):
            slow = "The embedder is slow to start, so recall goes by words alone."
            _say(f"({opened.embedder.problem or slow})")
        for line in lines:
            await _exchange(opened.assistant, line)
        if opened.indexer is not None:
            opened.indexer.wake()
            await asyncio.to_thread(opened.indexer.wait_idle, PATIENCE_S)
        if recall:
            _say("— what it knows now " + "—" * 40)
            print_profile(opened.store.profile())
            _say(f"— recall of {QUERY!r} " + "—" * 28)
            for line in await asyncio.to_thread(_recalled, opened.recaller):
                _say(line)
    finally:
        await opened.close()


def _recalled(recaller: Recaller) -> list[str]:
    found = recall_patiently(recaller, QUERY, 3)
    lines = [f"{memory.score:.2f}  {memory.turn.speaker}: {memory.turn.text}" for memory in found]
    return lines or ["nothing was found"]


async def _exchange(assistant: Assistant, line: str) -> None:
    _say(f"\nyou        {line}")
    sys.stdout.write("assistant  ")
    async for event in assistant.send(line):
        match event:
            case ContextReady() if event.facts:
                sys.stdout.write(f"[knows: {', '.join(fact.value for fact in event.facts)}] ")
            case ReplyDelta():
                sys.stdout.write(event.text)
            case ReplyDone():
                _say("")
            case Learnt():
                _say(f"           {event.line}")
        sys.stdout.flush()


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
