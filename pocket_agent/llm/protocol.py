"""What the rest of the program asks of a language model. No llama.cpp in here."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from pocket_agent.llm.offload import Layers


class Role(StrEnum):
    """Who speaks in a chat message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class ContextName(StrEnum):
    """The two contexts on one loaded model: neither evicts the other's cache."""

    CHAT = "chat"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message, before the model's template is applied."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. temperature 0 is greedy; a seed makes a run repeatable.

    Args:
        dry: strength of the "don't repeat yourself" penalty on runs of words that already stand
            in the conversation; 0 for none. The smallest models fall into loops without it.
        gate: a text and a margin; under a grammar only. The answer begins with that text's first
            token exactly if its logit and the margin outweigh all other beginnings together.
            Plain greedy choice compares it with the likeliest of them alone, and so prefers one
            refusal over many ways of agreeing.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.05
    dry: float = 0.0
    gate: tuple[str, float] | None = None
    seed: int | None = None
    max_tokens: int = 512


CHAT = Sampling(dry=0.8)
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0, max_tokens=128)


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """What to load.

    Args:
        model: path of the GGUF file.
        chat_tokens: size of the chat context.
        policy_tokens: size of the policy context; 0 makes none.
        gpu_layers: how many layers go to a GPU: "auto" for as many as fit, "all", or a number.
        device: name of the device that takes them; empty for the usual ones.
        adapter: LoRA GGUF applied to the policy context alone, or None.
        threads: decode threads; 0 chooses.
        requantize_in: folder for the once re-quantised copy of a slow file; None refuses.
        makes_copy: whether that copy may be made; if not, one that is there is used.
    """

    model: Path
    chat_tokens: int = 4096
    policy_tokens: int = 2048
    gpu_layers: Layers = "auto"
    adapter: Path | None = None
    threads: int = 0
    requantize_in: Path | None = None
    makes_copy: bool = True
    device: str = ""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What was loaded, for the status line and `doctor`.

    Args:
        name: general.name of the GGUF, or its file's stem.
        device: the honest line, such as "CPU, 1 thread" or "Vulkan0, 31/31 layers".
        threads: how many decode.
        placement: the line that tells where its layers went; empty if there was no choice.
        note: why it is slower than it could be; empty if it isn't.
    """

    name: str
    path: Path
    architecture: str
    parameters: int
    chat_tokens: int
    trained_tokens: int
    layers: int
    layers_offloaded: int
    device: str
    has_template: bool
    threads: int
    placement: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One generation, of `messages` (the model's own template is applied) or of a raw `prompt`.

    Args:
        context: which of the two contexts runs it.
        grammar: GBNF; checked before it can reach a sampler.
        stop: strings that end the text and are not part of it.
        continue_last: the last message is the assistant's and is continued rather than answered.
    """

    context: ContextName
    messages: tuple[Message, ...] = ()
    prompt: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    grammar: str = ""
    stop: tuple[str, ...] = ()
    continue_last: bool = False


FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Usage:
    """The cost of one generation. Times in seconds, counts in tokens.

    Args:
        cached: prompt tokens whose state was still in the context and were not computed again.
    """

    prompt: int
    cached: int
    completion: int
    first_token_s: float
    decode_s: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of text as it comes. The last piece of a stream has `finish` and `usage`.

    Args:
        tokens: how many were produced since the piece before; several may come together.
    """

    text: str
    finish: FinishReason | None = None
    usage: Usage | None = None
    tokens: int = 0


Progress = Callable[[str, float], None]
"""Called with what is being done and how far it is, in [0, 1]."""


class Engine(Protocol):
    """A loaded model. All methods run on the caller's event loop and never block it."""

    @property
    def info(self) -> ModelInfo | None:
        """What is loaded, or None before `load` has finished."""

    async def load(self, spec: LoadSpec, progress: Progress | None = None) -> ModelInfo:
        """Load a model, replacing the one loaded.

        Raises:
            ModelError: the file is missing, broken or can't be run here.
        """

    def stream(self, request: Request) -> AsyncIterator[Piece]:
        """Generate. Closing the iterator (aclose) or cancelling its task stops the model.

        Raises:
            ContextOverflowError: the prompt leaves no room for an answer.
            EngineDiedError: the model's process ended; it is started again at the next call.
        """

    async def cancel(self, context: ContextName) -> None:
        """Stop what runs in that context; its stream ends with finish "cancelled"."""

    async def count(self, messages: tuple[Message, ...]) -> list[int]:
        """Tokens of each message as the template renders it; their sum is the prompt's size."""

    async def close(self) -> None:
        """End the model's process. Safe to call twice."""


async def complete(engine: Engine, request: Request) -> str:
    """The whole text of one generation."""
    return "".join([piece.text async for piece in engine.stream(request)])
