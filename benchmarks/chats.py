"""Chats to be killed: of the store alone, and with the real model. What they show is promised."""

import asyncio
import json
import os
from pathlib import Path
from typing import Protocol

from benchmarks.deeds import picture_of
from pocket_agent.assistant.assistant import AssistantOptions
from pocket_agent.assistant.events import ReplyDelta, UserSaved
from pocket_agent.assistant.opening import open_profile
from pocket_agent.llm.protocol import Sampling
from pocket_agent.memory.records import TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector
from pocket_agent.paths import Locations, locate
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.sources import ground

_READY = b'["ready"]\n'
_OPTIONS = AssistantOptions(sampling=Sampling(temperature=0.9, max_tokens=30))


class Chat(Protocol):
    """A chat that goes on until somebody ends it.

    Args:
        longest: seconds after which, at the latest, it is killed.
        shown: what a person has seen: by kind, texts by id.
    """

    longest: float
    shown: dict[str, dict[str, str]]

    def talk(self) -> None:
        """Chat for ever, and write each thing that a person would see to the standard output."""

    def wait_ready(self, pipe: int) -> bytes:
        """Wait until it has really begun. What was read on the way."""

    def note(self, told: bytes) -> None:
        """Keep what was shown."""

    def check(self) -> None:
        """See that all of it is stored, and sound.

        Raises:
            AssertionError, PocketAgentError: it is not.
        """


class _Promises:
    """What was shown of the chats in one file: `[kind, id, text]` a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown: dict[str, dict[str, str]] = {"user": {}, "reply": {}, "closed": {}, "fact": {}}

    def note(self, told: bytes) -> None:
        for line in told.splitlines():
            if line.startswith(b"[") and line.endswith(b"]"):
                kind, *rest = json.loads(line)
                if rest:
                    self.shown[kind][rest[0]] = rest[1]

    def check(self) -> None:
        picture_of(self.path)
        with Store.open(self.path, create=False) as store:
            for turn, text in (*self.shown["user"].items(), *self.shown["closed"].items()):
                assert store.turn(turn).text == text, "a turn was lost"
            for turn, text in self.shown["reply"].items():
                kept = store.turn(turn)
                assert kept.text.startswith(text), "words that were shown were lost"
                assert kept.status is not TurnStatus.OPEN
            learnt = {event.id for event in store.events()}
            assert learnt.issuperset(self.shown["fact"]), "a fact was lost"


class StoreChat(_Promises):
    """Turns, growing replies, facts, undos and vectors, as quick as the store takes them."""

    longest = 0.2

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "profiles" / "default.db")

    def talk(self) -> None:
        store = Store.open(self.path)
        session = store.new_session("A chat")
        number = 0
        while True:
            number += 1
            self._exchange(store, session.id, number)

    def _exchange(self, store: Store, session: str, number: int) -> None:
        text = f"turn {number}: I like fruit{number} and live in town{number}"
        turn = store.add_user_turn(session, text)
        _show("user", turn.id, text)
        reply, shown = store.open_reply(session), ""
        for word in ("that ", "is ", "a lovely ", "town"):
            shown += word
            store.checkpoint_reply(reply.id, shown)
            _show("reply", reply.id, shown)
        store.close_reply(reply.id, shown)
        _show("closed", reply.id, shown)
        for slot, value in (("food", f"fruit{number}"), ("home", f"town{number}")):
            source = ground(turn.id, text, value)
            store.record(Op(OpKind.ADD, slot, value), actor=Actor.POLICY, source=source)
            event = store.last_event()
            assert event is not None
            _show("fact", event.id, value)
        if number % 3 == 0:
            store.undo()
        store.mark_read(turn.id, "v1")
        waiting = store.unembedded("m")
        store.put_vectors("m", [PartVector(p.number, 0, bytes(1536)) for p in waiting])

    def wait_ready(self, _pipe: int) -> bytes:
        return b""


class RealChat(_Promises):
    """The real assistant with the real model: its process ends with the chat's."""

    longest = 1.5

    def __init__(self, home: Path) -> None:
        self._locations = Locations(home, locate().cache)
        self._locations.prepare()
        super().__init__(self._locations.profile("default"))

    def talk(self) -> None:
        asyncio.run(self._talk())

    async def _talk(self) -> None:
        opened = await open_profile(self._locations, "default", options=_OPTIONS, by_meaning=False)
        os.write(1, _READY)
        for number in range(10_000):
            said = ""
            text = f"I like place number {number}. What do you think?"
            async for event in opened.assistant.send(text):
                match event:
                    case UserSaved(turn):
                        _show("user", turn.id, turn.text)
                    case ReplyDelta():
                        said += event.text
                        _show("reply", event.turn, said)

    def wait_ready(self, pipe: int) -> bytes:
        told = b""
        while _READY not in told:
            piece = os.read(pipe, 65536)
            assert piece, "the chat did not begin"
            told += piece
        return told


def _show(*words: str) -> None:
    os.write(1, (json.dumps(words) + "\n").encode())
