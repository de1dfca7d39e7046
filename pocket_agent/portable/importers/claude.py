"""Claude's data export: `conversations.json`, conversations with their messages in order.

Beside it may lie what Claude noted of the person: `memories.json`, or files in `memories/`.
"""

from collections.abc import Iterator
from typing import Any

from pocket_agent.errors import PortableError
from pocket_agent.memory.records import TurnRole
from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.found import (
    MAX_TITLE,
    Conversation,
    Found,
    Unknown,
    Utterance,
    clean_line,
    clean_text,
    entries,
    moment_of,
    text_of,
    unnamed,
)
from pocket_agent.portable.importers.json_items import values
from pocket_agent.portable.importers.markdown import Notes

_ROLES = {"human": TurnRole.USER, "assistant": TurnRole.ASSISTANT}
_MEMORY = ("conversations_memory", "project_memories", "memory_files")
_TEXTS = ("memory", "content", "text")


class Claude:
    """Reads Claude's data export."""

    name = "claude"
    title = "Claude"

    def knows(self, entry: Any) -> bool:
        """Whether it is a conversation of Claude's, or its notes of a person."""
        return _is_conversation(entry) or _is_memory(entry)

    def read(self, file: ImportFile) -> Iterator[Found]:
        """The conversations, then what is noted of the person."""
        complaint = "it is no conversation of Claude's (no `chat_messages`)"
        notes = Notes()
        for entry in entries(file.texts(), self.knows, complaint):
            if _is_conversation(entry):
                yield _conversation(entry)
            else:
                yield from _memories(entry, notes)
        for text in file.notes():
            yield from _noted(text, notes)


def _is_conversation(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("chat_messages"), list)


def _is_memory(entry: Any) -> bool:
    return isinstance(entry, dict) and any(name in entry for name in _MEMORY)


def _noted(text: Iterator[bytes], notes: Notes) -> Iterator[Found]:
    """What a file of notes holds. One that can't be read doesn't keep the conversations back."""
    try:
        for entry in values(text):
            yield from _memories(entry, notes)
    except PortableError:
        yield Unknown()


def _memories(entry: Any, notes: Notes) -> Iterator[Found]:
    if not _is_memory(entry):
        yield Unknown()
        return
    for name in _MEMORY:
        for text in _texts(entry.get(name)):
            yield from notes.statements(text)


def _texts(held: Any) -> list[str]:
    """The texts of a field: one, or a list or table of them; empty for each of another form."""
    if not held:
        return []
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, list) else (held,)
    return [part if isinstance(part, str) else _text_in(part) for part in parts]


def _text_in(part: Any) -> str:
    found = (text_of(part, name) for name in _TEXTS) if isinstance(part, dict) else ()
    return next(filter(None, found), "")


def _conversation(entry: dict[str, Any]) -> Conversation:
    title = clean_line(text_of(entry, "name"), MAX_TITLE)
    started = moment_of(entry.get("created_at"))
    found = (_utterance(at, message) for at, message in enumerate(entry["chat_messages"]))
    turns = [turn for turn in found if turn is not None]
    name = text_of(entry, "uuid") or unnamed(title, started, turns)
    return Conversation(name, title, started, tuple(turns))


def _utterance(at: int, message: Any) -> Utterance | None:
    """What was said; None for a message without words, or of nobody we know."""
    if not isinstance(message, dict):
        return None
    role = _ROLES.get(text_of(message, "sender"))
    text = clean_text(_text(message))
    if role is None or not text:
        return None
    name = text_of(message, "uuid") or str(at)
    return Utterance(name, role, text, moment_of(message.get("created_at")))


def _text(message: dict[str, Any]) -> str:
    """The parts that are text, or else the field `text`: it tells of tools and thoughts as well."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    said = [
        text_of(part, "text")
        for part in parts
        if isinstance(part, dict) and part.get("type") == "text"
    ]
    return "\n\n".join(text for text in said if text.strip()) or text_of(message, "text")
