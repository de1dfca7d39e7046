"""An engine without a model: a word is a token. For tests of what is sent, not of the answers."""

from collections.abc import AsyncIterator
from pathlib import Path

from pocket_agent.llm.protocol import (
    ContextName,
    LoadSpec,
    Message,
    ModelInfo,
    Piece,
    Progress,
    Request,
)


class WordEngine:
    """Answers every message with "Fine."; keeps the requests."""

    def __init__(self, chat_tokens: int = 2048):
        self.info: ModelInfo | None = ModelInfo(
            "words", Path("words"), "none", 0, chat_tokens, chat_tokens, 0, 0, "CPU", True, 1
        )
        self.requests: list[Request] = []

    async def load(self, spec: LoadSpec, progress: Progress | None = None) -> ModelInfo:
        assert self.info is not None
        return self.info

    async def stream(self, request: Request) -> AsyncIterator[Piece]:
        self.requests.append(request)
        yield Piece("Fine.", "stop")

    async def cancel(self, context: ContextName) -> None:
        pass

    async def count(self, messages: tuple[Message, ...]) -> list[int]:
        return [len(message.text.split()) for message in messages]

    async def close(self) -> None:
        pass
