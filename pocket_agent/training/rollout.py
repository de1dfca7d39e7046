"""Rollouts from llama.cpp: many samples of many prompts at once, under each turn's grammar.

A prompt is computed once and its key-value cells are copied to its samples, which then grow side
by side in one batch. A token is drawn from the whole distribution first; only where the grammar
refuses it is it drawn again from what the grammar allows. That is exactly the distribution that
the policy is run with, and the grammar is asked about one token instead of the whole vocabulary.

Log-probabilities are those of the unconstrained distribution, which is what TRL computes too; a
token that had to be drawn again did not come from it, so it is marked and left out of the loss.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError, UsageError
from pocket_agent.llm.native import NativeModel
from pocket_agent.training.quiet import quiet_llama

_BATCH = 2048
_ROOM = 256
"""llama.cpp rounds the cells of a sequence up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A prompt to sample answers to.

    Args:
        prompt: token ids. grammar: GBNF that every answer keeps to.
        seed: of its samples; which process draws them, and in which batch, changes nothing.
    """

    prompt: tuple[int, ...]
    grammar: str
    seed: int


@dataclass(slots=True)
class Rollout:
    """One sampled answer; three lists of the same length.

    Args:
        tokens: ids, the end token included. logprobs: of each token, in nats.
        own: whether the token was the policy's own first draw.
    """

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    own: list[bool] = field(default_factory=list)


class Roller:
    """llama.cpp with room for many sequences.

    Args:
        gguf: the base model. slots: sequences at once (llama.cpp allows 256).
        room: tokens a sequence may hold, prompt and answer.

    Raises:
        ModelError: the model can't be loaded, or there is no memory for so many sequences.
    """

    def __init__(self, gguf: Path, slots: int, room: int, threads: int, gpu_layers: int = 0):
        self._lib, log = quiet_llama()
        self.model = NativeModel(self._lib, gguf, gpu_layers, log)
        self.slots, self.room = slots, -(-room // _ROOM) * _ROOM
        self._context = self._open(threads)
        self._memory = self._lib.llama_get_memory(self._context)
        self._batch = self._lib.llama_batch_init(_BATCH, 0, 1)
        self._adapter: Any = None
        self._mask = _Mask(self.model)

    def _open(self, threads: int) -> Any:
        params = self._lib.llama_context_default_params()
        params.n_ctx, params.n_seq_max = self.slots * self.room, self.slots
        params.n_batch, params.n_ubatch = _BATCH, 512
        params.n_outputs_max = self.slots
        params.n_threads = params.n_threads_batch = threads
        # One stream a sequence: attention then looks at its own cells alone.
        params.kv_unified = False
        params.no_perf = True
        context = self._lib.llama_init_from_model(self.model.pointer, params)
        if not context:
            raise ModelError(
                f"There is no memory for {self.slots} sequences of {self.room} tokens",
                "Take fewer prompts or samples at once.",
            )
        return context

    def close(self) -> None:
        """Free the native memory."""
        if self._context:
            self._lib.llama_batch_free(self._batch)
            self._lib.llama_free(self._context)
            self._lib.llama_model_free(self.model.pointer)
            self._context = None

    def use(self, adapter: Path) -> None:
        """Sample with this LoRA file from now on; the one before is dropped.

        Raises:
            ModelError: the adapter doesn't fit.
        """
        found = self._lib.llama_adapter_lora_init(self.model.pointer, str(adapter).encode())
        if not found:
            raise ModelError(f"The adapter {adapter.name} doesn't fit the model")
        adapters = (type(found) * 1)(found)
        scales = (ctypes.c_float * 1)(1.0)
        if self._lib.llama_set_adapters_lora(self._context, adapters, 1, scales) != 0:
            raise ModelError(f"The adapter {adapter.name} can't be applied")
        if self._adapter:
            self._lib.llama_adapter_lora_free(self._adapter)
        self._adapter = found

    def scores(self, prompt: Sequence[int]) -> Any:
        """Log-probabilities of the token after a prompt. Shape: (vocabulary,), float64."""
        import numpy as np

        self._lib.llama_memory_clear(self._memory, False)
        self._prefill(prompt, 0)
        logits = self._logits(-1)
        return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())

    def sample(
        self, asks: Sequence[Ask], samples: int, max_tokens: int, temperature: float = 1.0
    ) -> list[list[Rollout]]:
        """`samples` answers to each prompt.

        Args:
            max_tokens: of an answer; one that reaches it has no end token.

        Raises:
            UsageError: a prompt is too long for the room, or there are more samples than slots.
        """
        if samples > self.slots:
            raise UsageError(f"{samples} samples don't fit into {self.slots} sequences")
        at_once = self.slots // samples
        found: list[list[Rollout]] = []
        for start in range(0, len(asks), at_once):
            found += self._wave(asks[start : start + at_once], samples, max_tokens, temperature)
        return found

    def _wave(
        self, asks: Sequence[Ask], samples: int, max_tokens: int, temperature: float
    ) -> list[list[Rollout]]:
        self._lib.llama_memory_clear(self._memory, False)
        growing: list[_Growing] = []
        try:
            for number, ask in enumerate(asks):
                growing += self._start(ask, number * samples, samples, temperature)
            groups = [growing[at : at + samples] for at in range(0, len(growing), samples)]
            self._grow(growing, max_tokens, temperature)
            return [[one.rollout for one in group] for group in groups]
        finally:
            for one in growing:
                one.close()

    def _start(self, ask: Ask, slot: int, samples: int, temperature: float) -> "list[_Growing]":
        """Compute a prompt in `slot`, share it with the slots that follow, draw first tokens."""
        if len(ask.prompt) >= self.room:
            raise UsageError(f"A prompt of {len(ask.prompt)} tokens is longer than {self.room}")
        grammar = self._mask.parse(ask.grammar)
        made = [
            _Growing(self._lib, slot + i, len(ask.prompt), grammar, (ask.seed, i))
            for i in range(samples)
        ]
        self._lib.llama_sampler_free(grammar)
        self._prefill(ask.prompt, slot)
        for i in range(1, samples):
            self._lib.llama_memory_seq_cp(self._memory, slot, slot + i, -1, -1)
        logits = self._logits(-1) / temperature
        for one in made:
            one.draw(self._mask, logits)
        return made

    def _grow(self, growing: "list[_Growing]", max_tokens: int, temperature: float) -> None:
        """Add tokens until every answer has ended."""
        active = list(growing)
        while True:
            for one in active:
                one.cut(max_tokens, self.room)
            active = self._close_ranks(active)
            if not active:
                return
            self._fill([(one.rollout.tokens[-1], one.at, one.slot, True) for one in active])
            for row, one in enumerate(active):
                one.at += 1
                one.draw(self._mask, self._logits(row) / temperature)

    def _close_ranks(self, active: "list[_Growing]") -> "list[_Growing]":
        """Move the last sequences into the slots of those that ended.

        llama.cpp computes streams together only where their numbers follow one another.
        """
        alive = sorted((one for one in active if not one.done), key=lambda one: one.slot)
        free = sorted({*range(len(alive))} - {one.slot for one in alive})
        for slot in free:
            last = max(alive, key=lambda one: one.slot)
            self._lib.llama_memory_seq_rm(self._memory, slot, -1, -1)
            self._lib.llama_memory_seq_cp(self._memory, last.slot, slot, -1, -1)
            last.slot = slot
        return sorted(alive, key=lambda one: one.slot)

    def _prefill(self, prompt: Sequence[int], slot: int) -> None:
        last = len(prompt) - 1
        rows = [(token, at, slot, at == last) for at, token in enumerate(prompt)]
        for start in range(0, len(rows), _BATCH):
            self._fill(rows[start : start + _BATCH])

    def _fill(self, rows: Sequence[tuple[int, int, int, bool]]) -> None:
        """Compute one batch of (token, position, slot, whether its logits are wanted)."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, (token, at, slot, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.logits[i] = token, at, wanted
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, slot
        code = self._lib.llama_decode(self._context, batch)
        if code != 0:
            raise ModelError(f"llama.cpp could not compute a batch of rollouts (code {code})")

    def _logits(self, row: int) -> Any:
        """Logits of a row of the last batch, as float64. Shape: (vocabulary,)."""
        import numpy as np

        pointer = self._lib.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, shape=(self.model.n_vocab,)).astype(np.float64)


class _Growing:
    """An answer that is being sampled."""

    def __init__(self, lib: Any, slot: int, at: int, grammar: Any, seed: tuple[int, int]):
        import numpy as np

        self._lib, self.slot, self.at = lib, slot, at
        self._grammar = lib.llama_sampler_clone(grammar)
        self._random = np.random.default_rng(seed)
        self.rollout = Rollout()
        self.done = False

    def close(self) -> None:
        """Free the grammar's state."""
        self._lib.llama_sampler_free(self._grammar)

    def cut(self, max_tokens: int, room: int) -> None:
        """End an answer that has no room left."""
        self.done = self.done or len(self.rollout.tokens) >= max_tokens or self.at >= room

    def draw(self, mask: "_Mask", logits: Any) -> None:
        """Take the next token. logits: (vocabulary,), temperature applied."""
        import numpy as np

        shifted = logits - logits.max()
        weights = np.exp(shifted)
        token, total = _pick(weights, self._random.random())
        own = mask.allows(self._grammar, token)
        if not own:
            allowed = mask.allowed(self._grammar)
            if not len(allowed):
                raise ModelError("The grammar of a turn allows no next token")
            token = int(allowed[_pick(weights[allowed], self._random.random())[0]])
        self.rollout.tokens.append(token)
        self.rollout.logprobs.append(float(shifted[token] - np.log(total)))
        self.rollout.own.append(own)
        if mask.model.is_end(token):
            # The grammar must not be told of it: it aborts the process.
            self.done = True
        else:
            self._lib.llama_sampler_accept(self._grammar, token)


def _pick(weights: Any, chance: float) -> tuple[int, float]:
    """An index with probability in proportion to its weight, and the sum of the weights."""
    sums = weights.cumsum()
    total = float(sums[-1])
    if total <= 0.0:  # all that is allowed is too unlikely for a float: any will do
        return int(chance * len(weights)), total
    return min(int(sums.searchsorted(chance * total, side="right")), len(weights) - 1), total


class _Mask:
    """Asks a grammar what it allows next."""

    def __init__(self, model: NativeModel):
        import numpy as np

        self.model, self._lib, self._np = model, model.lib, np
        layout = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
        self._all = np.zeros(model.n_vocab, layout)
        self._data = self._all.ctypes.data_as(self._lib.llama_token_data_p)
        self._one = (self._lib.llama_token_data * 1)()

    def parse(self, grammar: str) -> Any:
        """A sampler for GBNF.

        Raises:
            ModelError: it isn't valid.
        """
        made = self._lib.llama_sampler_init_grammar(self.model.vocab, grammar.encode(), b"root")
        if not made:
            raise ModelError("The grammar of a turn is not valid GBNF")
        return made

    def allows(self, grammar: Any, token: int) -> bool:
        """Whether this token may come next."""
        self._one[0].id, self._one[0].logit = token, 1.0
        view = self._lib.llama_token_data_array(self._one, 1, -1, False)
        self._lib.llama_sampler_apply(grammar, ctypes.byref(view))
        return bool(self._one[0].logit == 1.0)

    def allowed(self, grammar: Any) -> Any:
        """Every token that may come next: ids, shape (some,)."""
        self._all["id"] = self._np.arange(self.model.n_vocab, dtype=self._np.int32)
        self._all["logit"] = 1.0
        view = self._lib.llama_token_data_array(self._data, self.model.n_vocab, -1, False)
        self._lib.llama_sampler_apply(grammar, ctypes.byref(view))
        return self._all["id"][self._all["logit"] == 1.0].astype(self._np.int64)
