"""ChatGPT's data export: `conversations.json`, a list of conversations, each a tree of messages.

An edited message and a reply that was made again are branches of the tree; the branch that was last
in view is taken. What tools and the system said is left out.

What ChatGPT noted of the person stands in messages that aren't shown, on whatever branch: to its
tool `bio` (saved memories), as a list of them all, and the custom instructions.
"""

import re
from collections.abc import Iterator
from typing import Any

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
from pocket_agent.portable.importers.markdown import Notes

_ROLES = {"user": TurnRole.USER, "assistant": TurnRole.ASSISTANT}
_SPOKEN = ("text", "multimodal_text", "code")
_MANNER = "manner"
_CONTEXTS = (
    ("user_profile", "about_user_message", ""),
    ("user_instructions", "about_model_message", _MANNER),
)
"""Fields of the message of custom instructions, those of its metadata, and the slot of each."""
_FENCED = re.compile(r"```\s*(.*?)\s*```", re.DOTALL)
# Told to the tool, not of the person.
_TAKES_BACK = re.compile(r"(?:please\s+)?(?:forget|remove|delete)\b", re.IGNORECASE)


class ChatGpt:
    """Reads ChatGPT's data export."""

    name = "chatgpt"
    title = "ChatGPT"

    def knows(self, entry: Any) -> bool:
        """Whether it is a conversation of ChatGPT's."""
        return isinstance(entry, dict) and isinstance(entry.get("mapping"), dict)

    def read(self, file: ImportFile) -> Iterator[Found]:
        """The conversations, the branch of each that was last in view, and what is noted in them.

        The same notes stand in many conversations: they are told once.
        """
        complaint = "it is no conversation of ChatGPT's (no `mapping`)"
        notes = Notes()
        for entry in entries(file.texts(), self.knows, complaint):
            yield _conversation(entry)
            for text, slot in _noted(entry["mapping"]):
                for said in notes.statements(text, slot):
                    if isinstance(said, Unknown) or not _TAKES_BACK.match(said.quote):
                        yield said


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


def _noted(nodes: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts that are noted of the person, each with its slot; one of no known form is empty."""
    for node in nodes.values():
        message = node.get("message") if isinstance(node, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(content, dict):
            continue
        kind = text_of(content, "content_type")
        if text_of(message, "recipient") == "bio":
            yield _text(content), ""
        elif kind == "model_editable_context":
            if content.get("model_set_context"):
                yield text_of(content, "model_set_context"), ""
        else:
            yield from _instructions(message.get("metadata"), content)


def _instructions(metadata: Any, content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Custom instructions: as they were typed, or else out of the words that ChatGPT put around."""
    typed = metadata.get("user_context_message_data") if isinstance(metadata, dict) else None
    typed = typed if isinstance(typed, dict) else {}
    if not typed and text_of(content, "content_type") != "user_editable_context":
        return
    for field, name, slot in _CONTEXTS:
        fenced = _FENCED.search(text_of(content, field))
        text = text_of(typed, name) or (fenced[1] if fenced else "")
        if text.strip():
            yield text, slot
        elif typed.get(name) or content.get(field):
            yield "", slot


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
