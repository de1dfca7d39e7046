"""Finding what is to be forgotten in a text, and making it illegible there."""

import re
import unicodedata
from collections.abc import Iterable

from pocket_agent.profile.values import find_span, key

BLOCK = "█"
"""Stands for each character that was made illegible, so that what comes after keeps its place."""

# Soft hyphens, joiners and the like stand inside of words and are not seen.
_UNSEEN = re.compile("[\u00ad\u200c\u200d\u2060\ufeff]")
# Thai, Lao, Burmese, Khmer, kana, Han: no space stands between their words.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Needle:
    """A text to look for, whatever its case and its line breaks: whole words, in this order.

    Punctuation counts for nothing, unless there is nothing else in it. Where a script has no spaces
    between words, each of its characters is one.

    Args:
        substring: look for its characters instead, inside of words too.
    """

    def __init__(self, text: str, *, substring: bool = False) -> None:
        self._text = _folded(text)
        self._words = [] if substring else _words_of(self._text)
        self._run = _joined(self._words)

    def __bool__(self) -> bool:
        return bool(self._text)

    def within(self, text: str) -> bool:
        """Whether `text` holds it."""
        folded = _folded(text)
        if not self._words:
            return self._text in folded
        if not all(word in folded for word in self._words):
            return False  # most turns: looking word by word at each would take seconds
        return self._run in _joined(_words_of(folded))


class Cover:
    """Makes the words of values illegible: whole words, in any case, plurals too."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = sorted({value for value in values if value.strip()}, key=len, reverse=True)
        self._patterns = [_pattern(value) for value in self._values]
        self._stems = [[w.removesuffix("y") for w in key(v).split()] for v in self._values]

    def within(self, text: str) -> bool:
        """Whether one of the values stands in `text`."""
        return self(text) != text

    def __call__(self, text: str) -> str:
        """The text, as long as before, without the values."""
        folded = text.casefold()
        for value, pattern, stems in zip(self._values, self._patterns, self._stems, strict=True):
            if not all(stem in folded for stem in stems):
                continue  # most turns: looking word by word at each would take seconds
            text = pattern.sub(lambda found: BLOCK * len(found.group()), text)
            while span := find_span(text, value):
                text = text[: span[0]] + BLOCK * (span[1] - span[0]) + text[span[1] :]
        return text


def _pattern(value: str) -> re.Pattern[str]:
    words = r"\s+".join(re.escape(word) for word in value.split())
    return re.compile(rf"(?<!\w){words}(?:e?s|['’]s)?(?!\w)", re.IGNORECASE)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def _words_of(folded: str) -> list[str]:
    """Runs of letters and digits, with the marks on them, or one by one without spaces."""
    found: list[str] = []
    before = ""  # what the character before was: nothing, part of a word, or one alone
    for character in folded:
        kind = unicodedata.category(character)[0]
        alone = "alone" if UNSPACED.match(character) else "part"
        if before and (kind == "M" or (kind in "LN" and before == alone == "part")):
            found[-1] += character
        elif kind in "LN":
            found.append(character)
            before = alone
        else:
            before = ""
    return found


def _joined(found: list[str]) -> str:
    return "".join(f"\0{word}" for word in found) + "\0"
