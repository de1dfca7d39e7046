"""Exports that lie in the program's own folder: they hold what was since forgotten."""

import json
import os
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

from pocket_agent.portable import age
from pocket_agent.portable.age_words import MAGIC
from pocket_agent.portable.lines import FORMAT, MAX_LINE
from pocket_agent.portable.markdown import MARK

_START = f'{{"kind":"header","format":"{FORMAT}"'.encode()
_STARTS = (_START, MARK.encode(), MAGIC, age.ARMOR)
_OTHERS = {"models", "cache"}


def exports_holding(home: Path, names: Set[str]) -> list[Path]:
    """The exports under a folder, half-written ones too, that hold one of these rows.

    Encrypted ones, Markdown and chosen parts are among them: none says which rows it is made of.

    Args:
        home: the folder of all state. names: ids of sessions, turns and events.
    """
    return [path for path in _exports(home) if _holds(path, names)] if names else []


def _exports(home: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(home):
        if Path(folder) == home:
            folders[:] = [name for name in folders if name not in _OTHERS]
        for name in files:
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                continue
            try:
                with path.open("rb") as file:
                    if file.read(max(map(len, _STARTS))).startswith(_STARTS):
                        yield path
            except OSError:  # not ours to read
                continue


def _holds(path: Path, names: Set[str]) -> bool:
    try:
        with path.open("rb") as file:
            first = file.readline(MAX_LINE)
            if not first.startswith(_START) or b'"whole":false' in first:
                return True
            return any(_id(line) in names for line in file)
    except OSError:
        return False


def _id(line: bytes) -> str:
    try:
        record: Any = json.loads(line)
    except ValueError:  # the end of a file that was cut short
        return ""
    return str(record.get("id", "")) if isinstance(record, dict) else ""
