"""Makes text from outside safe to show: no control character reaches the terminal.

Everything a person, a model or a file wrote goes through `printable` before a widget sees it.
"""

import re

from rich.cells import cell_len, set_cell_size

_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""Every break but the plain one: Python's splitlines knows them all, Markdown only that one."""

_REPLACEMENT = 0xFFFD
_MOST_MARKS = 8
"""Characters for one column of a line that is cut: letters may carry marks that take no room."""
_UNSAFE: dict[int, int] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), _REPLACEMENT),
    # Overrides of the writing direction make text read as what it is not.
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), _REPLACEMENT),
    # A lone surrogate can't be encoded for the terminal.
    **dict.fromkeys(range(0xD800, 0xE000), _REPLACEMENT),
}


def printable(text: str) -> str:
    """`text` with plain line breaks, and a visible sign for each control character."""
    return _BREAKS.sub("\n", text).translate(_UNSAFE)


def one_line(text: str, width: int = 0) -> str:
    """`text` safe and on one line, cut to `width` columns with an ellipsis (0 doesn't cut).

    Chinese, Japanese and Korean characters and most emoji take two columns.
    """
    line = " ".join(printable(text).split())
    if not width or (cell_len(line) <= width and len(line) <= _MOST_MARKS * width):
        return line
    return set_cell_size(line[: _MOST_MARKS * width], max(width - 1, 0)).rstrip() + "…"


def excerpt(text: str, characters: int, lines: int) -> tuple[str, int]:
    """The beginning of a long text.

    Args:
        characters: how many to show at most.
        lines: how many lines to show at most.

    Returns:
        The beginning, and how many characters are left out.
    """
    head = text[:characters]
    parts = head.split("\n", lines)
    if len(parts) > lines:
        head = "\n".join(parts[:lines])
    return head, len(text) - len(head)
