"""Utterance patterns: one line of the simulator's text, parsed (docs/simulator.md)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from pocket_agent.profile.facts import Polarity
from pocket_agent.profile.slots import BY_NAME, POLAR


class Mark(Enum):
    """A piece of a pattern that is neither text nor a value."""

    OPEN = "["
    CLOSE = "]"
    OLD = "{old}"
    MOVED = "{moved}"
    GONE = "{gone}"


@dataclass(frozen=True, slots=True)
class Fill:
    """A value to draw: the same list and index twice is the same value."""

    list: str
    index: str = ""


Piece = str | Fill | Mark


@dataclass(frozen=True, slots=True)
class Gold:
    """One bracket of a pattern.

    Args:
        slot, polarity: of the fact it holds.
        literal: its text where it has no placeholder, else empty.
        has_old: whether the known value stands in it.
    """

    slot: str
    polarity: Polarity
    literal: str = ""
    has_old: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of the text.

    Args:
        source: `folder/file:line`.
        group: `slots`, `noise` or `frame`; topic: the slot, noise class or kind of frame.
        section: of a slot file; empty elsewhere. `turns` has its sign: `turns-`.
        about: the polarity of the known fact it speaks of, where it speaks of one.
        said: what the assistant said before it; may be empty.
        turn: what the person says.
        golds: the brackets in order, those in `said` first.
        line: as it stands in the file.
    """

    source: str
    group: str
    topic: str
    section: str
    said: tuple[Piece, ...]
    turn: tuple[Piece, ...]
    golds: tuple[Gold, ...]
    line: str
    about: Polarity = Polarity.LIKES

    def fills(self) -> Iterator[Fill]:
        """Every placeholder of the line."""
        return (piece for piece in (*self.said, *self.turn) if isinstance(piece, Fill))

    @property
    def has_old(self) -> bool:
        """Whether the line shows a known value."""
        shown = (Mark.OLD, Mark.MOVED)
        return any(mark in half for mark in shown for half in (self.said, self.turn))

    @property
    def moves(self) -> bool:
        """Whether the known value comes back with a number changed."""
        return Mark.MOVED in self.turn

    @property
    def words(self) -> int:
        """About how long the turn is."""
        return sum(len(piece.split()) if isinstance(piece, str) else 1 for piece in self.turn)


class PatternError(ValueError):
    """A line that can't be read as a pattern; says why."""


SIMPLE = ("states", "implies", "buried", "several", "episode", "avoids")
REPLIES = ("answers", "chooses")
CHANGES = ("updates", "corrects")
TURNS = ("turns-", "turns+")
SECTIONS = (*SIMPLE, *REPLIES, *CHANGES, *TURNS, "drops", "repeats")
WITH_OLD = (*CHANGES, *TURNS, "drops", "repeats")
ANY = "any"
"""The slot file whose lines serve every slot."""
_OF_AVOIDED = ("drops-", "repeats-")
_POLAR_ONLY = ("avoids", *TURNS, *_OF_AVOIDED)

_TOKEN = re.compile(r"\{[^{}]*\}|[\[\]{}]|[^\[\]{}]+")
_FILL = re.compile(r"\{([a-z][a-z_]*)(?::(\w+))?\}")
_HEAD = re.compile(r"\s*([a-z_]+)([+-]?):\s+")


def parse_heading(heading: str, slot: str) -> str:
    """The section that `== name` opens in the file of `slot`, with its sign if it has one.

    Raises:
        PatternError: no such section, or not in this slot.
    """
    name = "".join(heading.lower().split())
    if name == "turns":
        raise PatternError("`== turns` needs a sign: `== turns -` or `== turns +`")
    if slot == ANY and name not in ("drops", "repeats", *_OF_AVOIDED, *TURNS, *CHANGES):
        raise PatternError(f"section {heading!r} can't serve every slot")
    if name not in (*SECTIONS, *_OF_AVOIDED):
        raise PatternError(f"unknown section {heading!r}")
    if name in _POLAR_ONLY and slot not in (*POLAR, ANY):
        raise PatternError(f"section {heading!r} in {slot}, which is not a polar slot")
    return name


def parse_fact(line: str, slot: str, section: str, source: str) -> Pattern:
    """A line of a slot file.

    Raises:
        PatternError: the marks don't fit the section; see docs/simulator.md.
    """
    left, bar, right = line.rpartition("||")
    if "||" in left:
        raise PatternError("more than one `||`")
    said, before = _parse_half(left.strip(), slot, section)
    turn, after = _parse_half(right.strip(), slot, section)
    turn, after = _imply_bracket(turn, after, slot, section)
    golds = (*before, *after)
    about = _polarity_about(section, slot, golds)
    section = section if section in SECTIONS else section[:-1]
    found = Pattern(source, "slots", slot, section, said, turn, golds, line, about)
    _check_section(found, bool(bar))
    return found


def for_every_slot(pattern: Pattern, section: str) -> Iterator[Pattern]:
    """The pattern of `any.txt` as one of each slot that it fits."""
    polar = section in _POLAR_ONLY
    for name in BY_NAME:
        if not polar or name in POLAR:
            golds = tuple(replace(gold, slot=name) for gold in pattern.golds)
            yield replace(pattern, topic=name, golds=golds)


def _polarity_about(section: str, slot: str, golds: tuple[Gold, ...]) -> Polarity:
    if section in CHANGES:
        own = (gold.polarity for gold in golds if gold.slot == slot)
        return next(own, Polarity.LIKES)
    return Polarity.AVOIDS if section in ("turns+", *_OF_AVOIDED) else Polarity.LIKES


def parse_free(line: str, group: str, topic: str, source: str, lists: frozenset[str]) -> Pattern:
    """A line of noise or frame: no gold, brackets are plain text.

    Braces that name no list are plain text too where people paste code.
    """
    left, bar, right = line.rpartition("||")
    if bar and topic == "code" and not left.rstrip().endswith((".", "?", "!", ":")):
        left, right = "", line  # the bars are the code's own
    halves = [tuple(_free_pieces(half.strip(), topic, lists)) for half in (left, right)]
    if not halves[1]:
        raise PatternError("nothing is said after `||`")
    return Pattern(source, group, topic, "", halves[0], halves[1], (), line)


def _free_pieces(text: str, topic: str, lists: frozenset[str]) -> Iterator[Piece]:
    at = 0
    for match in _FILL.finditer(text):
        if match[1] not in lists:
            if topic in ("code", "pasted", "task", "assistant"):
                continue
            raise PatternError(f"unknown list {match[0]}")
        if match.start() > at:
            yield _unescape(text[at : match.start()])
        yield Fill(match[1], match[2] or "")
        at = match.end()
    if at < len(text):
        yield _unescape(text[at:])


def _unescape(text: str) -> str:
    return text.replace("\\n", "\n")


def _parse_half(text: str, slot: str, section: str) -> tuple[tuple[Piece, ...], tuple[Gold, ...]]:
    pieces: list[Piece] = []
    golds: list[Gold] = []
    opened = -1  # index in `pieces` of the bracket that is open
    tokens = _TOKEN.findall(text)
    for at, bit in enumerate(tokens):
        if bit == "[":
            if opened >= 0:
                raise PatternError("a bracket within a bracket")
            opened = len(pieces)
            pieces.append(Mark.OPEN)
            head = _HEAD.match(tokens[at + 1]) if at + 1 < len(tokens) else None
            golds.append(_open_gold(head, slot, section))
            if head:
                tokens[at + 1] = tokens[at + 1][head.end() :]
        elif bit == "]":
            if opened < 0:
                raise PatternError("`]` without `[`")
            golds[-1] = _close_gold(golds[-1], pieces[opened + 1 :])
            pieces.append(Mark.CLOSE)
            opened = -1
        elif bit in ("{", "}"):
            raise PatternError(f"a stray `{bit}`")
        else:
            pieces.append(_piece(bit))
    if opened >= 0:
        raise PatternError("`[` is never closed")
    return tuple(piece for piece in pieces if piece != ""), tuple(golds)


def _piece(token: str) -> Piece:
    if not token.startswith("{"):
        return _unescape(token)
    for mark in (Mark.OLD, Mark.MOVED, Mark.GONE):
        if token == mark.value:
            return mark
    match = _FILL.fullmatch(token)
    if match is None:
        raise PatternError(f"{token} is not the name of a list")
    return Fill(match[1], match[2] or "")


def _open_gold(head: re.Match[str] | None, slot: str, section: str) -> Gold:
    name = head[1] if head else slot
    sign = head[2] if head else ""
    if name not in BY_NAME and (head or slot != ANY):
        raise PatternError(f"unknown slot {name!r}")
    if sign == "-" and name not in POLAR:
        raise PatternError(f"polarity on {name}, which is not a polar slot")
    if not sign:
        avoided = section in ("avoids", "turns-") and name in (*POLAR, ANY)
        sign = "-" if avoided else "+"
    return Gold(name, Polarity(sign))


def _close_gold(gold: Gold, inside: list[Piece]) -> Gold:
    texts = [piece for piece in inside if isinstance(piece, str)]
    plain = len(texts) == len(inside)
    literal = "".join(texts)
    if plain and not literal.strip():
        raise PatternError("an empty bracket")
    if any(mark in literal for mark in "<>|"):
        raise PatternError("a value with `<`, `>` or `|`, which the line format can't hold")
    return Gold(gold.slot, gold.polarity, literal if plain else "", Mark.OLD in inside)


def _imply_bracket(
    turn: tuple[Piece, ...], golds: tuple[Gold, ...], slot: str, section: str
) -> tuple[tuple[Piece, ...], tuple[Gold, ...]]:
    """In `turns` the known value is gold, bracketed or not."""
    if section not in TURNS or any(gold.has_old for gold in golds) or Mark.OLD not in turn:
        return turn, golds
    at = turn.index(Mark.OLD)
    number = turn[:at].count(Mark.OPEN)
    gold = Gold(slot, Polarity(section[-1]), has_old=True)
    wrapped = (*turn[:at], Mark.OPEN, Mark.OLD, Mark.CLOSE, *turn[at + 1 :])
    return wrapped, (*golds[:number], gold, *golds[number:])


def _check_section(pattern: Pattern, has_bar: bool) -> None:
    section, slot = pattern.section, pattern.topic
    own = [gold for gold in pattern.golds if gold.slot == slot]
    if not pattern.turn:
        raise PatternError("nothing is said")
    if (pattern.moves or Mark.GONE in pattern.turn) and section not in CHANGES:
        raise PatternError(f"`{{moved}}` or `{{gone}}` in {section}, which change nothing")
    if (Mark.GONE in pattern.turn or (slot == ANY and section in CHANGES)) and not pattern.moves:
        raise PatternError(f"{section} needs `{{moved}}` here")
    if section in REPLIES and not (has_bar and pattern.said):
        raise PatternError(f"{section} needs `question || answer`")
    if pattern.has_old and section not in WITH_OLD:
        raise PatternError(f"`{{old}}` in {section}, where nothing is known yet")
    # A change or a drop without it is used where the slot holds a single value.
    clear = pattern.has_old or (slot in BY_NAME and section not in TURNS)
    if section in (*TURNS, "drops", "repeats") and not clear:
        raise PatternError(f"{section} needs `{{old}}` here: which value is meant?")
    if section == "repeats" and pattern.golds:
        raise PatternError("a bracket in repeats, which say nothing new")
    if section == "drops" and own:
        raise PatternError(f"drops with a new {slot}: that is an update")
    if section not in ("drops", "repeats") and not pattern.golds:
        raise PatternError(f"{section} needs a bracket")
    if section not in ("several", "episode", "drops", "repeats") and not own:
        raise PatternError(f"no bracket of {slot} itself")
