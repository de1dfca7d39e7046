"""A summary of what is about to leave the context, made while nobody waits for the model.

It is asked for as the next message of the very conversation: the model has all of that in its cache
already, and forgets the question again at the next real message. It is kept in memory alone.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from pocket_agent.assistant.context import AssembledPrompt
from pocket_agent.assistant.giving_way import GivingWay
from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.protocol import (
    GREEDY,
    ContextName,
    Engine,
    Message,
    Request,
    Role,
    complete,
)
from pocket_agent.memory.records import Turn, TurnRole

NEAR_FULL = 0.65
"""From this share of the context on, a summary is made: above what stays when turns have left."""
MAX_TOKENS = 96
ASK = (
    "Sum up what we have said so far in at most three short sentences. Only what was said: names, "
    "plans, decisions. No greeting."
)
_LONGEST = 500
_STYLE = replace(GREEDY, dry=0.8, max_tokens=MAX_TOKENS)


class Summariser:
    """Holds the newest summary of one session.

    Args:
        engine: the model that answers in it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._making = GivingWay[str]()
        self._begins = ""
        self.text = ""
        """What is to stand for the turns that leave next; empty while there is none."""

    def forget(self) -> None:
        """Another session, or other words in it: nothing is known of it."""
        self._begins = self.text = ""

    async def prepare(self, prompt: AssembledPrompt, history: Sequence[Turn]) -> None:
        """Once the context is nearly full, have a summary ready for the turns that leave next.

        There is one for each beginning of what is sent; `preempt` ends the making of it at once. A
        model that fails here is no failure of the conversation: there is no summary then.

        Args:
            prompt: of the last reply. history: the turns that are sent, with that reply.
        """
        begins = history[0].id if history else ""
        answered = bool(history) and history[-1].role is TurnRole.ASSISTANT
        if answered and begins != self._begins and prompt.tokens >= NEAR_FULL * prompt.limit:
            reply = Message(Role.ASSISTANT, history[-1].text)
            await self._make(begins, (*prompt.messages, reply))

    async def _make(self, begins: str, messages: Sequence[Message]) -> None:
        asked = (*messages, Message(Role.USER, ASK))
        request = Request(ContextName.CHAT, messages=asked, sampling=_STYLE)
        made = await self._making.run(complete(self._engine, request))
        if not made.cancelled():
            with contextlib.suppress(PocketAgentError):
                self.text = _whole_sentences(made.result())
                self._begins = begins

    async def preempt(self) -> None:
        """Give the model to the person."""
        await self._making.preempt()


def _whole_sentences(text: str) -> str:
    """The text on one line, without a sentence that was cut at the end."""
    line = " ".join(text.split())[:_LONGEST]
    end = max(line.rfind(mark) for mark in ".!?。")
    return line[: end + 1] if end > 0 else line
