"""One generation from request to last token, on a loaded model. Runs in the child."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from pocket_agent.errors import ContextOverflowError, ModelError
from pocket_agent.llm.native import NativeModel
from pocket_agent.llm.native_context import NativeContext
from pocket_agent.llm.protocol import ContextName, FinishReason, Message, Piece, Request, Usage
from pocket_agent.llm.sampling import Sampler
from pocket_agent.llm.template import CHATML_END, ChatTemplate
from pocket_agent.llm.template_process import TemplateProcess
from pocket_agent.llm.text_stream import TextStream

_LONGEST_TOKEN = 256
"""Bytes; no vocabulary has a longer one, so a longer text than this per token can't fit."""

_SLOW_STEP_S = 0.05
"""A decode step slower than this is made interruptible: there the cost doesn't show."""

_TOGETHER_S = 0.025
"""Text that comes this soon after the last is sent with what follows it: each piece wakes the
receiver, on a core that the next token needs. Nobody reads forty pieces a second."""


@dataclass
class Runtime:
    """A loaded model with its contexts."""

    model: NativeModel
    template: ChatTemplate | TemplateProcess
    contexts: dict[ContextName, NativeContext] = field(default_factory=dict)

    def context(self, name: ContextName) -> NativeContext:
        """The context of that name.

        Raises:
            ModelError: it was not made.
        """
        if name not in self.contexts:
            raise ModelError(f"The model was loaded without a {name.value} context")
        return self.contexts[name]

    def tokens(self, request: Request, limit: int) -> list[int]:
        """The prompt's tokens.

        Raises:
            ContextOverflowError: there are too many to leave room for an answer.
            ModelError: the model's chat template takes too long or too much.
        """
        if not request.messages:
            parts = self.template.cut_raw(request.prompt)
        else:
            parts = self.template.render(request.messages, continue_last=request.continue_last)
        size = sum(len(part.encode("utf-8", "replace")) for part in parts)
        if size > limit * _LONGEST_TOKEN:
            raise _overflow(f"more than {limit}", limit)
        tokens = self._tokenize(parts)
        if not tokens:
            raise ModelError("There is nothing to answer")
        if len(tokens) >= limit:
            raise _overflow(str(len(tokens)), limit)
        return tokens

    def count(self, messages: tuple[Message, ...]) -> list[int]:
        """Tokens of each message; their sum is the whole prompt's."""
        if not messages:
            return []
        total = len(self._tokenize(self.template.render(messages)))
        shares = self.template.shares(messages)
        counts = [len(self._tokenize(shares[0]))]
        counts += [_count(self.model, tuple(share)) for share in shares[1:]]
        # Tokens can straddle two shares where a template has no control tokens.
        counts[-1] = max(0, total - sum(counts[:-1]))
        return counts

    def _tokenize(self, parts: list[str]) -> list[int]:
        adds = not (self.model.adds_bos and parts[0].startswith(self.model.bos))
        tokens = self.model.tokenize(parts[0], special=True, add_bos=adds)
        for index, part in enumerate(parts[1:], start=1):
            tokens += self.model.tokenize(part, special=index % 2 == 0)
        return tokens


@lru_cache(maxsize=4096)
def _count(model: NativeModel, parts: tuple[str, ...]) -> int:
    return sum(len(model.tokenize(part, special=i % 2 == 0)) for i, part in enumerate(parts))


def _overflow(length: str, limit: int) -> ContextOverflowError:
    return ContextOverflowError(
        f"The prompt is {length} tokens long and the model's context holds {limit}",
        "Shorten the message, or choose a larger context.",
    )


def generate(
    runtime: Runtime,
    request: Request,
    emit: Callable[[Piece], None],
    stopped: Callable[[], bool],
) -> None:
    """Run one request; the last piece emitted has `finish` and `usage`.

    Args:
        stopped: asked between tokens, and inside long computations.

    Raises:
        ContextOverflowError: the prompt leaves no room for an answer; nothing was computed.
        ModelError: the grammar isn't valid, or llama.cpp failed.
    """
    started = time.perf_counter()
    context = runtime.context(request.context)
    prompt = runtime.tokens(request, context.size)
    sampler = Sampler(context, request.sampling, request.grammar, prompt)
    try:
        own = runtime.template.is_own
        run = _Run(runtime.model, context, own, sampler, request, emit, stopped, started)
        run.go(prompt)
    finally:
        sampler.close()


@dataclass
class _Run:
    model: NativeModel
    context: NativeContext
    template_is_own: bool
    sampler: Sampler
    request: Request
    emit: Callable[[Piece], None]
    stopped: Callable[[], bool]
    started: float
    cached: int = 0
    produced: int = 0
    first_at: float = 0.0
    interruptible: bool = False
    unsent: str = ""
    sent_at: float = 0.0
    told: int = 0

    def go(self, prompt: list[int]) -> None:
        self.cached = self.context.reuse(prompt)
        text = TextStream(self._stops())
        finish: FinishReason = "cancelled"
        if self.context.prefill(prompt[self.cached :]):
            self.first_at = time.perf_counter()
            finish = self._decode(text)
        done = time.perf_counter()
        first_at = self.first_at or done
        usage = Usage(
            prompt=len(prompt),
            cached=self.cached,
            completion=self.produced,
            first_token_s=first_at - self.started,
            decode_s=done - first_at,
        )
        self.emit(Piece(self.unsent + text.finish(), finish, usage, self._tokens_since()))

    def _decode(self, text: TextStream) -> FinishReason:
        room = self.context.size - len(self.context.tokens)
        limit = min(self.request.sampling.max_tokens, room)
        while self.produced < limit:
            if self.stopped():
                return "cancelled"
            token = self.sampler.sample()
            if self.produced == 0:
                self.first_at = time.perf_counter()
            if token is None or self.model.is_end(token):
                return "stop"
            self.produced += 1
            self._show(text.push(self.model.piece(token)))
            if text.stopped:
                return "stop"
            if self.produced < limit and not self._step(token):
                return "cancelled"
        return "length"

    def _show(self, text: str) -> None:
        self.unsent += text
        now = time.perf_counter()
        if self.unsent and now - self.sent_at >= _TOGETHER_S:
            self.emit(Piece(self.unsent, tokens=self._tokens_since()))
            self.unsent, self.sent_at = "", now

    def _tokens_since(self) -> int:
        """Tokens produced since this was last asked."""
        since, self.told = self.produced - self.told, self.produced
        return since

    def _step(self, token: int) -> bool:
        before = time.perf_counter()
        finished = self.context.step(token)
        slow = time.perf_counter() - before > _SLOW_STEP_S
        if slow is not self.interruptible:
            self.context.interruptible(slow)
            self.interruptible = slow
        return finished

    def _stops(self) -> tuple[str, ...]:
        """A model that wasn't made for our fallback template may spell its end out."""
        ours = () if self.template_is_own or not self.request.messages else (CHATML_END,)
        return (*self.request.stop, *ours)
