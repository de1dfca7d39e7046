"""Claude's data export: `conversations.json`, conversations with their messages in order."""

from collections.abc import Iterator
from typing import Any

from pocket_agent.memory.records import TurnRole
from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.found import (
    MAX_TITLE,
    Conversation,
    Found,
    Utterance,
    clean_line,
    clean_text,
    entries,
    moment_of,
    text_of,
    unnamed,
)

_ROLES = {"human": TurnRole.USER, "assistant": TurnRole.ASSISTANT}


class Claude:
    """Reads Claude's data export."""

    name = "claude"
    title = "Claude"

    def knows(self, entry: Any) -> bool:
        """Whether it is a conversation of Claude's."""
        return isinstance(entry, dict) and isinstance(entry.get("chat_messages"), list)

    def read(self, file: ImportFile) -> Iterator[Found]:
        """The conversations."""
        complaint = "it is no conversation of Claude's (no `chat_messages`)"
        return map(_conversation, entries(file.texts(), self.knows, complaint))


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
