"""Runs the conversation: queues messages, walks the assistant's events, keeps the status true.

The chat screen shows what is in here and passes on what the person does. No Textual in here.
"""

from collections.abc import Coroutine, Mapping
from typing import Any

from pocket_agent.assistant.events import (
    AssistantEvent,
    ContextReady,
    Learnt,
    PolicyIdle,
    ReplyDelta,
    ReplyDone,
    UserSaved,
)
from pocket_agent.errors import PocketAgentError
from pocket_agent.keys import DEFAULT_KEYS, key_for
from pocket_agent.tui.backend import Backend, Readiness, Stage
from pocket_agent.tui.conversation import Conversation, Said
from pocket_agent.tui.correcting import Correcting
from pocket_agent.tui.exchange import Exchange, How
from pocket_agent.tui.recent import MOST, Recent
from pocket_agent.tui.redoing import PAGE, Redoing
from pocket_agent.tui.status import Status
from pocket_agent.tui.unsent import Unsent
from pocket_agent.tui.view import Spawn, View

FAR = 300
"""Turns asked of the store at once, on the way back to a turn that may be far."""


class Dialogue(Redoing, Correcting):
    """One conversation at a time, over a backend.

    Args:
        backend: the profile and the model.
        view: told of every change.
        spawn: runs a coroutine in the background.
        mode: incognito or blank, for the status line; empty for the usual.
        keys: the keys that its lines tell, by action.
    """

    def __init__(
        self,
        backend: Backend,
        view: View,
        spawn: Spawn,
        mode: str = "",
        keys: Mapping[str, str] = DEFAULT_KEYS,
    ) -> None:
        self.backend = backend
        self.conversation = Conversation()
        self.status = Status(mode=mode)
        self.opened = False
        self.recent = Recent()
        self._keys = keys
        self._view = view
        self._spawn = spawn
        self._current: Exchange | None = None
        self._unsent = Unsent(self._on_no_disk, self._write_down, spawn)
        self._learning = 0
        self._loading = False
        self._placed = ("", "")
        self._versions: dict[str, list[str]] = {}
        self._noted: set[str] = set()

    @property
    def replying(self) -> bool:
        """Whether a message is being answered."""
        return self._current is not None

    @property
    def busy(self) -> bool:
        """Whether anything is under way or waits, so that the profile must stay open."""
        under_way = self._loading or self.replying or self._learning > 0
        return under_way or bool(self.conversation.queue)

    async def lock(self) -> None:
        """Take everything said off the screen, then close the profile. `open` brings it back."""
        self.opened = False
        self.conversation = Conversation()
        self.status = Status(mode=self.status.mode)
        self._placed = ("", "")
        self.recent.forget()
        self._unsent.kept = []
        self._view.entries_changed()
        self._view.status_changed()
        await self.backend.lock()

    @property
    def _settled(self) -> bool:
        """Whether the model is loaded, or is known not to be."""
        return self.status.readiness.stage in (Stage.READY, Stage.FAILED)

    async def open(self, session: str | None, key: str | None = None) -> None:
        """Open the profile and show the session; messages typed before this still wait.

        Raises:
            NeedsKeyError: it is encrypted, and `key` is missing or wrong.
            PocketAgentError: the profile can't be opened.
        """
        await self.backend.open(session, self._report, key)
        self.opened = True
        self.conversation.restore(await self.backend.page(None, PAGE))
        if count := await self.backend.unseen_imports():
            what = "imported fact waits" if count == 1 else "imported facts wait"
            key = key_for("profile", self._keys)
            self.conversation.note(f"{count} {what} for your yes or no: {key}")
        if unsent := await self.backend.waiting():
            self._unsent.kept = unsent
            self._view.draft_returned("\n".join(unsent))
        self._view.facts_changed()
        await self.mark_versions()
        self._spawn(self._recollect())
        self._pump()

    async def load(self) -> None:
        """Load the model; a failure becomes a line of the chat."""
        self._loading = True
        try:
            await self.backend.load(self._report)
        except PocketAgentError as error:
            self._report(Readiness(Stage.FAILED))
            self.fail(error)
            return
        finally:
            self._loading = False
        if self._current is None:
            self._spawn(self._measure())
            self._learning += 1
            await self._catch_up()

    async def use_model(self, name: str, *, learning: bool = False) -> None:
        """Answer, or learn, with another model from here on; what is said meanwhile waits."""
        self._loading = True
        try:
            line = await self.backend.use_model(name, self._report, learning=learning)
        except PocketAgentError as error:
            self.fail(error)
            return
        finally:
            self._loading = False
        self.conversation.note(line)
        self._view.entries_changed()
        if self._current is None:
            self._learning += 1
            await self._catch_up()

    def submit(self, text: str) -> None:
        """Say something, now or as soon as what is under way is done."""
        self.conversation.say(text)
        self._view.entries_changed()
        self._pump()

    async def stop(self) -> None:
        """Stop the reply; with none under way, take the newest waiting message back."""
        if self._current is not None:
            self._current.stopped = True
            await self.attempt(self.backend.stop())
        else:
            self.take_back()

    async def load_older(self, limit: int = PAGE) -> bool:
        """Fetch the turns before the oldest one held. Returns whether there were any."""
        before = self.conversation.first_turn
        if not self.opened or not self.conversation.older or before is None:
            return False
        found = self.conversation.prepend(await self.backend.page(before, limit))
        self.conversation.mark_versions(self._versions)
        return bool(found)

    async def find(self, session: str, turn: str) -> Said | None:
        """Go to a turn: its session is opened if it isn't, and read back as far as the turn.

        Returns:
            The turn as it is shown, or None if it is no longer there.
        """
        here = self.backend.session
        if here is None or here.id != session:
            await self.switch(session)
        while (said := self.conversation.said(turn)) is None:
            if not await self.load_older(FAR):
                return None
        return said

    async def switch(self, session: str | None) -> None:
        """Go on with another session, or start a new one. What waits becomes a draft again."""
        waiting = [said.text for said in self.conversation.queue]
        self.conversation.queue.clear()
        if (current := self._current) is not None:
            await self.stop()
            await current.over.wait()  # its reply is of that session, not of the next
        await self.backend.open_session(session)
        self._current = None
        self.conversation = Conversation()
        self.conversation.restore(await self.backend.page(None, PAGE))
        self.status.used, self.status.rate = 0, 0.0
        self._spawn(self._measure())
        self._spawn(self._recollect())
        if waiting:
            self._view.draft_returned("\n".join(waiting))
        await self.mark_versions()

    async def _measure(self) -> None:
        """Show how full the context is before anything is said."""
        conversation = self.conversation
        try:
            use = await self.backend.context_use() if self.opened else None
        except PocketAgentError:  # it is told when something is sent
            return
        if use is None or self._current is not None or conversation is not self.conversation:
            return
        self.status.used, self.status.limit = use.tokens, use.limit
        conversation.reads_from(use.first, use.dropped_turns)
        self._view.status_changed()
        self._view.entries_changed()

    async def _recollect(self) -> None:
        """Have the messages of earlier conversations at hand, for the field to go back to."""
        conversation = self.conversation
        try:
            stored = await self.backend.library.messages(MOST) if self.opened else []
        except PocketAgentError:  # a comfort: what is really wrong shows elsewhere
            return
        if self.opened and conversation is self.conversation:
            self.recent.stored = stored
            self._view.entries_changed()

    def fail(self, error: PocketAgentError) -> None:
        """Show a failure as one line of the chat."""
        self.conversation.note(str(error), failure=True)
        self._view.entries_changed()

    def _tell_placement(self, ready: Readiness) -> None:
        """Say where the model's layers went, once for each model and place."""
        here = ready.model, ready.device  # the line also tells what is free, which always changes
        if ready.stage is Stage.READY and here != self._placed:
            self._placed = here
            if ready.placement:
                self.conversation.note(ready.placement)
                self._view.entries_changed()

    def _note_once(self, line: str) -> None:
        """Keep a line about the start in the conversation: the status line goes on to others."""
        if line and line not in self._noted:
            self._noted.add(line)
            self.conversation.note(line)
            self._view.entries_changed()

    def _pump(self) -> None:
        """Send the next waiting message, if nothing is under way."""
        if self.opened and self._settled and self._current is None:
            said = self.conversation.next_queued()
            if said is not None:
                self._answer(said, How())
                self._view.entries_changed()
        self._changed_status()

    async def _catch_up(self) -> None:
        """Show what is learnt from turns that an earlier run left unread."""
        self._changed_status()
        try:
            async for event in self.backend.catch_up():
                if isinstance(event, Learnt):
                    self._learnt(event)
        except PocketAgentError as error:
            self.fail(error)
        finally:
            self._learning = max(0, self._learning - 1)
            self._changed_status()

    def _why_not(self) -> str:
        if not (self.opened and self._settled):
            return "The model is still being loaded."
        stops = f"A reply is being written: {key_for('stop', self._keys)} stops it."
        return stops if self.replying else ""

    def _begin(self, said: Said, how: How) -> None:
        self._answer(said, how)
        self._changed()

    def _returned(self, text: str) -> None:
        self._view.draft_returned(text)
        self._changed()

    def _answer(self, said: Said, how: How) -> None:
        self._current = Exchange(said, how, self.conversation, self.status, self._view)
        self._spawn(self._walk(self._current))

    async def _walk(self, exchange: Exchange) -> None:
        try:
            async for event in exchange.events(self.backend):
                self._take(event, exchange)
                if exchange.stopped and isinstance(event, (UserSaved, ContextReady)):
                    await self.backend.stop()  # it may have been stopped before it had begun
        except PocketAgentError as error:
            self._broken(exchange, str(error))
        except Exception as error:
            # A defect of ours must not take the conversation down with it.
            self._broken(exchange, f"Something went wrong ({type(error).__name__}: {error})")
        finally:
            if exchange.how.branches and exchange is self._current:
                self._spawn(self.attempt(self.mark_versions()))
            self._finish(exchange)

    def _take(self, event: AssistantEvent, exchange: Exchange) -> None:
        mine = exchange is self._current
        match event:
            case UserSaved(turn):
                said, old = exchange.said, exchange.how.instead_of
                said.turn = turn.id
                if old:
                    self.conversation.put_in_place(old, said)
                self._keep_waiting()
            case ContextReady() if mine:
                exchange.ready(event)
            case ReplyDelta() if mine:
                exchange.grow(event.text, event.tokens)
            case ReplyDone() if mine:
                exchange.end(event)
                exchange.over.set()
                self._learning += 1
                if exchange.how.branches:
                    self._spawn(self.attempt(self.mark_versions()))
                self._release()
            case Learnt():
                self._learnt(event)
            case PolicyIdle():
                self._learning = 0
                self._changed_status()

    def _learnt(self, event: Learnt) -> None:
        self.conversation.learn(event)
        self._view.entries_changed()
        self._view.facts_changed()

    def _broken(self, exchange: Exchange, line: str) -> None:
        """An exchange ended early."""
        if not self._settled:
            # It was loading the model once more: what waits must not wait for that any longer.
            self._report(Readiness(Stage.FAILED))
        if exchange is self._current:
            exchange.break_off()
        self.conversation.note(line, failure=True)

    def _finish(self, exchange: Exchange) -> None:
        """The assistant has nothing more to tell about this exchange."""
        exchange.over.set()
        if exchange is self._current:
            self._release()
        self._learning = max(0, self._learning - 1)
        self._changed()

    def _release(self) -> None:
        """The reply is over: whoever waits is next."""
        self._current = None
        self._pump()

    async def attempt(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it; a failure becomes a line of the chat."""
        try:
            await work
        except PocketAgentError as error:
            self.fail(error)

    def _report(self, readiness: Readiness) -> None:
        self.status.readiness = readiness
        self._tell_placement(readiness)
        self._note_once(readiness.note)
        self._pump()

    def _keep_waiting(self) -> None:
        if self.opened:
            self._unsent.keep()

    async def _write_down(self, texts: list[str]) -> None:
        await self.attempt(self.backend.keep_waiting(texts))

    def _on_no_disk(self) -> list[str]:
        """Messages on the screen that are on no disk yet, in their order."""
        now = self._current.said if self._current else None
        first = [now] if now and not now.turn else []
        return [said.text for said in (*first, *self.conversation.queue)]

    def _changed_status(self) -> None:
        self._keep_waiting()
        self.status.queued = len(self.conversation.queue)
        if self._current is None:
            self.status.doing = "learning" if self._learning else ""
        self._view.status_changed()

    def _changed(self) -> None:
        self._changed_status()
        self._view.entries_changed()
