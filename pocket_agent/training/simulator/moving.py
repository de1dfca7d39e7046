"""The same thing with another number: "driving test on 9 May" becomes "driving test on 16 May".

Most of what changes in a life keeps its name: the appointment is put off, the daughter turns seven,
the rent goes up. Such a turn says the old value's words again, with one piece changed.
"""

import re
from dataclasses import dataclass
from random import Random

_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_SHORT_MONTHS = "Jan Feb Mar Apr Jun Jul Aug Sept Sep Oct Nov Dec".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_NUMBERS = "two three four five six seven eight nine ten eleven twelve".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh".split()
_FAMILIES = (_MONTHS, _SHORT_MONTHS, _DAYS, _NUMBERS, _ORDINALS)
_NEAR = 3
"""How far a word moves within its family."""
_AMBIGUOUS = frozenset({"may", "march", "second", "mar", "sun"})
"""Words that are names of days or months only with a capital letter."""

_NUMBER = re.compile(
    r"(?<![\w.,:/-])([£$€]?)(\d{1,3}(?:,\d{3})+|\d{1,5})(st|nd|rd|th)?(?![\d:/.,-]*\d)"
)
_WORD = re.compile(r"[A-Za-z]+")
_BEFORE_DATE = re.compile(r" (?=(?:on|at|in|from|until|by) )")


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a value.

    Args:
        value: the new one. gone: the piece of the old one that no longer holds.
    """

    value: str
    gone: str


def movable(value: str) -> bool:
    """Whether something in it can change while the rest stays, so that it is known again."""
    pieces = list(_pieces(value))
    return len(pieces) > 0 and len(value.split()) > max(len(text.split()) for _, text in pieces)


def move(value: str, rng: Random) -> Moved:
    """The value with one number, day or month changed. Only where it is `movable`."""
    start, text = rng.choice(list(_pieces(value)))
    made = value[:start] + _other(text, value, rng) + value[start + len(text) :]
    if rng.random() < 0.2:
        made = _BEFORE_DATE.sub(rng.choice((" is ", " is now ")), made, count=1)
    article = "the " if value[:start].endswith("the ") and rng.random() < 0.7 else ""
    return Moved(made, article + text)


def _pieces(value: str) -> list[tuple[int, str]]:
    """Where the pieces begin that may change, and what they are."""
    found = [(match.start(), match[0]) for match in _NUMBER.finditer(value)]
    for match in _WORD.finditer(value):
        word = match[0]
        if word in _AMBIGUOUS or _family(word) is None:
            continue
        found.append((match.start(), word))
    return found


def _family(word: str) -> list[str] | None:
    plain = word.lower()
    return next((fam for fam in _FAMILIES if plain in (name.lower() for name in fam)), None)


def _other(text: str, value: str, rng: Random) -> str:
    family = _family(text)
    if family is not None:
        at = [name.lower() for name in family].index(text.lower())
        near = family[max(0, at - _NEAR) : at] + family[at + 1 : at + 1 + _NEAR]
        chosen = rng.choice(near)
        return chosen if text[:1].isupper() else chosen.lower()
    match = _NUMBER.fullmatch(text)
    assert match is not None
    sign, digits, ending = match.groups()
    old = int(digits.replace(",", ""))
    new = _number(old, bool(ending) or _has_month(value), rng)
    shown = f"{new:,}" if "," in digits else str(new)
    return sign + shown + (_suffix(new) if ending else "")


def _number(old: int, is_day: bool, rng: Random) -> int:
    if is_day and old <= 31:
        return rng.choice([day for day in range(1, 31) if day != old])
    if 1900 <= old <= 2100:
        return old + rng.choice((-6, -4, -3, -2, -1, 1, 2, 3, 4))
    if old < 20:
        return max(1, old + rng.choice((1, 1, 2, 3, 5)) * (1 if old < 3 else rng.choice((1, -1))))
    step = 10 if old >= 100 else 5
    change = max(step, round(old * rng.uniform(0.1, 0.6) / step) * step)
    return old + change if rng.random() < 0.6 or change >= old else old - change


def _has_month(value: str) -> bool:
    names = {name.lower() for name in (*_MONTHS, *_SHORT_MONTHS)}
    return any(word.lower() in names for word in _WORD.findall(value))


def _suffix(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
