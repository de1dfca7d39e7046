"""ChatGPT's data export: `conversations.json`, a list of conversations, each a tree of messages.

An edited message and a reply that was made again are branches of the tree; the branch that was last
in view is taken. What tools and the system said is left out.
"""

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

_ROLES = {"user": TurnRole.USER, "assistant": TurnRole.ASSISTANT}
_SPOKEN = ("text", "multimodal_text", "code")


class ChatGpt:
    """Reads ChatGPT's data export."""

    name = "chatgpt"
    title = "ChatGPT"

    def knows(self, entry: Any) -> bool:
        """Whether it is a conversation of ChatGPT's."""
        return isinstance(entry, dict) and isinstance(entry.get("mapping"), dict)

    def read(self, file: ImportFile) -> Iterator[Found]:
        """The conversations, the branch of each that was last in view."""
        complaint = "it is no conversation of ChatGPT's (no `mapping`)"
        return map(_conversation, entries(file.texts(), self.knows, complaint))


def _conversation(entry: dict[str, Any]) -> Conversation:
    title = clean_line(text_of(entry, "title"), MAX_TITLE)
    started = moment_of(entry.get("create_time"))
    turns = []
    for key, node in _branch(entry["mapping"], entry.get("current_node")):
        turn = _utterance(key, node.get("message"))
        if turn is not None:
            turns.append(turn)
    name = text_of(entry, "conversation_id") or text_of(entry, "id")
    return Conversation(name or unnamed(title, started, turns), title, started, tuple(turns))


def _branch(nodes: dict[str, Any], last: Any) -> list[tuple[str, dict[str, Any]]]:
    """The nodes from the root to the last one in view. A tree that bites its tail is cut there."""
    at = last if isinstance(last, str) and last in nodes else _newest_leaf(nodes)
    found: dict[str, dict[str, Any]] = {}
    while isinstance(at, str) and at not in found and isinstance(nodes.get(at), dict):
        found[at] = nodes[at]
        at = nodes[at].get("parent")
    return list(found.items())[::-1]


def _newest_leaf(nodes: dict[str, Any]) -> str | None:
    leaves = [
        name for name, node in nodes.items() if isinstance(node, dict) and not node.get("children")
    ]
    return leaves[-1] if leaves else next(reversed(nodes), None)


def _utterance(key: str, message: Any) -> Utterance | None:
    """What was said to the eye; None for a tool's, a hidden or an empty message."""
    if not isinstance(message, dict):
        return None
    author, hidden = message.get("author"), message.get("metadata")
    role = _ROLES.get(text_of(author, "role")) if isinstance(author, dict) else None
    if role is None or text_of(message, "recipient") not in ("", "all"):
        return None
    if isinstance(hidden, dict) and hidden.get("is_visually_hidden_from_conversation"):
        return None
    text = clean_text(_text(message.get("content")))
    name = text_of(message, "id") or key
    return Utterance(name, role, text, moment_of(message.get("create_time"))) if text else None


def _text(content: Any) -> str:
    if not isinstance(content, dict) or content.get("content_type", "text") not in _SPOKEN:
        return ""
    parts = content.get("parts")
    if not isinstance(parts, list):
        return text_of(content, "text")
    said = (part if isinstance(part, str) else _spoken(part) for part in parts)
    return "\n\n".join(text for text in said if text.strip())


def _spoken(part: Any) -> str:
    """The words of a part that is not plain text, such as what was dictated; no pictures."""
    return text_of(part, "text") if isinstance(part, dict) else ""
