"""Exports that lie in the program's own folder: they hold what was since forgotten."""

import json
import os
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocket_agent.memory.store import Store
from pocket_agent.portable import age, markdown, sessions
from pocket_agent.portable.age_words import MAGIC
from pocket_agent.portable.lines import FORMAT, MAX_LINE

_START = f'{{"kind":"header","format":"{FORMAT}"'.encode()
_TALK = sessions.START.encode()
_PAGES = (markdown.MARK.encode(), sessions.MARK.encode())
_STARTS = (_START, _TALK, *_PAGES, MAGIC, age.ARMOR)
_OTHERS = {"models", "cache"}
_TALK_ID = re.compile(rb'"session":\{"id":"([^"\\]+)"')
_OF = re.compile(rb"\n<!-- of the (?:profile|conversation) ([0-9A-Za-z_-]+) -->\n\Z")
_TAIL = 200  # bytes; the last line of our Markdown is shorter


@dataclass(frozen=True, slots=True)
class _Sought:
    """Ids by which a file is known that holds something of what goes.

    Args:
        rows: of sessions, turns and events. talks: of the conversations that any of it stands in.
        profile: of the profile; empty if it never exported anything.
    """

    rows: Set[str]
    talks: Set[str]
    profile: str


def exports_holding(home: Path, names: Set[str], store: Store) -> list[Path]:
    """The exports under a folder, half-written ones too, that hold one of these rows.

    Encrypted ones are among them, of every profile: nobody sees what they hold. Of this profile's
    own, so are Markdown and chosen parts, which don't say which rows they are made of.

    Args:
        home: the folder of all state. names: ids of sessions, turns and events.
        store: the profile that they are of.
    """
    if not names:
        return []
    sought = _Sought(names, names | store.sessions_of(names), store.profile_id())
    return [path for path, head in _exports(home) if _holds(path, head, sought)]


def exports_of(home: Path, store: Store) -> list[Path]:
    """The exports under a folder that are of a profile, as far as they say whose they are."""
    with store.database.reading() as connection:
        rows = "SELECT id FROM sessions UNION SELECT id FROM turns UNION SELECT id FROM events"
        names = {name for (name,) in connection.execute(rows)}
    sought = _Sought(names, names, store.profile_id())
    return [
        path
        for path, head in _exports(home)
        if not age.is_age(head) and _holds(path, head, sought) and _of_none_else(path, sought)
    ]


def sealed_exports(home: Path) -> list[Path]:
    """The encrypted files under a folder, of whatever profile."""
    return [path for path, head in _exports(home) if age.is_age(head)]


def _of_none_else(path: Path, sought: _Sought) -> bool:
    """Whether it doesn't say that another profile has written it."""
    with path.open("rb") as file:
        first = file.readline(MAX_LINE)
    try:
        header: Any = json.loads(first)
    except ValueError:
        return True
    return not isinstance(header, dict) or header.get("profile", "") in ("", sought.profile)


def named(path: Path) -> str:
    """The file's name for the question before it goes, and for the receipt."""
    try:
        with path.open("rb") as file:
            sealed = age.is_age(file.read(len(age.ARMOR)))
    except OSError:  # it has gone since
        sealed = False
    return f"{path} (encrypted: nobody sees whose it is)" if sealed else str(path)


def _exports(home: Path) -> Iterator[tuple[Path, bytes]]:
    """The exports, and how each begins."""
    for folder, folders, files in os.walk(home):
        if Path(folder) == home:
            folders[:] = [name for name in folders if name not in _OTHERS]
        for name in files:
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                continue
            try:
                with path.open("rb") as file:
                    head = file.read(max(map(len, _STARTS)))
            except OSError:  # not ours to read
                continue
            if head.startswith(_STARTS):
                yield path, head


def _holds(path: Path, head: bytes, sought: _Sought) -> bool:
    if age.is_age(head):
        return True
    try:
        with path.open("rb") as file:
            if head.startswith(_PAGES):
                file.seek(max(0, path.stat().st_size - _TAIL))
                found = _OF.search(file.read())
                of = found[1].decode() if found else ""
                return not of or of == sought.profile or of in sought.talks
            first = file.readline(MAX_LINE)
            if head.startswith(_TALK):
                named_so = _TALK_ID.search(first)
                if named_so is None or named_so[1].decode() in sought.rows:
                    return True
            elif (whose := _owner(first)) is not None:
                return whose in ("", sought.profile)
            return any(_id(line) in sought.rows for line in file)
    except OSError:
        return False


def _owner(first: bytes) -> str | None:
    """Whose chosen parts a file holds, empty if it doesn't say; None if it holds everything."""
    try:
        header: Any = json.loads(first)
    except ValueError:  # cut short
        return ""
    if header.get("whole", True) is True:
        return None
    return str(header.get("profile", ""))


def _id(line: bytes) -> str:
    try:
        record: Any = json.loads(line.strip(b",\r\n "))
    except ValueError:  # the end of a file that was cut short
        return ""
    return str(record.get("id", "")) if isinstance(record, dict) else ""
