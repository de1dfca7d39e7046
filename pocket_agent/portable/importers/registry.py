"""The formats that can be imported, and telling which of them a file has."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pocket_agent.errors import PortableError
from pocket_agent.portable.importers import json_items
from pocket_agent.portable.importers.chatgpt import ChatGpt
from pocket_agent.portable.importers.claude import Claude
from pocket_agent.portable.importers.files import CHUNK, ImportFile
from pocket_agent.portable.importers.found import Importer
from pocket_agent.portable.importers.markdown import Markdown
from pocket_agent.portable.importers.mem0 import Mem0
from pocket_agent.portable.lines import FORMAT

_LIST = Markdown()
_OF_JSON: tuple[Importer, ...] = (ChatGpt(), Claude(), Mem0())
IMPORTERS: dict[str, Importer] = {reader.name: reader for reader in (*_OF_JSON, _LIST)}

_LOOK = 20
"""Entries of a list that are looked at: the first may be an empty one."""
_TEXTS = (".md", ".markdown", ".txt")


def detect(path: Path) -> Importer | None:
    """The importer for a file, by its structure; None if it is none of these formats.

    Raises:
        PortableError: it is a list of JSON, so no export of ours, and is damaged or unknown.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    with ImportFile(path) as file:
        if file.is_zip:
            return _of_zip(file)
        head = next(next(file.texts()), b"").removeprefix(b"\xef\xbb\xbf").lstrip()
        if head.startswith(b"["):
            return _of_list(file)
        if head.startswith(b"{"):
            return _of_object(file, head)
        return _of_text(path, head)


def _of_zip(file: ImportFile) -> Importer | None:
    try:
        texts = file.texts()
        pieces = next(texts)
    except PortableError:  # another program's .zip, or a later export of ours
        return None
    return _known(json_items.values(pieces))


def _of_list(file: ImportFile) -> Importer | None:
    found = _known(json_items.values(next(file.texts())))
    if found is None:
        raise PortableError(
            "The file holds a list of none of the known formats",
            f"Say which it is: --format {'|'.join(IMPORTERS)}.",
        )
    return found


def _of_object(file: ImportFile, head: bytes) -> Importer | None:
    if FORMAT.encode() in head[:200]:
        return None
    try:
        return _known(json_items.values(next(file.texts())))
    except PortableError:
        return None


def _known(entries: Iterator[Any]) -> Importer | None:
    for entry in islice(entries, _LOOK):
        for reader in _OF_JSON:
            if reader.knows(entry):
                return reader
    return None


def _of_text(path: Path, head: bytes) -> Importer | None:
    if b"\0" in head:
        return None
    text = head[:CHUNK].decode("utf-8", "replace")
    named = path.suffix.lower() in _TEXTS
    return _LIST if named or ("\ufffd" not in text and _LIST.knows(text)) else None
