"""One message being answered: what its reply changes of the conversation and of the status."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from pocket_agent.assistant.events import AssistantEvent, ContextReady, ReplyDone
from pocket_agent.assistant.phrases import no_room
from pocket_agent.memory.records import Drawn
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.conversation import Conversation, Said, SaidState
from pocket_agent.tui.status import Status
from pocket_agent.tui.view import View

_STATUS_EVERY_S = 0.25
_LONG_AGO = float("-inf")


@dataclass(slots=True)
class How:
    """How a message is answered.

    Args:
        instead_of: the message that it is said in place of.
        reply: the first one, another one, or more of the one that is there.
    """

    instead_of: Said | None = None
    reply: Literal["first", "another", "more"] = "first"

    @property
    def branches(self) -> bool:
        """Whether another version of something comes of it."""
        return self.instead_of is not None or self.reply == "another"


class Exchange:
    """A message and the reply to it, as that comes.

    Args:
        said: the message. how: how it is answered.
        conversation: where the message stands. status: told of the context and the speed.
        view: told of every change.
    """

    def __init__(
        self, said: Said, how: How, conversation: Conversation, status: Status, view: View
    ) -> None:
        self.said = said
        self.how = how
        self.stopped = False
        self.over = asyncio.Event()
        self._conversation = conversation
        self._status = status
        self._view = view
        self._reply: Said | None = None
        self._begun = ""
        self._drawn = Drawn()
        self._first_piece = 0.0
        self._tokens = 0
        self._first_tokens = 0
        self._status_at = _LONG_AGO

    def events(self, backend: Backend) -> AsyncIterator[AssistantEvent]:
        """Have the backend answer."""
        self._set_doing("recalling")
        match self.how.reply:
            case "another":
                return backend.regenerate()
            case "more":
                return backend.go_on()
            case _:
                text, old = self.said.text, self.how.instead_of
                return backend.send(text, old.turn) if old else backend.send(text)

    def ready(self, event: ContextReady) -> None:
        """The prompt is put together: show what it holds, and make way for the reply."""
        self._status.used, self._status.limit = event.tokens, event.limit
        facts, turns = (f.id for f in event.facts), (m.turn.id for m in event.recalled)
        self._drawn = Drawn(tuple(facts), tuple(turns))
        self._conversation.reads_from(
            event.first or self.said.turn, event.dropped_turns, summed_up=bool(event.summary)
        )
        self._conversation.lacks(no_room(event.left_out) if event.left_out else "")
        self._set_doing("reading")
        self._view.entries_changed()
        self._make_way()

    def grow(self, text: str, tokens: int) -> None:
        """More of the reply, which is so many tokens."""
        now = time.monotonic()
        if self._reply is None:
            self._reply = self._conversation.begin_reply(self.said)
        if not self._first_piece:
            self._first_piece, self._first_tokens = now, tokens
            self._view.entries_changed()
            self._set_doing("answering")
        self._reply.text += text
        self._tokens += tokens
        self._status.used += tokens
        self._view.reply_grew(self._reply, text)
        if now - self._status_at > _STATUS_EVERY_S and now > self._first_piece:
            self._status.rate = (self._tokens - self._first_tokens) / (now - self._first_piece)
            self._status_at = now
            self._view.status_changed()

    def end(self, event: ReplyDone) -> None:
        """The reply is over, and stored."""
        reply = self._reply or self._conversation.begin_reply(self.said)
        self._conversation.end_reply(reply, event.turn, self._begun)
        self._conversation.drew(reply, self._drawn)
        if event.usage:
            usage = event.usage
            self._status.used = usage.prompt + usage.completion
            if usage.decode_s > 0:
                self._status.rate = usage.completion / usage.decode_s

    def break_off(self) -> None:
        """It ended early: keep the partial reply, and give back what was not saved."""
        if self._reply is not None:
            self._reply.state = SaidState.INTERRUPTED
            self._conversation.drew(self._reply, self._drawn)
        if not self.said.turn:
            self.said.state = SaidState.UNSAVED
            self._view.draft_returned(self.said.text)

    def _make_way(self) -> None:
        """Take off the screen what the reply replaces; one that goes on stays, and grows.

        Only now: had it failed before, all would be as it was.
        """
        if self.how.reply == "another":
            self._conversation.drop_reply(self.said)
        reply = self._conversation.reply_to(self.said) if self.how.reply == "more" else None
        if reply is not None:
            self._conversation.drop_reply(self.said, sources_only=True)
            self._begun, reply.state = reply.text, SaidState.STREAMING
        self._reply = reply

    def _set_doing(self, doing: str) -> None:
        self._status.doing = doing
        self._view.status_changed()
