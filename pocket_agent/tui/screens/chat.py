"""The chat: a view of the dialogue, and the commands one can give it."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from pocket_agent.errors import PocketAgentError
from pocket_agent.tui.backend import Backend, NeedsKeyError
from pocket_agent.tui.commands import Command, parse
from pocket_agent.tui.conversation import Said
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.asking import OFFER, Asking
from pocket_agent.tui.screens.beginning import Beginning
from pocket_agent.tui.screens.carrying import Carrying
from pocket_agent.tui.screens.choosing import Choosing
from pocket_agent.tui.screens.docking import Docking
from pocket_agent.tui.screens.looking import Looking
from pocket_agent.tui.screens.passphrase import PassphraseScreen
from pocket_agent.tui.screens.redoing import Redoing
from pocket_agent.tui.screens.writing import Writing
from pocket_agent.tui.widgets.bars import Heading, StatusLine
from pocket_agent.tui.widgets.entries import MemoryLine
from pocket_agent.tui.widgets.prompt import Prompt
from pocket_agent.tui.widgets.transcript import WELCOME, Transcript

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

_WELCOMES = {
    "incognito": "Nothing of this chat is kept. What is known of you is used all the same.",
    "blank": "Nothing of this chat is kept, and nothing that is known of you is used.",
}
_PLACEHOLDERS = (
    (64, "Message…  {send} sends · {new_line} new line · / commands · {help} help"),
    (36, "Message…  / commands · {help} help"),
    (0, "Message…"),
)


class ChatScreen(Beginning, Docking, Redoing, Writing, Looking, Choosing, Asking, Carrying):
    """Talk with the assistant."""

    TITLE = "Chat"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "profile", "what is remembered about you", id="profile"),
        Binding("f3", "sessions", "earlier conversations", id="sessions"),
        Binding("f6", "find", "find in every conversation", priority=True, id="find"),
        Binding("f7", "panel", "show or hide what is remembered", priority=True, id="panel"),
        Binding("f5", "sources", "what the last reply was made from", id="sources"),
        Binding("f4", "context", "the prompt of the last reply", id="context"),
        Binding("ctrl+n", "new_session", "new conversation", priority=True, id="new"),
        Binding("escape", "stop", "stop the reply, or take back a message that waits", id="stop"),
        Binding("ctrl+r", "regenerate", "another reply to your last message", id="regenerate"),
        Binding("ctrl+g", "go_on", "go on with a reply that was stopped or cut", id="continue"),
        Binding(
            "alt+up", "edit", "say your last message anew; again, the one before it", id="edit"
        ),
        Binding(
            "alt+left", "version(-1)", "the version before the one that is shown", id="earlier"
        ),
        Binding("alt+right", "version(1)", "the version after it", id="later"),
        Binding(
            "ctrl+b", "take_back", "take the newest waiting message back into the field", id="back"
        ),
        Binding("ctrl+o", "editor", "write the message in your $EDITOR", id="editor"),
        Binding("ctrl+t", "copy_code", "copy the next code block of the last reply", id="code"),
        Binding(
            "pageup",
            "scroll_back",
            "scroll up; at the top, older turns",
            priority=True,
            id="page_up",
        ),
        Binding("pagedown", "scroll_on", "scroll down", priority=True, id="page_down"),
        Binding("ctrl+up", "scroll_back(1)", "scroll a line up", priority=True, id="line_up"),
        Binding("ctrl+down", "scroll_on(1)", "scroll a line down", priority=True, id="line_down"),
        Binding("ctrl+end", "to_end", "to the end", priority=True, id="end"),
    ]

    def __init__(self, backend: Backend, options: TuiOptions) -> None:
        super().__init__()
        self._options = options
        self._was_locked = False
        self.dialogue = Dialogue(backend, self, self._spawn, options.mode, options.keys)
        welcome = _WELCOMES.get(options.mode, WELCOME)
        self._transcript = Transcript(f"{welcome}\n\n{OFFER}" if options.welcomes else welcome)
        self._panel = self.make_panel()
        self._prompt = Prompt(enter_sends=options.enter_sends)
        self._status = StatusLine()
        self._heading = Heading(
            "Pocket Agent" if options.blank else f"Pocket Agent · {backend.profile_name}"
        )

    def body(self) -> Iterator[Widget]:
        yield self._heading
        yield Horizontal(self._transcript, self._panel, id="middle")
        yield Horizontal(Static("›", id="glyph", markup=False), self._prompt, id="prompt-box")
        yield self._status

    def on_mount(self) -> None:
        self._prompt.focus()
        # The app gives the focus when its turn comes; this is right behind it.
        self.app.call_later(cast("PocketApp", self.app).take_early_keys)
        self._status.show(self.dialogue.status)
        # Only once the first picture is on the screen may anything slow begin.
        self.call_after_refresh(self._begin)

    def on_resize(self) -> None:
        width = self.size.width
        text = next(text for least, text in _PLACEHOLDERS if width >= least)
        new_line, send = ("ctrl+j", "Enter") if self._options.enter_sends else ("Enter", "ctrl+j")
        self._prompt.placeholder = text.format(send=send, new_line=new_line, help=self.key("help"))
        self._status.show(self.dialogue.status)

    @work(group="begin")
    async def _begin(self) -> None:
        await self._open(self._options.session, await self.meet())

    async def _open(self, session: str | None, key: str | None) -> None:
        """Open the profile, asking for its passphrase as often as it takes; then load the model."""
        try:
            while not self.dialogue.opened:
                try:
                    await self.dialogue.open(session, key)
                except NeedsKeyError as error:
                    key = await self._ask(str(error), may_leave=not self._was_locked)
                    if key is None:
                        raise
        except PocketAgentError as error:
            self.app.exit(str(error), return_code=1)
            return
        self.show_title()
        self._tell_if_new()
        self._tell_if_full()
        if self._options.turn and not self._was_locked:
            self.go_to_turn(self._options.session or "", self._options.turn)
        await self.dialogue.load()
        if self._wants_models and self.app.screen is self:
            self._wants_models = False
            self.action_models()

    async def _ask(self, reason: str, *, may_leave: bool) -> str | None:
        screen = PassphraseScreen(reason, may_leave=may_leave)
        return await self.app.push_screen_wait(screen)

    @property
    def can_lock(self) -> bool:
        """Whether there is an open encrypted profile with nothing under way in it."""
        return self.dialogue.opened and self.dialogue.backend.encrypted and not self.dialogue.busy

    @work(group="lock", exclusive=True)
    async def lock_up(self, reason: str) -> None:
        """Hide everything and close the profile; open it again once the passphrase is typed."""
        session = self.dialogue.backend.session
        while len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        self.app.clear_notifications()
        self._heading.show(self.dialogue.backend.profile_name)
        self._panel.show(None)
        self._was_locked = True
        closing = asyncio.ensure_future(self.dialogue.lock())
        key = await self._ask(reason, may_leave=False)
        try:
            await closing
        except PocketAgentError as error:
            self.app.exit(str(error), return_code=1)
            return
        await self._open(session.id if session else None, key)

    def _tell_if_new(self) -> None:
        """A name that was only misspelt must not pass for a profile of its own."""
        if self._options.new_profile and not self._was_locked:
            name = self.dialogue.backend.profile_name
            self.dialogue.conversation.note(f"a new profile, {name}, was made")
            self.entries_changed()

    def _tell_if_full(self) -> None:
        if told := self.dialogue.backend.full_disk:
            self.dialogue.conversation.note(told, failure=True)
            self.entries_changed()

    # The dialogue's view.

    def entries_changed(self) -> None:
        """Entries were added, removed or changed their state."""
        self._remember()
        self.check_editing()
        self.run_worker(self._sync(), group="sync")

    def reply_grew(self, reply: Said, text: str) -> None:
        """`text` was added to the reply."""
        self._transcript.grow(reply, text)

    def status_changed(self) -> None:
        """The status is another one."""
        self._status.show(self.dialogue.status)
        if self.dialogue.opened:
            self.show_title()

    def draft_returned(self, text: str) -> None:
        """A message could not be sent: it is in the field again."""
        self._prompt.restore_draft(text)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_worker(work, group="exchange")

    async def _sync(self) -> None:
        await self._transcript.sync(self.dialogue.conversation)

    # What the person does.

    @on(Prompt.Sent)
    def _sent(self, message: Prompt.Sent) -> None:
        call = parse(message.text)
        if call is None or call.command is not None:
            self.dialogue.recent.type(message.text.strip())
            self._remember()
        if call is None:
            self._transcript.anchor()
            if not self.send_anew(message.text.strip()):
                self.dialogue.submit(message.text.strip())
            self.give_draft_back()
        elif call.command is None:
            self._prompt.put(message.text)
            self.tell(f"There is no /{call.name}. /help lists the commands.", failure=True)
        else:
            if call.command.action != "edit":
                self.leave_editing()
            self.give_draft_back()
            self.run_command(call.command, call.argument)

    def _remember(self) -> None:
        dialogue = self.dialogue
        self._prompt.remember(dialogue.recent.all(dialogue.conversation.history))

    def run_command(self, command: Command, argument: str = "") -> None:
        """Do what a command of the table says; where it needs an argument, ask for that."""
        if command.needs_argument and not argument:
            self.type_command(command)
            return
        action = getattr(self, f"action_{command.action}")
        action(argument) if command.argument else action()

    @on(Prompt.UndoWanted)
    def _undo_key(self) -> None:
        self.action_undo()

    @on(Prompt.Interrupted)
    def _interrupted(self) -> None:
        if selected := self.get_selected_text():
            self.copy(selected, "selection")
        elif self.dialogue.replying:
            self.action_stop()
        else:
            self.tell(f"{self.key('quit')} leaves.")

    @on(MemoryLine.UndoWanted)
    def _undo_line(self, message: MemoryLine.UndoWanted) -> None:
        self._prompt.focus()
        self.run_worker(self.dialogue.undo(message.row), group="undo")

    @on(MemoryLine.Answered)
    def _answered(self, message: MemoryLine.Answered) -> None:
        self._prompt.focus()
        self.run_worker(self.dialogue.answer(message.yes, message.row), group="undo")

    @on(Transcript.OlderWanted)
    async def _older(self) -> None:
        self.run_worker(self._load_older(), group="older", exclusive=True)

    async def show_turn(self, said: Said) -> None:
        """Scroll to a turn of this conversation."""
        self.show_title()
        await self._sync()
        await self._transcript.reveal(said)

    async def _load_older(self) -> None:
        try:
            if await self.dialogue.load_older():
                await self._transcript.show_older()
        except PocketAgentError as error:
            self.dialogue.fail(error)

    def action_help(self) -> None:
        from pocket_agent.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen())

    def action_profile(self) -> None:
        if self.is_open():
            from pocket_agent.tui.screens.profile import ProfileScreen

            # On the fact whose words were gone to: the same key then goes to the words before.
            self.app.push_screen(ProfileScreen(self.dialogue.backend, self._looked[0]))

    def action_sessions(self) -> None:
        if self.is_open():
            from pocket_agent.tui.screens.sessions import SessionsScreen

            self.app.push_screen(SessionsScreen(self.dialogue.backend), self._session_chosen)

    def action_context(self) -> None:
        from pocket_agent.tui.screens.context import ContextScreen

        self.app.push_screen(ContextScreen(self.dialogue.backend))

    def action_new_session(self) -> None:
        if self.is_open():
            self._switch(None)

    @work(group="title")
    async def action_rename(self, argument: str) -> None:
        if self.is_open():
            await self._rename(argument)

    async def _rename(self, title: str) -> None:
        session = self.dialogue.backend.session
        if session is None:
            self.tell("Say something first: an empty conversation can't have a title.")
            return
        try:
            await self.dialogue.backend.rename_session(session.id, title)
        except PocketAgentError as error:
            self.dialogue.fail(error)
        self.show_title()

    @work(group="forget")
    async def action_forget(self, argument: str) -> None:
        if self.is_open():
            from pocket_agent.tui.screens.topic import forget_what_is_said

            app = cast("PocketApp", self.app)
            line = await forget_what_is_said(app, self.dialogue.backend, argument)
            self.dialogue.conversation.note(line)
            self.entries_changed()

    async def reload(self) -> None:
        """Show the conversation as it is stored now: something was forgotten."""
        session = self.dialogue.backend.session
        self.dialogue.recent.forget()
        try:
            await self.dialogue.switch(session.id if session else None)
        except PocketAgentError as error:
            self.dialogue.fail(error)
        self.facts_changed(forgotten=True)
        self.show_title()

    @work(group="stop")
    async def action_stop(self) -> None:
        if not self.leave_editing():
            await self.dialogue.stop()

    @work(group="undo")
    async def action_undo(self) -> None:
        if self.is_open():
            await self.dialogue.undo()

    @work(group="undo")
    async def action_answer_yes(self) -> None:
        if self.is_open():
            await self.dialogue.answer(True)

    @work(group="undo")
    async def action_answer_no(self) -> None:
        if self.is_open():
            await self.dialogue.answer(False)

    def action_theme(self, argument: str = "") -> None:
        if not argument:
            self.app.action_change_theme()
        elif argument in self.app.available_themes:
            self.app.theme = argument
        else:
            names = ", ".join(sorted(self.app.available_themes))
            self.tell(f"There is no theme {argument!r}. There are: {names}", failure=True)

    def action_lock(self) -> None:
        if not self.is_open():
            return
        if not self.dialogue.backend.encrypted:
            self.tell("This profile is not encrypted: pocket-agent profile encrypt")
        elif self.dialogue.busy:
            stop = self.key("stop")
            self.tell(f"Something is still under way: wait for it, or stop it with {stop}.")
        else:
            self.lock_up("Locked")

    def action_quit(self) -> None:
        self.app.exit(return_code=0)

    def action_scroll_back(self, lines: int = 0) -> None:
        self._transcript.back(lines)

    def action_scroll_on(self, lines: int = 0) -> None:
        self._transcript.on(lines)

    def action_to_end(self) -> None:
        self._transcript.anchor()

    def _session_chosen(self, session: str | None) -> None:
        if session is not None:
            self._switch(session or None)

    @work(group="switch", exclusive=True)
    async def _switch(self, session: str | None) -> None:
        try:
            await self.dialogue.switch(session)
        except PocketAgentError as error:
            self.dialogue.fail(error)
        self.show_title()

    def show_title(self) -> None:
        """Say at the top which conversation of which profile this is."""
        session = self.dialogue.backend.session
        title = (session.title if session else "") or "New conversation"
        name, mode = self.dialogue.backend.profile_name, self._options.mode
        where = "blank" if mode == "blank" else f"{name} · {mode}" if mode else name
        self._heading.show(f"{where} · {title}")

    def is_open(self) -> bool:
        """Whether the profile is open; says so if it isn't."""
        if not self.dialogue.opened:
            self.tell("The profile is still being opened.")
        return self.dialogue.opened
