"""What one can do with a message that has the focus, and how it asks the screen for it."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from pocket_agent.tui.conversation import Said


class SaidWidget(Widget, can_focus=True):
    """Shows something said. It takes the keys by Tab alone: a click selects text."""

    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "ask('edit')", "say your message anew; a waiting one comes back"),
        Binding("left", "ask('earlier')", "its earlier version"),
        Binding("right", "ask('later')", "its later version"),
        Binding("c", "ask('copy')", "copy it"),
        Binding("b", "ask('copy_code')", "copy its next code block"),
        Binding("escape", "ask('leave')", "back to the field"),
        Binding("delete", "ask('delete')", "erase it for good (asks)"),
    ]

    class Asked(Message):
        """The person wants something done with what was said."""

        def __init__(self, said: Said, what: str) -> None:
            super().__init__()
            self.said, self.what = said, what

    said: Said

    def action_ask(self, what: str) -> None:
        self.post_message(self.Asked(self.said, what))
