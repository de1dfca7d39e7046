"""Filling a pattern: values drawn, gold and known values marked in the text.

The marks are private-use characters, so that they survive every change of spelling and what
stands between them afterwards is the gold value, letter for letter.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from pocket_agent.policy.state import Known
from pocket_agent.training.simulator.moving import Moved, move
from pocket_agent.training.simulator.pattern import Fill, Mark, Pattern, Piece
from pocket_agent.training.simulator.splits import Deck, cached_key

OPEN, CLOSE, OLD_OPEN, OLD_CLOSE = "\ue000", "\ue001", "\ue002", "\ue003"
MARKS = OPEN + CLOSE + OLD_OPEN + OLD_CLOSE
_FAMILIAR = 0.4
"""How often noise speaks of a value that is known of the person."""
_BRIEF = 0.4
"""How often a known value of several words is spoken of by its head word."""
_HEAD_ENDS = frozenset(
    "about after against and as at before between by during for from in instead near no of on or "
    "over that than to under when where which who with without".split()
)
_SHORTENED = frozenset(
    "vehicle pet housing occupation family friend partner hobby sport food drink show game reading "
    "topic tech education health transport".split()
)
"""Slots whose values are names of things, not clauses."""
_TOO_BRIEF = frozenset("all any every few lot many most much no one some the things two".split())

_ARTICLE = re.compile(rf"(?<![^\s({MARKS}])([Aa])n?( [{MARKS}]*)$")
_VOWEL = re.compile(
    r"(?!uni|eu|one\b|once\b|us[ei]|ut[ei])[aeiou]|hour|hono|heir|8|11\b|18\b", re.I
)
_DETERMINED = re.compile(r"\b(a|an|my|our|your|the|this|that|no|any|some|of) [\"']?$", re.I)
_STRIP = str.maketrans("", "", MARKS)


@dataclass(frozen=True, slots=True)
class Part:
    """A filled pattern; golds are marked in `said` and `turn`.

    Args:
        old: the known fact that it speaks of, or None.
        restated: whether it says `old` again in a pattern that would tell something new.
    """

    pattern: Pattern
    said: str
    turn: str
    old: Known | None = None
    restated: bool = False


def fill(
    pattern: Pattern,
    deck: Deck,
    rng: Random,
    old: Known | None = None,
    given: dict[Fill, str] | None = None,
    known: Sequence[Known] | None = None,
) -> Part:
    """Draw the values of a pattern.

    Args:
        old: the known fact for `{old}`.
        given: values that are not drawn, by placeholder.
        known: the profile, where `{old}` may be cut down to what still tells it from the rest.
    """
    drawn = _Drawn(deck, rng, dict(given or {}))
    if old and pattern.moves:
        moved = move(_recase(old.value, rng), rng)
        drawn.moved, known = moved, None
    shown = _recase(old.value, rng) if old else ""
    if old and known is not None and rng.random() < _BRIEF:
        short = brief(old, known, rng)
        shown = short if short != old.value else shown
    article = old is not None and shown.islower() and shown != old.value.lower()
    said = _render(pattern.said, drawn, shown, article)
    return Part(pattern, said, _render(pattern.turn, drawn, shown, article), old)


def familiar(pattern: Pattern, deck: Deck, known: Sequence[Known], rng: Random) -> dict[Fill, str]:
    """Values for a line of noise that are known of the person: talk of ramen by a ramen lover."""
    given: dict[Fill, str] = {}
    if not known or rng.random() > _FAMILIAR:
        return given
    for piece in pattern.fills():
        held = [k.value for k in known if cached_key(k.value) in deck.familiar[piece.list]]
        fresh = [value for value in held if value not in given.values()]
        if fresh:
            given[piece] = rng.choice(fresh)
    return given


def brief(old: Known, known: Iterable[Known], rng: Random) -> str:
    """A known value as people speak of it later: "the Honda" of "blue Honda from 2010".

    Args:
        known: the profile; none of the rest of it may share a word with the short form.

    Returns:
        The short form, or the value as it is where none is clear.
    """
    words = old.value.split()
    if old.slot not in _SHORTENED or words[0][:1].isupper():
        return old.value
    cut = next((at for at, word in enumerate(words) if at and word.lower() in _HEAD_ENDS), None)
    head = words[:cut]
    names = [word for word in words[1:] if word[:1].isupper()]
    shorter = {" ".join(head), head[-1], *names} - {old.value}
    taken = {word.lower() for other in known if other is not old for word in other.value.split()}
    clear = [
        short
        for short in sorted(shorter)
        if len(short) > 2
        and not short.endswith("ed")
        and not set(short.lower().split()) & (taken | _TOO_BRIEF)
    ]
    return rng.choice(clear) if clear else old.value


def strip(text: str) -> str:
    """The text without marks."""
    return text.translate(_STRIP)


def golds(text: str) -> list[str]:
    """What stands between gold marks, in order."""
    return [strip(found) for found in re.findall(f"{OPEN}(.*?){CLOSE}", text, re.DOTALL)]


class _Drawn:
    """The values drawn for one line: an index has one value, everything else differs."""

    def __init__(self, deck: Deck, rng: Random, given: dict[Fill, str]):
        self._deck, self._rng, self._given = deck, rng, given
        self._used: dict[str, set[str]] = {}
        self.moved = Moved("", "")

    def value(self, piece: Fill) -> str:
        if piece in self._given:
            value = self._given[piece] if piece.index else self._given.pop(piece)
        else:
            value = self._fresh(piece.list)
        if piece.index:
            self._given[piece] = value
        self._used.setdefault(piece.list, set()).add(value)
        return value

    def _fresh(self, name: str) -> str:
        values = self._deck.values[name]
        used = self._used.get(name, ())
        for _ in range(20):
            value = self._rng.choice(values)
            if value not in used:
                return value
        return next((value for value in values if value not in used), values[0])


def _render(pieces: Iterable[Piece], drawn: _Drawn, shown: str, article: bool) -> str:
    text = ""
    for piece in pieces:
        match piece:
            case Mark.OPEN:
                text += OPEN
            case Mark.CLOSE:
                text += CLOSE
            case Mark.OLD:
                text = _agree(text, shown)
                if article and not _DETERMINED.search(text):
                    text += "The " if not text or text.endswith((". ", "! ", "? ")) else "the "
                text += OLD_OPEN + shown + OLD_CLOSE
            case Mark.MOVED:
                text += drawn.moved.value
            case Mark.GONE:
                text += drawn.moved.gone
            case Fill():
                value = drawn.value(piece)
                text = _agree(text, value) + value
            case str():
                text += piece
    return text


def _agree(text: str, value: str) -> str:
    """ "a" or "an" before the value, as it begins."""
    found = _ARTICLE.search(text)
    if found is None:
        return text
    article = found[1] + ("n" if _VOWEL.match(value) else "")
    return text[: found.start()] + article + found[2]


def _recase(value: str, rng: Random) -> str:
    """The known value as the person may write it this time."""
    roll = rng.random()
    if roll < 0.25:
        return value.lower()
    if roll < 0.32:
        return value[:1].upper() + value[1:]
    return value
