"""Markdown as a list of blocks: what a reply is made of. Knows nothing of widths or widgets.

Textual's own Markdown widget makes about four widgets of a list item and builds the whole list
anew at every flush: a streamed list of twelve items held the event loop up for 600 ms. Blocks that
are laid out as plain lines (`prose_layout`) stay under 10 ms.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from textual.content import Content, Span

from pocket_agent.tui.themes import CODE_GROUND

_CODE = f"$text-warning on ${CODE_GROUND} 12%"
_LINK = "underline"
_TAB = 4
_OPEN = 2
_MARKS = {"strong_open": "bold", "em_open": "italic", "s_open": "strike"}

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: Content


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 6."""

    level: int
    text: Content


@dataclass(frozen=True, slots=True)
class Code:
    """A code block; the language is empty if it was not named."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Quoted blocks."""

    blocks: tuple["Block", ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `first` is the number of the first item, or None for bullets."""

    items: tuple[tuple["Block", ...], ...]
    first: int | None = None
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first row is its head."""

    rows: tuple[tuple[Content, ...], ...]
    aligns: tuple[Align, ...]


Block = Paragraph | Heading | Code | Rule | Quote | Items | Table


class Prose:
    """A Markdown text that may still grow. Only its last blocks are read again when it does."""

    def __init__(self, text: str = "") -> None:
        self._done: list[Block] = []
        self._open: list[Block] = []
        self._rest = ""
        self.append(text)

    def append(self, text: str) -> None:
        """More text at the end."""
        self._rest += text
        read = _read(self._rest)
        # The last block may grow, and may yet turn out to belong to the one before: the 2 of
        # "2. second item" looks like a paragraph after the list. What is before them is settled.
        if len(read) > _OPEN:
            start = read[-_OPEN][0]
            self._done += [block for _, block in read[:-_OPEN]]
            self._rest = "\n".join(self._rest.split("\n")[start:])
        self._open = [block for _, block in read[-_OPEN:]]

    @property
    def blocks(self) -> list[Block]:
        """All blocks so far."""
        return [*self._done, *self._open]


def code_blocks(blocks: Iterable[Block]) -> Iterator[Code]:
    """Every code block, those in lists and quotes too."""
    for block in blocks:
        match block:
            case Code():
                yield block
            case Quote(inside):
                yield from code_blocks(inside)
            case Items(items):
                for item in items:
                    yield from code_blocks(item)


@cache
def _parser() -> MarkdownIt:
    # HTML is shown as the text it is, rather than swallowed.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _read(text: str) -> list[tuple[int, Block]]:
    """The top blocks, each with the number of its first line."""
    tokens = _parser().parse(text)
    return [(group[0].map[0] if group[0].map else 0, _block(group)) for group in _groups(tokens)]


def _groups(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Cut tokens where the nesting is back at the level they began on."""
    start, depth = 0, 0
    for at, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield tokens[start : at + 1]
            start = at + 1


def _block(tokens: Sequence[Token]) -> Block:
    head, inside = tokens[0], tokens[1:-1]
    match head.type:
        case "heading_open":
            return Heading(int(head.tag[1]), _text(inside))
        case "fence" | "code_block":
            language = head.info.split()[0] if head.info.split() else ""
            return Code(head.content.rstrip("\n").expandtabs(_TAB), language)
        case "hr":
            return Rule()
        case "blockquote_open":
            return Quote(_blocks(inside))
        case "bullet_list_open":
            return Items(_items(inside), None, _is_loose(inside))
        case "ordered_list_open":
            return Items(_items(inside), int(head.attrs.get("start", 1)), _is_loose(inside))
        case "table_open":
            return _table(inside)
        case _:
            return Paragraph(_text(inside))


def _blocks(tokens: Sequence[Token]) -> tuple[Block, ...]:
    return tuple(_block(group) for group in _groups(tokens))


def _items(tokens: Sequence[Token]) -> tuple[tuple[Block, ...], ...]:
    return tuple(_blocks(group[1:-1]) for group in _groups(tokens))


def _is_loose(tokens: Sequence[Token]) -> bool:
    """Whether the items stand apart: their paragraphs are not hidden."""
    base = tokens[0].level + 1 if tokens else 0
    found = (t for t in tokens if t.type == "paragraph_open" and t.level == base)
    return any(not token.hidden for token in found)


def _table(tokens: Sequence[Token]) -> Table:
    rows: list[tuple[Content, ...]] = []
    row: list[Content] = []
    aligns: list[Align] = []
    for at, token in enumerate(tokens):
        if token.type in ("th_open", "td_open"):
            row.append(_text(tokens[at + 1 : at + 2]))
            if not rows:
                aligns.append(_align(token))
        elif token.type == "tr_close":
            rows.append(tuple(row))
            row = []
    return Table(tuple(rows), tuple(aligns))


def _align(token: Token) -> Align:
    style = str(token.attrs.get("style", ""))
    return "right" if "right" in style else "center" if "center" in style else "left"


def _text(tokens: Sequence[Token]) -> Content:
    """The inline tokens as styled text."""
    inline = [child for token in tokens for child in token.children or ()]
    parts: list[str] = []
    spans: list[Span] = []
    opened: list[tuple[int, Token]] = []
    length = 0
    for token in inline:
        if token.nesting == 1:
            opened.append((length, token))
            continue
        if token.nesting == -1:
            start, opener = opened.pop()
            added = _close(opener, "".join(parts)[start:], start, length, spans)
        else:
            added = _plain(token)
            if token.type == "code_inline":
                spans.append(Span(length, length + len(added), _CODE))
        parts.append(added)
        length += len(added)
    return Content("".join(parts), spans=spans)


def _plain(token: Token) -> str:
    match token.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "image":
            return f"[image: {token.content} {token.attrs.get('src', '')}]"
        case _:
            return token.content


def _close(opener: Token, inside: str, start: int, end: int, spans: list[Span]) -> str:
    """Style what an opener and its closer enclose. Returns what to add after it.

    The address of a link is always shown: nobody should have to guess where one leads.
    """
    if opener.type != "link_open":
        spans.append(Span(start, end, _MARKS.get(opener.type, "")))
        return ""
    spans.append(Span(start, end, _LINK))
    address = str(opener.attrs.get("href", ""))
    return "" if address in (inside, f"mailto:{inside}") else f" ({address})"
