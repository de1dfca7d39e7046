"""Conversations and questions about them, read from JSON lines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pocket_agent.errors import UsageError
from pocket_agent.memory.records import Turn, TurnRole

_DATES = (
    "%Y/%m/%d (%a) %H:%M",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%I:%M %p on %d %B, %Y",
    "%I:%M %p on %B %d, %Y",
    "%d %B, %Y",
    "%d %B %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%m/%d/%Y",
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the turns that hold the answer.

    Args:
        gold: ids of turns. kind: what sort of question; may be empty.
    """

    id: str
    query: str
    gold: tuple[str, ...]
    kind: str = ""


@dataclass(slots=True)
class Conversation:
    """The turns of one store in the order they were said, and the questions about them."""

    turns: list[Turn] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


def read_conversations(turns: Path, questions: Path) -> list[Conversation]:
    """Read both files.

    Raises:
        UsageError: a file or a line that is not as described, or a question about no turn.
    """
    stores: dict[str, Conversation] = {}
    for row in _rows(turns, ("id", "session", "role", "text")):
        stores.setdefault(str(row.get("store", "")), Conversation()).turns.append(_turn(row, turns))
    known = {
        name: {turn.id for turn in conversation.turns} for name, conversation in stores.items()
    }
    for row in _rows(questions, ("id", "query", "gold")):
        name, gold = str(row.get("store", "")), tuple(str(turn) for turn in row["gold"])
        if not gold or not known.get(name, set()).issuperset(gold):
            raise UsageError(f"{questions.name}: the gold of {row['id']} is not among the turns")
        question = Question(str(row["id"]), row["query"], gold, str(row.get("kind", "")))
        stores[name].questions.append(question)
    if not any(conversation.questions for conversation in stores.values()):
        raise UsageError(f"{questions.name} holds no question")
    return list(stores.values())


def iso(date: str) -> str:
    """The date as ISO 8601 if it is one we can read, else as it is."""
    text = " ".join(date.split())
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        pass
    for pattern in _DATES:
        try:
            return datetime.strptime(text, pattern).isoformat()
        except ValueError:
            continue
    return text


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise UsageError(f"{path.name}, line {number}: not a JSON object")
        if missing := [name for name in needed if name not in row]:
            raise UsageError(f"{path.name}, line {number}: {', '.join(missing)} missing")
        yield row


def _turn(row: dict[str, Any], path: Path) -> Turn:
    try:
        role = TurnRole(row["role"])
    except ValueError as error:
        raise UsageError(f"{path.name}, turn {row['id']}: no role {row['role']!r}") from error
    return Turn(
        id=str(row["id"]),
        session=str(row["session"]),
        role=role,
        text=str(row["text"]),
        at=iso(str(row.get("date") or "")),
        speaker=str(row.get("speaker") or ""),
    )
