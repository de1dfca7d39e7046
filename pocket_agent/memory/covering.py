"""Finding what is to be forgotten in a text, and making it illegible there."""

import re
import unicodedata
from collections.abc import Iterable

from pocket_agent.profile.values import find_span, key

BLOCK = "█"
"""Stands for each character that was made illegible, so that what comes after keeps its place."""


class Needle:
    """A text to look for, whatever its case and its line breaks."""

    def __init__(self, text: str) -> None:
        self._text = _folded(text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def within(self, text: str) -> bool:
        """Whether `text` holds it, inside of words too."""
        return self._text in _folded(text)


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
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
