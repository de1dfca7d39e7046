"""The tombstones of one store or of several that met, as they travel, and what they say of a name.

How they are made and kept is `tombstones`. Nothing can be read from one; who has the key can ask
whether a name or a value is among them.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pocket_agent.memory.dates import moment
from pocket_agent.profile.redaction import Value


@dataclass(frozen=True, slots=True)
class Graves:
    """The tombstones of a store, to go with it elsewhere.

    Args:
        keys: what the hashes were made with, in hexadecimal digits; several where stores have met.
        marks: the hashes, in hexadecimal digits, and when the thing was forgotten.
    """

    keys: tuple[str, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()

    def among(self, names: Iterable[str]) -> set[str]:
        """Those turns, events and sessions that were erased there, or have lost words."""
        register = Register(self)
        return {name for name in names if register.changed_at(name)} if self.marks else set()

    def joined(self, other: "Graves") -> "Graves":
        """The tombstones of both; of the same one, the later."""
        marks = dict(sorted([*self.marks, *other.marks], key=lambda mark: mark[1]))
        return Graves(tuple(sorted({*self.keys, *other.keys})), tuple(sorted(marks.items())))


NO_GRAVES = Graves()


class Register:
    """Tombstones to look things up in."""

    def __init__(self, graves: Graves) -> None:
        self._marks = {bytes.fromhex(mark): at for mark, at in graves.marks}
        self._keys = [bytes.fromhex(key) for key in graves.keys]
        self._values: dict[Value, list[str]] = {}

    def is_erased(self, turn: str) -> bool:
        """Whether the turn of that id was erased."""
        return any(turn_mark(key, turn) in self._marks for key in self._keys if self._marks)

    def changed_at(self, name: str) -> str:
        """When the turn, event or session of that id was last erased, or lost words; or nothing."""
        if not self._marks:
            return ""
        marks = (mark for key in self._keys for mark in row_marks(key, name))
        return max((self._marks.get(mark, "") for mark in marks), default="")

    def is_old(self, value: Value, said: str) -> bool:
        """Whether a value was forgotten when, or after, somebody said it.

        Args:
            said: when, ISO 8601; what is no date may have been at any time.
        """
        if not self._marks:
            return False
        if value not in self._values:
            marks = (value_mark(key, value) for key in self._keys)
            self._values[value] = [self._marks[mark] for mark in marks if mark in self._marks]
        found = self._values[value]
        return bool(found) and any(not_after(moment(said), moment(at)) for at in found)


def not_after(then: datetime | None, since: datetime | None) -> bool:
    """Whether a moment is no later than another, as far as is known."""
    return then is None or since is None or then <= since


def value_mark(secret: bytes, value: Value) -> bytes:
    """The tombstone of what a fact says."""
    return _mark(secret, "fact", *value)


def turn_mark(secret: bytes, name: str) -> bytes:
    """The tombstone of an erased turn."""
    return _mark(secret, "turn", name)


def changed_mark(secret: bytes, name: str) -> bytes:
    """The tombstone of a row that has lost words."""
    return _mark(secret, "row", name)


def row_marks(secret: bytes, name: str) -> tuple[bytes, bytes]:
    """The tombstones of a row that was erased, or has lost words."""
    return turn_mark(secret, name), changed_mark(secret, name)


def _mark(secret: bytes, *words: str) -> bytes:
    return hmac.digest(secret, "\0".join(words).encode("utf-8", "replace"), hashlib.sha256)
