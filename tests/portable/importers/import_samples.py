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


def remembering(name: str = "c-9", **more: Any) -> dict[str, Any]:
    """A conversation of ChatGPT's in which it noted something, on a branch that isn't in view."""
    typed = {
        "about_user_message": "I bind books.\nI live in Porto.",
        "about_model_message": "Be brief.",
    }
    told = {
        "content": {"content_type": "user_editable_context", "user_profile": "Preface: ```x```"},
        "metadata": {"is_user_system_message": True, "user_context_message_data": typed},
    }
    listed = "# Model Set Context\n\n1. [2024-05-01]. User has a cat.\n2. [2024-05-02]. User swims."
    context = {"content_type": "model_editable_context", "model_set_context": listed}
    code = {"content_type": "code", "text": "User has a cat. User is called Ana."}
    nodes = [
        node("r", None, ["i"], "user", "", **told),
        node("i", "r", ["a"], "assistant", "", content=context),
        node("a", "i", ["b", "c"], "user", "I have a cat"),
        node("b", "a", [], "assistant", "", recipient="bio", content=code),
        node("x", "a", [], "assistant", "Forget that user swims.", recipient="bio"),
        node("y", "a", [], "assistant", '{"memory": "in a way of its own"}', recipient="bio"),
        node("c", "a", [], "assistant", "Lovely!"),
    ]
    return {
        **chatgpt(name, "A cat"),
        "mapping": {n["id"]: n for n in nodes},
        "current_node": "c",
        **more,
    }


MEMORY = {
    "conversations_memory": "**About work**\n\nAna binds books. She works alone.\n- likes tea\n",
    "project_memories": {"p-1": "The atlas is due in May.", "p-2": 7},
    "account_uuid": "someone",
}
"""What Claude noted of a person."""
