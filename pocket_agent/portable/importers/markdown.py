"""A Markdown list of what is true of a person: bullets, under headings or with labels.

`- home: Porto`, or a bullet under the heading `Food`, goes to that slot. Where neither the label
nor the heading names a slot, the whole bullet goes to `other`. "likes" and "avoids", in a bullet or
a heading, say which way a taste goes. The Markdown that we export is such a list; the dates and
quotes in it are left aside.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pocket_agent.errors import PortableError
from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.found import OTHER, Found, Statement, Unknown, clean_text
from pocket_agent.portable.markdown import MARK
from pocket_agent.profile.facts import Polarity
from pocket_agent.profile.slots import BY_NAME, POLAR, Group
from pocket_agent.profile.sources import sentences
from pocket_agent.profile.values import key

MAX_BYTES = 4 * 1024**2
MAX_NOTES = 500_000
"""Characters of the notes that a program made of a person."""

_BULLET = re.compile(r"^(?P<indent>\s*)(?:[-*+•]|\d{1,4}[.)])\s+(?:\[[ xX]\]\s+)?(?P<text>\S.*)$")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(?P<text>.*?)\s*#*\s*$")
_BOLD_LINE = re.compile(r"^\s*(?:\*\*|__)(?P<text>[^*_]+?):?(?:\*\*|__):?\s*$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")
_QUOTE = re.compile(r"^\s+>")
_DATE = re.compile(r" \(\d{4}-\d\d-\d\d\)$")
_DATA = ("{", "[{", '["')
_NOTED = re.compile(r"^\[\d{4}-\d\d-\d\d\]\.?\s*")
_ESCAPED = re.compile(r"\\([\\`*_\[\]<>])")
_HIDDEN = 0xE000  # private characters stand for escaped ones while Markdown's marks are taken off
_SHOWN = {_HIDDEN + ord(mark): mark for mark in "\\`*_[]<>"}
_LABEL = re.compile(r"^(?P<label>[^:·]{1,40}?)\s*(?::|\s·)\s+(?P<rest>\S.*)$")
_LIKES = re.compile(r"^[♥\s]*(?:likes?|loves?|enjoys?|prefers?)\b[:\s]*", re.IGNORECASE)
_AVOIDS = re.compile(
    r"^[⊘\s]*(?:avoids?|dislikes?|hates?|does(?:n['’]t| not) like)\b[:\s]*", re.IGNORECASE
)

_OTHER_NAMES = {
    "job": "occupation",
    "profession": "occupation",
    "company": "employer",
    "lives in": "home",
    "location": "home",
    "city": "home",
    "from": "origin",
    "nickname": "address",
    "call me": "address",
    "pronoun": "gender",
    "film": "show",
    "movie": "show",
    "book": "reading",
    "car": "vehicle",
    "restaurant": "dining",
    "project": "plan",
}
_SLOTS = {key(name): name for name in BY_NAME} | {key(n): s for n, s in _OTHER_NAMES.items()}
_GROUPS = frozenset(group.value for group in Group)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a heading says of the bullets under it: a slot, which way tastes go, or nothing."""

    slot: str = ""
    polarity: Polarity | None = None


class Markdown:
    """Reads a Markdown list."""

    name = "markdown"
    title = "Markdown"

    def knows(self, entry: Any) -> bool:
        """Whether a text has a bullet."""
        return isinstance(entry, str) and any(_BULLET.match(line) for line in entry.splitlines())

    def read(self, file: ImportFile) -> Iterator[Found]:
        """The bullets, as statements."""
        text = _read(file)
        if not self.knows(text):
            raise PortableError(
                "The file holds no list", 'Write one statement a line: "- home: Porto".'
            )
        yield from statements(text)


def statements(text: str, slot: str = "") -> Iterator[Statement]:
    """The statements of a Markdown text, in their order.

    Args:
        slot: where they go that no heading stands over, and no label names another; empty for
            `other`.
    """
    heading = _Place(slot)
    above: list[tuple[int, _Place]] = []
    for line in _lines(text):
        if found := _HEADING.match(line) or _BOLD_LINE.match(line):
            heading, above = _place(_plain(found["text"])), []
        elif bullet := _BULLET.match(line):
            indent, said = len(bullet["indent"].expandtabs(4)), _plain(bullet["text"])
            while above and above[-1][0] >= indent:
                above.pop()
            over = above[-1][1] if above else heading
            if said.endswith(":"):  # a heading for the bullets that are set in under it
                named = _place(said)
                above.append((indent, over if named == _Place() else named))
            elif said:
                yield _statement(said, over)


def _listed(line: str) -> str:
    """A line of notes as bullets: one for each sentence, without the date in front."""
    if _HEADING.match(line) or _BOLD_LINE.match(line):
        return line
    if bullet := _BULLET.match(line):
        return f"{bullet['indent']}- {_NOTED.sub('', bullet['text'])}"
    return "\n".join(f"- {line[start:end].strip()}" for start, end in sentences(line))


class Notes:
    """Makes statements of what a program noted of the person: lists and prose, each thing once.

    The same notes come again in many places, and more than a person's is passed over.
    """

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._left = MAX_NOTES

    def statements(self, text: str, slot: str = "") -> Iterator[Statement | Unknown]:
        """What is new of a text: each sentence outside of a list is a statement too.

        Args:
            slot: as for `statements`. A text that is empty or a tool's own language is unknown.
        """
        text = clean_text(text, MAX_NOTES + 1)
        if not text or len(text) > MAX_NOTES or text.startswith(_DATA):
            yield Unknown()
            return
        listed = "\n".join(map(_listed, text.split("\n")))
        fresh = [line for line in listed.split("\n") if self._is_new(line)]
        self._left -= sum(map(len, fresh))
        if self._left < 0:
            yield Unknown()
            return
        for said in statements("\n".join(fresh), slot):
            yield replace(said, beside=True)

    def _is_new(self, line: str) -> bool:
        """Whether a line is a heading, or a bullet that wasn't told."""
        if line in self._told:
            return False
        if self._left > 0 and _BULLET.match(line):
            self._told.add(line)
        return True


def _read(file: ImportFile) -> str:
    data = bytearray()
    for piece in next(file.texts()):
        data += piece
        if len(data) > MAX_BYTES:
            raise PortableError("The file is larger than 4 MB", "Import it in parts.")
    try:
        return bytes(data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PortableError("The file is not UTF-8 text", "Save it as UTF-8.") from error


def _lines(text: str) -> Iterator[str]:
    """The lines, code aside; one that goes on with a bullet is joined to it."""
    held, in_code = "", False
    lines = clean_text(text, MAX_BYTES).split("\n")
    for line in _undated(lines) if lines[0] == MARK else lines:
        if _FENCE.match(line):
            in_code = not in_code
            continue
        if in_code:
            continue
        if _QUOTE.match(line):
            continue
        goes_on = line[:1].isspace() and line.strip() and not _BULLET.match(line)
        if held and goes_on:
            held += " " + line.strip()
            continue
        if held:
            yield held
        held = line if _BULLET.match(line) else ""
        if not held:
            yield line
    if held:
        yield held


def _plain(text: str) -> str:
    """The words without Markdown's marks."""
    hidden = _ESCAPED.sub(lambda found: chr(_HIDDEN + ord(found[1])), text)
    return " ".join(_MARKS.sub("", _LINK.sub(r"\1", hidden)).split()).translate(_SHOWN)


def _undated(lines: list[str]) -> list[str]:
    """The lines of an export of ours without its dates: all bullets have one, or they are words."""
    bullets = [line for line in lines if line.startswith("- ")]
    dated = all(_DATE.search(line) for line in bullets)
    return (
        [_DATE.sub("", line) if line.startswith("- ") else line for line in lines]
        if dated
        else lines
    )


def _place(heading: str) -> _Place:
    name = heading.rstrip(": ")
    slot = _SLOTS.get(key(name), "")
    if slot or name.casefold() in _GROUPS:
        return _Place(slot)
    rest, polarity = _way(name)
    if polarity is None:
        return _Place()
    return _Place(_SLOTS.get(key(rest), ""), polarity)


def _way(text: str) -> tuple[str, Polarity | None]:
    """The text without "likes" or "avoids" before it, and which of the two it was."""
    for pattern, polarity in ((_LIKES, Polarity.LIKES), (_AVOIDS, Polarity.AVOIDS)):
        if found := pattern.match(text):
            return text[found.end() :].strip(), polarity
    return text, None


def _statement(said: str, place: _Place) -> Statement:
    slot, value = place.slot, said
    if labelled := _LABEL.match(said):
        named = _SLOTS.get(key(labelled["label"]), "")
        _, way = _way(labelled["label"])
        if named:
            slot, value = named, labelled["rest"]
        elif way is not None:  # "likes: ramen"
            value = said
    rest, polarity = _way(value)
    if slot and slot not in POLAR:
        # "avoids" says nothing in a slot that is simply true: the words are kept as they are.
        rest, polarity = value, None
    if not rest:
        rest = value
    way = polarity or (place.polarity if not slot or slot in POLAR else None) or Polarity.LIKES
    return Statement(slot or OTHER, rest, way, said)
