"""A scripted chat with the real model, for a test that kills it: `python chatting.py HOME`.

Prints a line for everything a person would see: `user ID TEXT` once a turn is accepted, `reply ID
TEXT-SO-FAR` as the reply grows.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from pocket_agent.assistant.assistant import AssistantOptions
from pocket_agent.assistant.events import ReplyDelta, UserSaved
from pocket_agent.assistant.opening import open_profile
from pocket_agent.llm.protocol import Sampling
from pocket_agent.paths import Locations

OPTIONS = AssistantOptions(sampling=Sampling(temperature=0.9, max_tokens=30))


def show(*words: str) -> None:
    """One line, at once."""
    os.write(1, (json.dumps(words) + "\n").encode())


async def main(home: Path, cache: Path) -> None:
    """Chat until somebody ends it."""
    locations = Locations(home, cache)
    locations.prepare()
    opened = await open_profile(locations, "chat", options=OPTIONS, by_meaning=False)
    show("ready")
    for number in range(10_000):
        said, text = "", f"I like place number {number}. What do you think?"
        async for event in opened.assistant.send(text):
            match event:
                case UserSaved(turn):
                    show("user", turn.id, turn.text)
                case ReplyDelta():
                    said += event.text
                    show("reply", event.turn, said)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
