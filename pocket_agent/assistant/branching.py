"""Other replies, replies that go on, and messages said anew: the branches of a conversation."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TYPE_CHECKING

from pocket_agent.assistant.events import AssistantEvent
from pocket_agent.assistant.sending import Sending
from pocket_agent.errors import ModelError, PocketAgentError, UsageError
from pocket_agent.llm.protocol import Engine
from pocket_agent.memory.records import UNFINISHED, Session, Turn, TurnRole
from pocket_agent.memory.store import Store

if TYPE_CHECKING:
    from pocket_agent.assistant.assistant import AssistantOptions

HISTORY_TURNS = 400


class Branching:
    """The part of an `Assistant` that leaves the straight line. See there for what it holds."""

    session: Session | None
    options: "AssistantOptions"
    _store: Store
    _engine: Engine
    _sending: Sending
    _stopped: bool
    """Whether the person stopped the exchange that is under way."""

    async def regenerate(self) -> AsyncGenerator[AssistantEvent, None]:
        """Reply to the last message once more. The reply that is there is kept as another branch.

        Raises:
            UsageError: nothing was said yet.
            PocketAgentError: as `send`. If no reply came of it, all is as it was.
        """
        self._stopped = False
        await self.preempt_policy()
        self._check_loaded()
        asked, tail = self._last_exchange()
        async for event in self._again(asked, tail, asked.id, ()):
            yield event

    async def go_on(self) -> AsyncGenerator[AssistantEvent, None]:
        """Go on with the last reply, which was stopped or cut, right where it ended.

        What comes is a turn of its own behind it; the two are sent as one from now on.

        Raises:
            UsageError: the last reply came to its own end.
            PocketAgentError: as `send`. If no more came, all is as it was.
        """
        self._stopped = False
        await self.preempt_policy()
        self._check_loaded()
        asked, tail = self._last_exchange()
        if not tail or tail[-1].status not in UNFINISHED:
            raise UsageError("The last reply came to its end", "/regenerate makes another one.")
        async for event in self._again(asked, tail, None, tail):
            yield event

    async def choose(self, turn: str) -> None:
        """Go on with the branch of this conversation that leads through a turn.

        Raises:
            StoreError: there is no such turn.
        """
        await self.preempt_policy()
        session = (await asyncio.to_thread(self._store.turn, turn)).session
        await asyncio.to_thread(self._store.choose, turn)
        turns = await asyncio.to_thread(self._store.turns, session, limit=HISTORY_TURNS)
        self._sending.take_up(turns)

    async def _again(
        self, asked: Turn, tail: Sequence[Turn], after: str | None, begun: Sequence[Turn]
    ) -> AsyncIterator[AssistantEvent]:
        """Reply to the last message, whose reply so far, `tail`, does not count."""
        sending = self._sending
        before = sending.place()
        sending.history = sending.history[: len(sending.history) - len(tail)]
        try:
            async for event in self._answer(asked, after, begun):
                yield event
        except PocketAgentError:
            if sending.history and sending.history[-1] in (asked, *tail):  # no other came of it
                sending.go_back(before)
            raise
        async for learnt in self.learn():
            yield learnt

    def _check_loaded(self) -> None:
        if self._engine.info is None:
            raise ModelError("The model is not loaded yet")

    def _last_exchange(self) -> tuple[Turn, list[Turn]]:
        """The person's last message, and the pieces of the reply to it."""
        history = self._sending.history
        start = len(history)
        while start and history[start - 1].role is TurnRole.ASSISTANT:
            start -= 1
        if not start:
            raise UsageError("There is no message yet to reply to")
        return history[start - 1], history[start:]

    async def _cut_before(self, name: str) -> str | None:
        """Leave the history before a message; returns what a message in its place follows."""
        sending = self._sending
        at = next((n for n, turn in enumerate(sending.history) if turn.id == name), None)
        if not self.options.remember:
            if at is None:
                raise UsageError("That message can't be said anew: incognito kept no older turns")
            sending.history = sending.history[:at]
            return None
        turn = await asyncio.to_thread(self._store.turn, name)
        if self.session is None or turn.session != self.session.id:
            raise UsageError("That message is of another conversation")
        if at is None:  # it has left the context: so have all before it
            sending.go_back((await asyncio.to_thread(self._turns_before, turn), 0))
        else:
            sending.history = sending.history[:at]
        return await asyncio.to_thread(self._store.parent, name)

    def _turns_before(self, turn: Turn) -> list[Turn]:
        return self._store.turns(turn.session, before=turn.id, limit=HISTORY_TURNS)

    # What the assistant has.

    async def preempt_policy(self) -> None:
        raise NotImplementedError

    def learn(self) -> AsyncIterator[AssistantEvent]:
        raise NotImplementedError

    def _answer(
        self, turn: Turn, after: str | None = None, begun: Sequence[Turn] = ()
    ) -> AsyncIterator[AssistantEvent]:
        raise NotImplementedError
