"""Where one types: Enter sends, ctrl+j breaks the line, up and down walk the history."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from pocket_agent.tui.commands import complete, parse
from pocket_agent.tui.safe_text import printable

MOST_SHOWN = 8_000
"""Characters of a pasted text that the field takes as they are."""


def teach_alt_enter() -> None:
    """Let the plain terminal's Alt+Enter make a new line: Textual 8.2 reads it as Enter."""
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
    from textual.keys import Keys

    if isinstance(ANSI_SEQUENCES_KEYS, dict):
        ANSI_SEQUENCES_KEYS.setdefault("\x1b\r", (Keys.ControlJ,))


class Prompt(TextArea):
    """A multi-line field for messages and slash commands.

    Args:
        enter_sends: Enter sends and ctrl+j makes a new line; if not, the other way round.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # Not priority bindings: those run before letters that still wait in the field's queue.
        Binding("enter", "enter", "send", show=False),
        Binding("ctrl+j,shift+enter,alt+enter", "other_enter", "new line"),
        Binding("up", "up", "earlier message", show=False),
        Binding("down", "down", "later message", show=False),
        Binding(
            "ctrl+u", "cut_line_or_undo", "undo what was remembered (on an empty line)", id="undo"
        ),
        Binding("tab", "accept", "complete a command", show=False),
        Binding("ctrl+c,super+c", "copy_or_stop", "copy the selection", show=False),
    ]

    class Sent(Message):
        """The person sent the text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class UndoWanted(Message):
        """The undo key on an empty line."""

    class Interrupted(Message):
        """ctrl+c with nothing selected."""

    def __init__(self, *, enter_sends: bool = True) -> None:
        super().__init__(id="prompt", compact=True, highlight_cursor_line=False)
        self._enter_sends = enter_sends
        self._history: Sequence[str] = ()
        self._at = 0
        self._draft = ""
        self._held: dict[str, str] = {}
        self._files: dict[str, str] = {}
        # A blinking cursor would wake the machine twice a second for nothing.
        self.cursor_blink = False

    def on_mount(self) -> None:
        # A key that a person gave to the chat must not do what it does in any text field.
        keys: Mapping[str, str] = getattr(self.app, "keys", {})
        for key in keys.values():
            held = self._bindings.key_to_bindings
            if not any(binding.id for binding in held.get(key, [])):
                held.pop(key, None)

    def remember(self, history: Sequence[str]) -> None:
        """Take over the history, oldest first; walking starts at its end again."""
        if self._at == len(self._history) or len(history) != len(self._history):
            self._at = len(history)
        self._history = history

    def put(self, text: str) -> None:
        """Show a text to be edited, with the cursor at its end."""
        self.text = self._light(text)
        self.move_cursor(self.document.end)

    def add(self, text: str) -> None:
        """Put a text behind what is being typed."""
        self.put(self.text + self._light(text))

    def attach(self, name: str, block: str, tokens: int) -> None:
        """Let a file go with the message: a sign stands for it, and without that it stays behind.

        Args:
            block: what is put behind the message.
        """
        sign = f"[{printable(name)}: {tokens:,} tokens]"
        self._files[sign] = block
        self.put(f"{self.text} {sign}".lstrip())

    @property
    def typed(self) -> str:
        """What is in the field, without the signs for long texts; those for files stay."""
        text = self.text
        for sign, whole in self._held.items():
            text = text.replace(sign, whole)
        return text

    @property
    def whole(self) -> str:
        """The message as it would be sent: long texts in their places, files behind it."""
        text, behind = self.typed, ""
        for sign, block in self._files.items():
            if sign in text:
                text, behind = text.replace(sign, ""), behind + block
        return text.strip() + behind if behind else text.strip("\n")

    def restore_draft(self, text: str) -> None:
        """Give a text back that could not be sent, before whatever is being typed."""
        self.put(f"{text}\n{self.text}" if self.text.strip() else text)

    def update_suggestion(self) -> None:
        """Show the rest of the slash command that is being typed."""
        single = self.document.line_count == 1 and self.cursor_at_end_of_text
        self.suggestion = complete(self.text) if single else ""

    def action_enter(self) -> None:
        self._send() if self._enter_sends else self._break_line()

    def action_other_enter(self) -> None:
        self._break_line() if self._enter_sends else self._send()

    def action_up(self) -> None:
        if self.cursor_at_first_line and self._first_wrapped_row() and self._history:
            self._walk(-1)
        else:
            self.action_cursor_up()

    def action_down(self) -> None:
        before = self.cursor_location
        self.action_cursor_down()
        at_edge = self.cursor_location == before or self.cursor_location == self.document.end
        if at_edge and self.cursor_at_last_line and self._at < len(self._history):
            self._walk(1)

    def action_cut_line_or_undo(self) -> None:
        if self.text:
            self.action_delete_to_start_of_line()
        else:
            self.post_message(self.UndoWanted())

    def action_accept(self) -> None:
        if self.suggestion:
            self.insert(self.suggestion)
        else:
            self.screen.focus_next()

    def action_copy_or_stop(self) -> None:
        if self.selected_text:
            self.action_copy()
        else:
            self.post_message(self.Interrupted())

    async def _on_key(self, event: events.Key) -> None:
        # The field would make a new line of Enter by itself.
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            self.action_enter()
        elif event.key in ("ctrl+j", "shift+enter", "alt+enter"):
            event.prevent_default()
            event.stop()
            self.action_other_enter()

    async def _on_paste(self, event: events.Paste) -> None:
        # A pasted escape sequence must not reach the terminal when the field is painted.
        event.prevent_default()
        event.stop()
        if result := self._replace_via_keyboard(self._light(event.text), *self.selection):
            self.move_cursor(result.end_location)

    def _send(self) -> None:
        if self.text.strip():
            command = parse(self.text)
            self.post_message(self.Sent(self.typed.strip("\n") if command else self.whole))
            self.clear()
            self._draft, self._at = "", len(self._history)
            if command is None:
                self._held, self._files = {}, {}

    def _light(self, text: str) -> str:
        """The text, safe to show; a very long one as a sign that stands for it until it is sent.

        The field lays all its text out at every key: 200,000 characters would make each wait 0.2 s.
        """
        if len(text) <= MOST_SHOWN:
            return printable(text)
        lines = text.count("\n") + 1
        sign = f"[text {len(self._held) + 1}: {len(text):,} characters, {lines:,} lines]"
        self._held[sign] = text
        return sign

    def _break_line(self) -> None:
        self._replace_via_keyboard("\n", *self.selection)

    def _walk(self, step: int) -> None:
        at = min(max(self._at + step, 0), len(self._history))
        if at == self._at:
            return
        if self._at == len(self._history):
            self._draft = self.text
        self._at = at
        self.put(self._draft if at == len(self._history) else self._history[at])

    def _first_wrapped_row(self) -> bool:
        return (
            self.get_cursor_up_location()[0] == 0
            and self.wrapped_document.location_to_offset(self.cursor_location).y == 0
        )
