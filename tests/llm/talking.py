"""Short ways to say things to an engine."""

from typing import Any

from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import (
    GREEDY,
    ContextName,
    Message,
    Piece,
    Request,
    Role,
    Sampling,
)

STORY = (Message(Role.USER, "Tell a long story about a lighthouse keeper and a whale."),)
FOREVER = Sampling(temperature=0.0, repeat_penalty=1.0, max_tokens=1500)


def chat(*texts: str, sampling: Sampling = GREEDY, **options: Any) -> Request:
    """A chat request: the person's and the assistant's texts in turn."""
    roles = (Role.USER, Role.ASSISTANT)
    messages = tuple(Message(roles[i % 2], text) for i, text in enumerate(texts))
    return Request(ContextName.CHAT, messages, sampling=sampling, **options)


async def run(engine: LlamaEngine, request: Request) -> tuple[str, Piece]:
    """The whole text, and the last piece."""
    pieces = [piece async for piece in engine.stream(request)]
    return "".join(piece.text for piece in pieces), pieces[-1]


def long_text(words: int) -> str:
    """Text of about four tokens a word, no two of them alike."""
    return " ".join(f"item{number}" for number in range(words))
