"""One turn of a chat, with the real assistant and store, and an engine that answers at once."""

import asyncio
import sys
from pathlib import Path

from benchmarks.deeds import profile_in
from pocket_agent.assistant.assistant import Assistant
from pocket_agent.assistant.events import ReplyDelta, UserSaved
from pocket_agent.errors import DiskFullError
from pocket_agent.memory.records import TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.policy.reader import Reading
from pocket_agent.profile.facts import Op, OpKind

sys.path.append(str(Path(__file__).parents[1] / "assistant"))
from word_engine import WordEngine

SAID = "I live in Lisbon now"


class OneFact:
    """A policy that reads one fact out of every turn."""

    version = "one"

    async def read(self, known: object, assistant: str, turn: str) -> Reading:
        return Reading((Op(OpKind.ADD, "home", "Lisbon"),) if turn == SAID else ())


def say(folder: Path) -> dict[str, str]:
    """Say it. What was shown, by id of the turn; a full disk ends it early.

    Raises:
        DiskFullError: nothing was acknowledged.
    """
    shown: dict[str, str] = {}

    async def send() -> None:
        assistant = Assistant(store, WordEngine(), None, OneFact())
        await assistant.open_session(store.sessions(1)[0].id)
        async for event in assistant.send(SAID):
            if isinstance(event, UserSaved):
                shown[event.turn.id] = event.turn.text
            elif isinstance(event, ReplyDelta):
                shown[event.turn] = shown.get(event.turn, "") + event.text

    with Store.open(profile_in(folder)) as store:
        try:
            asyncio.run(send())
        except DiskFullError:
            if not shown:
                raise
    return shown


def check(folder: Path, shown: dict[str, str]) -> None:
    """What was shown is in the file, and the rest of it is as before or as after."""
    with Store.open(profile_in(folder)) as store:
        for name, text in shown.items():
            kept = store.turn(name)
            assert kept.text.startswith(text)
            assert kept.status is not TurnStatus.OPEN
        (session,) = store.sessions()
        said = [turn.text for turn in store.turns(session.id)]
        assert said.count(SAID) == bool(shown)
        assert len(store.profile().active("home")) in (0, 1)
