"""Values are runs of the user's own words: finding them, tidying them, comparing them."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(
    r"\w+(?:(?:['’](?!s\b)|[.\-/&+#])\w+)*[+#]*|['’]s\b|[^\w\s\x00-\x1f\x7f-\x9f]", re.UNICODE
)
_POSSESSIVES = frozenset({"'s", "’s"})
_LEADING = frozenset({"a", "an", "the", "my", "our", "some"})
_EDGES = " \t\n\r.,;:!?…\"'’‘“”()[]{}<>*`~"


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a mark of a text, with its character span."""

    text: str
    start: int
    end: int

    @property
    def begins(self) -> bool:
        """Whether a value may begin here: at a word, not at a mark or a possessive."""
        return self.text[0].isalnum()

    @property
    def ends(self) -> bool:
        """Whether a value may end here: at a word, or at the 's of "Levi's"."""
        return self.begins or self.text in _POSSESSIVES


def words(text: str) -> Iterator[Word]:
    """The words and marks of `text`, in order; the 's of "my sister's cat" stands by itself."""
    for match in _WORD.finditer(text):
        yield Word(match.group(), match.start(), match.end())


def clean(value: str) -> str:
    """The value as it is stored: one line, no marks at the edges, no leading article."""
    text = " ".join(unicodedata.normalize("NFC", value).split()).strip(_EDGES)
    head, _, rest = text.partition(" ")
    return clean(rest) if rest and head.casefold() in _LEADING else text


@lru_cache(maxsize=32_768)  # replaying a log compares the same values over and over
def key(value: str) -> str:
    """What two values share if they mean the same: case, marks, articles and plurals aside."""
    found = words(unicodedata.normalize("NFKC", clean(value)).casefold())
    return " ".join(_singular(word.text) for word in found if word.begins)


def find_span(text: str, value: str) -> tuple[int, int] | None:
    """Where `value` stands in `text` as a run of whole words, or None.

    Returns:
        The character span (start, end) of the first such run.
    """
    wanted = [_singular(word.text.casefold()) for word in words(value)]
    have = list(words(text))
    plain = [_singular(word.text.casefold()) for word in have]
    size = len(wanted)
    for at in range(len(have) - size + 1 if size else 0):
        if plain[at : at + size] == wanted:
            return have[at].start, have[at + size - 1].end
    return None


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
