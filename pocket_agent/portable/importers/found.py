"""What an importer finds in a file: conversations and statements, cleaned. Plain data.

All of it is somebody else's text: data to be shown and searched, never an instruction.
"""

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol

from pocket_agent.errors import PortableError
from pocket_agent.memory.records import TurnRole
from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.json_items import values
from pocket_agent.profile.facts import Polarity

OTHER = "other"
MAX_TEXT = 500_000
"""Characters of a turn; a longer one is cut, and says so."""
MAX_VALUE = 300
"""Characters of a statement; a longer one is no fact."""
MAX_TITLE = 200
_CUT = " […]"

_GONE: dict[int, str] = {
    **dict.fromkeys((code for code in range(0x20) if chr(code) not in "\n\t"), ""),
    **dict.fromkeys(range(0x7F, 0xA0), ""),
    # Overrides of the writing direction make text read as what it is not; tags are not seen at all.
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), ""),
    **dict.fromkeys((0xFEFF, *range(0xE0000, 0xE0080)), ""),
    **dict.fromkeys((0x2028, 0x2029), "\n"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn of a conversation.

    Args:
        name: what the other program calls it; unique within the conversation.
        at: ISO 8601 in UTC, or empty if unknown.
    """

    name: str
    role: TurnRole
    text: str
    at: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, its turns in the order they were said.

    Args:
        name: what the other program calls it; unique within its exports.
        started: ISO 8601 in UTC, or empty if unknown.
    """

    name: str
    title: str
    started: str
    turns: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Something said of the person, to wait for a yes or no.

    Args:
        quote: how the file says it.
        beside: whether it comes along with conversations: what is too much of it is left out, and
            doesn't keep these from coming.
    """

    slot: str
    value: str
    polarity: Polarity
    quote: str
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """A note of the person in a form that isn't known: it is passed over, and counted."""


Found = Conversation | Statement | Unknown


class Importer(Protocol):
    """Reads the files of one format."""

    name: str
    """As `--format` takes it, and as sources name it."""
    title: str
    """As people know it."""

    def knows(self, entry: Any) -> bool:
        """Whether the first value of a JSON file, or its text, is of this format."""

    def read(self, file: ImportFile) -> Iterator[Found]:
        """All that a file holds, one thing at a time.

        Raises:
            PortableError: the file is damaged, or not of this format.
        """


def wrong(number: int, why: str) -> PortableError:
    """The complaint about one entry of a file, counted from 1."""
    return PortableError(
        f"Entry {number} of the file can't be used: {why}", "Nothing was imported."
    )


def entries(
    texts: Iterable[Iterable[bytes]], knows: Callable[[Any], bool], complaint: str
) -> Iterator[Any]:
    """The entries of all the texts of a file.

    Raises:
        PortableError: one of them is not what is known, or no JSON.
    """
    for number, entry in enumerate(chain.from_iterable(map(values, texts)), 1):
        if not knows(entry):
            raise wrong(number, complaint)
        yield entry


def clean_text(text: str, most: int = MAX_TEXT) -> str:
    """A text without control characters (but line breaks) or half ones, and not too long."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").translate(_GONE).strip()
    return plain if len(plain) <= most else plain[: most - len(_CUT)] + _CUT


def clean_line(text: str, most: int) -> str:
    """A text on one line, cleaned."""
    return clean_text(
        unicodedata.normalize("NFC", " ".join(clean_text(text, 4 * most).split())), most
    )


def moment_of(value: Any) -> str:
    """A time as the store writes it, no later than now; empty if the value names none.

    Args:
        value: seconds since 1970, or ISO 8601 (in UTC where it has no zone).
    """
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        elif isinstance(value, (int, float)) and type(value) is not bool and math.isfinite(value):
            found = datetime.fromtimestamp(value, UTC)
        else:
            return ""
    except (ValueError, OverflowError, OSError):
        return ""
    return min(found, datetime.now(UTC)).isoformat(timespec="milliseconds")


def unnamed(title: str, started: str, turns: Sequence[Utterance]) -> str:
    """What tells a conversation without a name of its own from others, in every export of it."""
    return "\n".join((title, started, *(turn.text for turn in turns[:1])))


def text_of(record: dict[str, Any], name: str) -> str:
    """A field that should be a text; empty if it isn't."""
    value = record.get(name)
    return value if isinstance(value, str) else ""
