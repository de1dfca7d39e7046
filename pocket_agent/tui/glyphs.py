"""What stands for our signs where a terminal can't draw them: one table for all of them.

It is applied to the lines as they are painted, borders and scrollbars too, so that no screen need
know of it. Each stand-in is as wide as its sign: nothing moves.
"""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    "●": "*",
    "○": "o",
    "◌": ".",
    "✗": "x",
    "✎": "*",
    "↳": ">",
    "▲": "^",
    "▼": "v",
    "♥": "+",
    "⊘": "!",
    "•": "*",
    "◦": "o",
    "▪": "-",
    "…": ".",
    "·": "-",
    "–": "-",
    "—": "-",
    "←": "<",
    "→": ">",
    "‹": "<",
    "›": ">",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "🔎": "? ",
    "�": "?",
}
_LINES = {
    **dict.fromkeys("━─═╌┄▔▁▂▃▀▄🬂🬭", "-"),
    **dict.fromkeys("│┃║╎┆▏▎▍▌▋▊▉▐▕", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛╔╗╚╝▛▜▙▟▗▖▝▘╸╺", "+"),
    **dict.fromkeys("█▇▆▅", "#"),
}
_CONTROL = {chr(code): "?" for code in (*range(0x2400, 0x2420), 0x2421)}

ASCII: dict[str, str] = _SIGNS | _LINES | _CONTROL
"""Each sign of ours, of Textual's frames, and of control characters, and what stands for it."""

_TABLE = str.maketrans(ASCII)


class AsciiFilter(LineFilter):
    """Paints the stand-ins."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(_TABLE), segment.style, segment.control)
            for segment in segments
        ]
