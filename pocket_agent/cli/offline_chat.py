"""A short real chat for `doctor --offline`: two sessions, the policy, recall by words and meaning.

Run as `python -m pocket_agent.cli.offline_chat HOME CACHE MODEL meaning|words`, with a home that
may be thrown away. Prints one JSON object: what was answered, learnt and recalled, and what the
system counted.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from pocket_agent.assistant.assistant import AssistantOptions
from pocket_agent.assistant.events import ContextReady, Learnt, ReplyDone
from pocket_agent.assistant.opening import Choice, Opened, open_profile
from pocket_agent.llm.protocol import Sampling
from pocket_agent.paths import Locations

SAID = ("My name is Sam and I adopted a greyhound called Pepper.", "Which greyhound did I take in?")
_SAMPLING = Sampling(temperature=0.0, seed=7, max_tokens=24)
_PATIENCE_S = 120.0
_COUNTED = {
    *("Tcp ActiveOpens", "Udp OutDatagrams", "Ip OutRequests", "Ip OutNoRoutes"),
    *("Ip6OutRequests", "Ip6OutNoRoutes", "Udp6OutDatagrams"),
}


async def chat(locations: Locations, model: str, by_meaning: bool) -> dict[str, Any]:
    """Say each line in a session of its own.

    Args:
        by_meaning: recall by meaning too, if the embedder is up in time.

    Raises:
        PocketAgentError: there is no usable model, or it fails.
    """
    told: dict[str, Any] = {"replies": [], "learnt": [], "known": [], "recalled": []}
    opened = await open_profile(
        locations,
        "offline",
        choice=Choice(model=model, chat_tokens=1024),
        options=AssistantOptions(sampling=_SAMPLING, recall_floor=0.0),
        by_meaning=by_meaning,
    )
    try:
        told["embedder"] = by_meaning and await asyncio.to_thread(
            opened.embedder.wait_ready, _PATIENCE_S
        )
        for line in SAID:
            await opened.assistant.open_session(None)
            await _say(opened, line, told)
    finally:
        await opened.close()
    return told


async def _say(opened: Opened, line: str, told: dict[str, Any]) -> None:
    async for event in opened.assistant.send(line):
        match event:
            case ContextReady():
                told["known"] += [fact.value for fact in event.facts]
                told["recalled"] += [memory.turn.text for memory in event.recalled]
            case ReplyDone():
                told["replies"].append(event.turn.text)
            case Learnt():
                told["learnt"].append(event.line)
    if opened.indexer is not None and told["embedder"]:
        opened.indexer.wake()
        await asyncio.to_thread(opened.indexer.wait_idle, _PATIENCE_S)


def counters() -> dict[str, int]:
    """What the system has counted of tries to reach a network, native code's too.

    Only in a network namespace of one's own do the counts begin at nothing.
    """
    counts: dict[str, int] = {}
    for name in ("snmp", "snmp6"):
        file = Path("/proc/self/net") / name
        lines = file.read_text("ascii").splitlines() if file.exists() else []
        counts |= _pairs(lines) if name == "snmp6" else _tables(lines)
    return {name: value for name, value in counts.items() if name in _COUNTED}


def _pairs(lines: list[str]) -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, lines)}


def _tables(lines: list[str]) -> dict[str, int]:
    """Of two lines for each protocol: one of names, one of values."""
    counts: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol = names.partition(":")[0]
        pairs = zip(names.split()[1:], values.split()[1:], strict=True)
        counts |= {f"{protocol} {name}": int(value) for name, value in pairs}
    return counts


def main() -> None:
    """Chat, and print what came of it."""
    home, cache, model, how = sys.argv[1:]
    locations = Locations(Path(home), Path(cache))
    locations.prepare()
    told = asyncio.run(chat(locations, model, how == "meaning"))
    print(json.dumps({**told, "counters": counters()}))


if __name__ == "__main__":
    main()
