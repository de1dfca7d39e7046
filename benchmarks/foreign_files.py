"""Other programs' files for `fuzz_import`: sound ones, and .zips that are made to do harm."""

import io
import json
import random
import stat
import zipfile
from collections.abc import Callable
from typing import Any

DAY = 1_714_557_600.25
MEGABYTE = 1024 * 1024
LIST = "# About me\n- home: Porto\n- likes ramen\n## Avoid\n- olives\n- small talk\n"
MEMORIES = [
    {
        "conversations_memory": "**Work**\n\nAna binds books. She works alone.\n\n- likes tea\n",
        "project_memories": {"p-1": "The atlas is due in May."},
        "account_uuid": "someone",
    }
]
MEM0 = {
    "results": [
        {"id": f"m-{number}", "memory": memory, "created_at": "2025-01-01T00:00:00-08:00"}
        for number, memory in enumerate(("Loves hiking", "Has a cat", "Is allergic to nuts"))
    ]
}


def chatgpt() -> list[dict[str, Any]]:
    """Conversations with branches, a tool, saved memories and custom instructions."""
    return [_tree(f"c-{number}") for number in range(3)]


def claude() -> list[dict[str, Any]]:
    """Conversations of both sides, with parts."""
    return [
        {
            "uuid": f"u-{number}",
            "name": "Bread",
            "created_at": "2025-03-02T08:00:00.123456Z",
            "chat_messages": [
                {"uuid": "1", "sender": "human", "text": "How long does a sourdough rise?"},
                {
                    "uuid": "2",
                    "sender": "assistant",
                    "text": "",
                    "content": [{"type": "text", "text": "Overnight."}, {"type": "tool_use"}],
                    "created_at": "2025-03-02T10:00:09+02:00",
                },
            ],
        }
        for number in range(3)
    ]


def packed(files: dict[str, bytes]) -> bytes:
    """A .zip with these files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def bases() -> dict[str, bytes]:
    """Sound files of every kind, by name."""
    plain: dict[str, Any] = {"chatgpt.json": chatgpt(), "claude.json": claude(), "mem0.json": MEM0}
    made = {name: json.dumps(value).encode() for name, value in plain.items()}
    made["list.md"] = LIST.encode()
    made["chatgpt.zip"] = packed({"conversations.json": made["chatgpt.json"], "user.json": b"{}"})
    notes = json.dumps(MEMORIES).encode()
    made["claude.zip"] = packed(
        {"data/conversations.json": made["claude.json"], "data/memories.json": notes}
    )
    return made


def inside(data: bytes) -> dict[str, bytes]:
    """The files of a .zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class HostileZip:
    """Makes .zips of conversations that burst, climb, point elsewhere, lie or never end.

    Args:
        chance: decides. sound: conversations as JSON.
    """

    def __init__(self, chance: random.Random, sound: bytes) -> None:
        self._chance, self._sound = chance, sound
        self._ways: list[Callable[[], bytes]] = [
            self._bomb,
            self._bomb_of_notes,
            self._climbing,
            self._link,
            self._many_files,
            self._many_entries,
            self._deep,
            self._twice,
            self._lying,
            self._locked,
            self._oddly_packed,
            self._in_a_zip,
        ]

    def make(self) -> tuple[bytes, str]:
        """The next one, and what it is."""
        way = self._chance.choice(self._ways)
        return way(), way.__name__.strip("_").replace("_", " ")

    def _bomb(self) -> bytes:
        filling = self._chance.choice((b" ", b"[", b"0", b'{"a":'))
        return packed({"conversations.json": b"[" + filling * (64 * MEGABYTE // len(filling))})

    def _bomb_of_notes(self) -> bytes:
        filling = self._chance.choice((b" ", b'[{"conversations_memory":"' + b"a.\\n" * MEGABYTE))
        notes = b" " * (64 * MEGABYTE) if filling == b" " else filling + b'"}]'
        sound = json.dumps(claude()).encode()
        return packed({"conversations.json": sound, "memories.json": notes})

    def _climbing(self) -> bytes:
        places = ("../", "../../../../tmp/", "/", "C:\\", "a/../", "\\\\host\\", "./", "")
        return packed({f"{self._chance.choice(places)}conversations.json": self._sound})

    def _link(self) -> bytes:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            entry = zipfile.ZipInfo("conversations.json")
            entry.create_system = 3
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")
        return held.getvalue()

    def _many_files(self) -> bytes:
        count = self._chance.choice((3_000, 30_000))
        name = self._chance.choice(("conversations-{}.json", "memories/{}.json", "{}" + "x" * 100))
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("conversations.json", json.dumps(claude()))
            for number in range(count):
                archive.writestr(name.format(number), b"[]")
        return held.getvalue()

    def _many_entries(self) -> bytes:
        one = self._chance.choice((b"{}", b"1", b'{"mapping":{}}', b'{"chat_messages":[]}'))
        return packed({"conversations.json": b"[" + b",".join([one] * 150_000) + b"]"})

    def _deep(self) -> bytes:
        depth = self._chance.choice((60, 70, 100_000))
        value = b"[" * depth + b"]" * depth
        return packed({"conversations.json": b'[{"mapping":{"a":' + value + b"}}]"})

    def _twice(self) -> bytes:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("conversations.json", self._sound)
            archive.writestr("conversations_json", b"[]")
        return held.getvalue().replace(b"conversations_json", b"conversations.json")

    def _lying(self) -> bytes:
        """Sizes in the table of contents that are not so."""
        made = bytearray(packed({"conversations.json": self._sound * self._chance.choice((1, 50))}))
        at = made.rindex(b"PK\x01\x02")
        place = at + self._chance.choice((16, 20, 24, 42))  # checksum, sizes, where it lies
        made[place : place + 4] = self._chance.choice(
            (b"\0\0\0\0", b"\1\0\0\0", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff")
        )
        return bytes(made)

    def _locked(self) -> bytes:
        made = bytearray(packed({"conversations.json": self._sound}))
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            made[made.index(mark) + place] |= 1
        return bytes(made)

    def _oddly_packed(self) -> bytes:
        held = io.BytesIO()
        how = self._chance.choice((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
        with zipfile.ZipFile(held, "w", how) as archive:
            archive.writestr("conversations.json", b" " * (16 * MEGABYTE) + self._sound)
        return held.getvalue()

    def _in_a_zip(self) -> bytes:
        made = packed({"conversations.json": self._sound})
        for _ in range(self._chance.choice((1, 20))):
            made = packed({"conversations.json": made})
        return made


def _tree(name: str) -> dict[str, Any]:
    typed = {"about_user_message": "I bind books.", "about_model_message": "Be brief."}
    told: dict[str, Any] = {
        "content": {"content_type": "user_editable_context", "user_profile": "```I bind books.```"},
        "metadata": {"user_context_message_data": typed},
    }
    listed = "# Model Set Context\n\n1. [2024-05-01]. User has a cat."
    context = {"content_type": "model_editable_context", "model_set_context": listed}
    nodes = [
        _node("r", None, "user", **told),
        _node("i", "r", "assistant", content=context),
        _node("a", "i", "user", "Where is the Livraria Lello?"),
        _node("b", "a", "assistant", "User loves old bookshops.", recipient="bio"),
        _node("x", "a", "tool", "Model set context updated."),
        _node("c", "a", "assistant", "In Porto, near the tower."),
        _node("d", "c", "user", "Thanks, I love old bookshops!"),
    ]
    made = {"mapping": {node["id"]: node for node in nodes}, "current_node": "d", "id": name}
    return {"title": "A trip", "create_time": DAY, **made}


def _node(name: str, parent: str | None, role: str, text: str = "", **more: Any) -> dict[str, Any]:
    message = {
        "id": f"m-{name}",
        "author": {"role": role},
        "create_time": DAY,
        "content": {"content_type": "text", "parts": [text]},
        "recipient": "all",
        "metadata": {},
        **more,
    }
    return {"id": name, "parent": parent, "children": [], "message": message}
