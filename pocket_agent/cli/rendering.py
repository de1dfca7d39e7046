"""An answer on a terminal: Markdown, painted block by block as it comes."""

import re
import sys
from typing import TYPE_CHECKING, Protocol

from pocket_agent.cli.output import plain, put

if TYPE_CHECKING:
    from rich.console import Console

_BLANK_ENDS = re.compile(r"\A(?:[ ]*\n)+|(?:\n[ ]*)+\Z")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


class Paper(Protocol):
    """Where an answer is written."""

    def write(self, text: str) -> None:
        """Take more of the answer."""

    def end(self) -> None:
        """The answer is complete."""


class PlainPaper:
    """Writes the answer as it comes: for pipes and files."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> None:
        """Take more of the answer."""
        if text:
            put(text)
            self._last = text

    def end(self) -> None:
        """The answer is complete."""
        put("" if self._last.endswith("\n") else "\n")


class NoPaper:
    """Writes nothing: the answer is told otherwise."""

    def write(self, text: str) -> None:
        """Take more of the answer."""

    def end(self) -> None:
        """The answer is complete."""


class MarkdownPaper:
    """Paints a block of Markdown as soon as it is whole.

    Args:
        console: where; it knows the width and the colours of the terminal.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._text = ""
        self._block: list[str] = []
        self._fence = ""
        self._between = ""

    def write(self, text: str) -> None:
        """Take more of the answer."""
        *lines, self._text = (self._text + plain(text)).split("\n")
        for line in lines:
            self._take(line)

    def end(self) -> None:
        """The answer is complete."""
        self._take(self._text)
        self._text = ""
        self._paint()

    def _take(self, line: str) -> None:
        """A whole line: outside of code, an empty one ends a block."""
        if not line.strip() and not self._fence:
            self._paint()
            return
        self._block.append(line)
        found = _FENCE.match(line)
        if self._fence:
            bare = line.strip()
            if found and bare == bare[0] * len(bare) and bare.startswith(self._fence):
                self._fence = ""
        elif found:
            self._fence = found[1]

    def _paint(self) -> None:
        from rich.markdown import Markdown

        block, self._block = "\n".join(self._block), []
        if block.strip():
            # Without hyperlinks: where a link leads is to be seen, not hidden behind its words.
            with self._console.capture() as captured:
                self._console.print(Markdown(block, hyperlinks=False))
            shown = _BLANK_ENDS.sub("", captured.get())
            self._console.file.write(f"{self._between}{shown}\n")
            self._console.file.flush()
            self._between = "\n"


def paper() -> Paper:
    """Markdown where a person reads, plain text where a program does."""
    if sys.stdout is None or not sys.stdout.isatty():
        return PlainPaper()
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    return PlainPaper() if console.is_dumb_terminal else MarkdownPaper(console)
