"""What the questions of the first start have in common: who types over one means the chat."""

from textual import events

from pocket_agent.tui.screens.frame import Frame


class Holding(Frame):
    """A screen that keeps what is typed over it, to be put into the chat's field.

    Attributes:
        held: what was typed while no field was open.
    """

    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self.held = ""

    @property
    def asks_for_text(self) -> bool:
        """Whether a field is open, to which the keys go."""
        raise NotImplementedError

    def action_enter(self) -> None:
        """Enter was pressed with no field open."""
        raise NotImplementedError

    def on_key(self, event: events.Key) -> None:
        if self.asks_for_text:
            return
        if event.key == "enter":
            event.stop()  # or it would go on to the chat's field, and send what is held
            self.action_enter()
        elif event.key == "backspace":
            self.held = self.held[:-1]
        elif event.is_printable and event.character:
            self.held += event.character

    def on_paste(self, event: events.Paste) -> None:
        if not self.asks_for_text:
            self.held += event.text
