"""Lays blocks of Markdown out as lines of a given width. Pure: no widget, no screen."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from textual.content import Content

from pocket_agent.tui.prose import (
    Align,
    Block,
    Code,
    Heading,
    Items,
    Paragraph,
    Quote,
    Rule,
    Table,
)

Colour = Callable[[Code], Content]
"""Gives the styled text of a code block."""

_BULLETS = "•◦▪"
_CODE_GROUND = "on $foreground 6%"
_HEADINGS = {1: "bold underline $text-primary", 2: "bold $text-primary"}
_OTHER_HEADING = "bold"
_FAINT = "$text-muted"
_LEAST = 4
"""However deep things nest, text gets this many columns."""
_GAP = 2


def plain_code(code: Code) -> Content:
    """A code block without colours: cheap, for while it still grows."""
    return Content(code.text)


def highlighted(code: Code) -> Content:
    """A code block in colours. Slow for the first of a language: call it in a thread."""
    from textual.highlight import highlight

    return highlight(code.text, language=code.language or "text").rstrip("\n")


def indented(text: Content, width: int, indent: int) -> Content:
    """Text wrapped so that every line begins `indent` columns in."""
    lines = text.wrap(max(width - indent, _LEAST))
    return Content("\n").join(line.pad_left(indent) for line in lines)


def lay_out(
    blocks: Sequence[Block], width: int, colour: Colour = plain_code, depth: int = 0
) -> list[Content]:
    """The lines of some blocks, with an empty line between them.

    Args:
        width: columns there are.
        colour: how code blocks are styled.
        depth: how deep in lists this stands.
    """
    lines: list[Content] = []
    for block in blocks:
        made = block_lines(block, max(width, _LEAST), colour, depth)
        tight = depth > 0 and isinstance(block, Items)
        if lines and not tight:
            lines.append(Content(""))
        lines += made
    return lines


def block_lines(block: Block, width: int, colour: Colour, depth: int = 0) -> list[Content]:
    """The lines of one block."""
    match block:
        case Paragraph(text):
            return text.wrap(width)
        case Heading(level, text):
            style = _HEADINGS.get(level, _OTHER_HEADING)
            return [line.stylize_before(style) for line in text.wrap(width)]
        case Code():
            return _code(block, width, colour)
        case Rule():
            return [Content.styled("─" * width, _FAINT)]
        case Quote(blocks):
            bar = Content.styled("▌ ", _FAINT)
            return [bar + line for line in lay_out(blocks, width - 2, colour, depth)]
        case Items():
            return _items(block, width, colour, depth)
        case Table():
            return _table(block, width)


def _code(code: Code, width: int, colour: Colour) -> list[Content]:
    """Code on a ground of its own; long lines are folded, since there is nothing to scroll."""
    ground = partial(Content.stylize_before, style=_CODE_GROUND)
    inner = max(width - 2, _LEAST)
    lines = [part for line in colour(code).split(allow_blank=True) for part in _fold(line, inner)]
    padded = [Content(" ") + line.pad_right(inner - line.cell_length + 1) for line in lines]
    return [ground(line) for line in padded]


def _fold(line: Content, width: int) -> list[Content]:
    return line.fold(width) if line.cell_length > width else [line]


def _items(block: Items, width: int, colour: Colour, depth: int) -> list[Content]:
    marks = list(_marks(block, depth))
    room = max((len(mark) for mark in marks), default=0)
    lines: list[Content] = []
    for mark, blocks in zip(marks, block.items, strict=True):
        if lines and block.loose:
            lines.append(Content(""))
        inside = lay_out(blocks, width - room, colour, depth + 1) or [Content("")]
        first = Content.styled(mark.rjust(room), _FAINT)
        rest = Content(" " * room)
        lines += [(rest if at else first) + line for at, line in enumerate(inside)]
    return lines


def _marks(block: Items, depth: int) -> Iterator[str]:
    for at in range(len(block.items)):
        if block.first is None:
            yield f"{_BULLETS[depth % len(_BULLETS)]} "
        else:
            yield f"{block.first + at}. "


def _table(table: Table, width: int) -> list[Content]:
    columns = max((len(row) for row in table.rows), default=0)
    if not columns:
        return []
    widths = _column_widths(table, columns, width)
    lines: list[Content] = []
    for at, row in enumerate(table.rows):
        cells = [*row, *[Content("")] * (columns - len(row))]
        lines += _row(cells, widths, table.aligns, head=at == 0)
        if at == 0:
            rule = (" " * _GAP).join("─" * size for size in widths)
            lines.append(Content.styled(rule, _FAINT))
    return lines


def _column_widths(table: Table, columns: int, width: int) -> list[int]:
    """As wide as the cells need; where that is too much, the widest columns give way."""
    sizes = [
        max((row[at].cell_length for row in table.rows if at < len(row)), default=1) or 1
        for at in range(columns)
    ]
    room = max(width - _GAP * (columns - 1), columns)
    while sum(sizes) > room:
        widest = max(range(columns), key=lambda at: sizes[at])
        others = sorted(sizes)[-2] if columns > 1 else 1
        excess = sum(sizes) - room
        sizes[widest] -= max(1, min(excess, sizes[widest] - others))
    return sizes


def _row(
    cells: Sequence[Content], widths: Sequence[int], aligns: Sequence[Align], *, head: bool
) -> list[Content]:
    """One row of cells, each wrapped in its column."""
    wrapped = [cell.wrap(size) for cell, size in zip(cells, widths, strict=True)]
    height = max(len(lines) for lines in wrapped)
    made: list[Content] = []
    for y in range(height):
        parts = [
            _aligned(lines[y] if y < len(lines) else Content(""), size, align)
            for lines, size, align in zip(wrapped, widths, _padded(aligns, widths), strict=True)
        ]
        line = Content(" " * _GAP).join(parts)
        made.append(line.stylize_before("bold") if head else line)
    return made


def _padded(aligns: Sequence[Align], widths: Sequence[int]) -> list[Align]:
    missing: list[Align] = ["left"] * (len(widths) - len(aligns))
    return [*aligns, *missing][: len(widths)]


def _aligned(cell: Content, size: int, align: Align) -> Content:
    spare = max(size - cell.cell_length, 0)
    left = spare if align == "right" else spare // 2 if align == "center" else 0
    return cell.pad(left, spare - left)
