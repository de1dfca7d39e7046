"""Files as other programs write them, made here: nobody's real data."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

DAY = 1_714_557_600.25  # 2024-05-01T10:00:00.250Z


def node(
    name: str, parent: str | None, children: list[str], role: str = "", text: Any = "", **more: Any
) -> dict[str, Any]:
    """A node of ChatGPT's tree; without a role it carries no message."""
    parts = text if isinstance(text, list) else [text]
    message = {
        "id": f"m-{name}",
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": DAY + len(name),
        "content": {"content_type": "text", "parts": parts},
        "recipient": "all",
        "metadata": {},
        **more,
    }
    return {
        "id": name,
        "parent": parent,
        "children": children,
        "message": message if role else None,
    }


def chatgpt(name: str = "c-1", title: str = "A trip", **more: Any) -> dict[str, Any]:
    """A conversation with an edited branch, a tool, a hidden and a system message."""
    hidden = {"metadata": {"is_visually_hidden_from_conversation": True}}
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}
    nodes = [
        node("r", None, ["s"]),
        node("s", "r", ["h"], "system", "You are a helpful assistant."),
        node("h", "s", ["a", "a2"], "user", "hidden instructions", **hidden),
        node("a", "h", ["b"], "user", "the first wording, edited away"),
        node("b", "a", [], "assistant", "the reply to it"),
        node("a2", "h", ["t"], "user", [picture, "Where is the Livraria Lello bookshop?"]),
        node("t", "a2", ["e"], "assistant", "search('Lello')", recipient="web"),
        node("e", "t", ["f"], "tool", "what the tool found"),
        node("f", "e", ["g"], "assistant", "It is in Porto, near the tower."),
        node("g", "f", [], "user", "Thanks, I love old bookshops!", create_time=None),
    ]
    return {
        "title": title,
        "create_time": DAY,
        "update_time": DAY + 60,
        "mapping": {made["id"]: made for made in nodes},
        "current_node": "g",
        "conversation_id": name,
        "id": name,
        **more,
    }


def claude(name: str = "u-1", title: str = "Bread") -> dict[str, Any]:
    """A conversation whose newer messages have parts, a tool's among them."""
    return {
        "uuid": name,
        "name": title,
        "created_at": "2025-03-02T08:00:00.123456Z",
        "updated_at": "2025-03-02T09:00:00.000000Z",
        "account": {"uuid": "someone"},
        "chat_messages": [
            {
                "uuid": f"{name}-1",
                "text": "How long does a sourdough rise?",
                "sender": "human",
                "created_at": "2025-03-02T08:00:01Z",
                "attachments": [],
            },
            {
                "uuid": f"{name}-2",
                "text": "a summary with thoughts",
                "content": [
                    {"type": "thinking", "thinking": "let me think"},
                    {"type": "text", "text": "Overnight,"},
                    {"type": "tool_use", "input": {}},
                    {"type": "text", "text": "in a cool room."},
                ],
                "sender": "assistant",
                "created_at": "2025-03-02T10:00:09+02:00",
            },
            {"uuid": f"{name}-3", "text": " \n", "sender": "human"},
        ],
    }


def mem0(*memories: str) -> dict[str, Any]:
    """What `get_all` gives."""
    return {
        "results": [
            {
                "id": f"id-{number}",
                "memory": memory,
                "hash": "0",
                "metadata": None,
                "created_at": "2025-01-01T00:00:00-08:00",
                "updated_at": None,
                "user_id": "anna",
            }
            for number, memory in enumerate(memories)
        ]
    }


def written(folder: Path, value: Any, name: str = "conversations.json") -> Path:
    """A JSON file."""
    path = folder / name
    path.write_text(json.dumps(value), "utf-8")
    return path


def zipped(folder: Path, files: dict[str, bytes], name: str = "export.zip") -> Path:
    """A .zip with these files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    path = folder / name
    path.write_bytes(held.getvalue())
    return path
