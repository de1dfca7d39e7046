"""Choosing the next token: a chain of samplers, and a grammar checked after the fact.

Applying a grammar to all candidates costs more than computing them. So: choose first, check the
one chosen, and choose again under the grammar only if it was refused.
"""

import ctypes
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pocket_agent.errors import ModelError
from pocket_agent.llm.native import NativeModel
from pocket_agent.llm.native_context import NativeContext
from pocket_agent.llm.protocol import Sampling

PENALTY_WINDOW = 64
"""Latest tokens of the answer that a repeat penalty looks at."""

DRY_BASE = 1.75
DRY_ALLOWED = 4
"""Tokens of a repeated run that cost nothing: names and set phrases may come again."""
DRY_WINDOW = 4096
DRY_BREAKERS = (b"\n", b":", b'"', b"*")

_FEW = (64, 2048)
"""Candidates tried under a grammar before all of them are."""


class Sampler:
    """The choice of tokens for one generation. Free it with `close`.

    Args:
        grammar: GBNF, or nothing.
        said: tokens of the conversation so far, which `dry` keeps from being said again.

    Raises:
        ModelError: the grammar isn't valid.
    """

    def __init__(
        self,
        context: NativeContext,
        sampling: Sampling,
        grammar: str = "",
        said: Sequence[int] = (),
    ) -> None:
        model = context.model
        self._lib, self._context = model.lib, context
        self._grammar = _grammar(model, grammar) if grammar else None
        self._chain = _chain(model, sampling, said)
        # The best of the allowed is then the best of all: few candidates are enough.
        self._best_only = (
            sampling.temperature <= 0 and sampling.repeat_penalty == 1.0 and sampling.dry <= 0
        )
        self._candidates = _Candidates(model) if grammar else None
        self._gate = _gate(model, sampling)

    def sample(self) -> int | None:
        """The next token, or None where the grammar allows none."""
        if self._grammar is None or self._candidates is None:
            pointer = self._context.pointer
            return int(self._lib.llama_sampler_sample(self._chain, pointer, -1))
        token = self._constrained(self._candidates)
        if token is not None and not self._context.model.is_end(token):
            # The grammar must not be told of an end token: it aborts the process where it
            # does not expect one.
            self._lib.llama_sampler_accept(self._grammar, token)
            self._lib.llama_sampler_accept(self._chain, token)
        return token

    def close(self) -> None:
        """Free the native samplers."""
        for pointer in (self._chain, self._grammar):
            if pointer:
                self._lib.llama_sampler_free(pointer)
        self._chain = self._grammar = None

    def _constrained(self, candidates: "_Candidates") -> int | None:
        logits = self._lib.llama_get_logits_ith(self._context.pointer, -1)
        if self._gate is not None:
            gate, self._gate = self._gate, None
            candidates.fill(logits)
            if candidates.restrict(self._grammar):
                candidates.settle(*gate)
                return candidates.choose(self._chain)
        candidates.fill(logits)
        token = candidates.choose(self._chain)
        if candidates.allows(self._grammar, token):
            return token
        for count in (*_FEW, 0) if self._best_only else (0,):
            candidates.fill(logits, best=count)
            if candidates.restrict(self._grammar):
                return candidates.choose(self._chain)
        return None


class _Candidates:
    """A reusable array of tokens and logits that samplers work on."""

    def __init__(self, model: NativeModel) -> None:
        import numpy as np

        self._np, self._lib, self._size = np, model.lib, model.n_vocab
        layout = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
        self._array = np.zeros(self._size, layout)
        self._ids = np.arange(self._size, dtype=np.int32)
        data = self._array.ctypes.data_as(self._lib.llama_token_data_p)
        self._view = self._lib.llama_token_data_array(data, self._size, -1, False)
        self._one = (self._lib.llama_token_data * 1)()

    def fill(self, logits: Any, best: int = 0) -> None:
        """Take the context's logits; with `best`, only that many of the highest."""
        np = self._np
        values = np.ctypeslib.as_array(logits, shape=(self._size,))
        ids = self._ids
        if 0 < best < self._size:
            ids = np.argpartition(values, self._size - best)[-best:]
            values = values[ids]
        count = len(ids)
        self._array["id"][:count] = ids
        self._array["logit"][:count] = values
        self._view.size, self._view.selected, self._view.sorted = count, -1, False

    def settle(self, token: int, margin: float) -> None:
        """Leave only `token` if it and the margin outweigh the rest together; else the rest."""
        np, kept = self._np, self._array[: self._view.size]
        is_it = kept["id"] == token
        if not is_it.any() or is_it.all():
            return
        rest = np.logaddexp.reduce(kept["logit"][~is_it].astype(np.float64))
        wins = kept["logit"][is_it][0] + margin >= rest
        self._keep(kept[is_it if wins else ~is_it])

    def choose(self, chain: Any) -> int:
        """The token the chain selects."""
        self._lib.llama_sampler_apply(chain, ctypes.byref(self._view))
        return int(self._view.data[self._view.selected].id)

    def restrict(self, grammar: Any) -> bool:
        """Drop what the grammar refuses; False when nothing is left."""
        self._lib.llama_sampler_apply(grammar, ctypes.byref(self._view))
        count = self._view.size
        kept = self._array[:count][self._np.isfinite(self._array["logit"][:count])]
        self._keep(kept)
        return len(kept) > 0

    def _keep(self, kept: Any) -> None:
        self._array[: len(kept)] = kept
        self._view.size, self._view.selected, self._view.sorted = len(kept), -1, False

    def allows(self, grammar: Any, token: int) -> bool:
        """Would the grammar take this token next?"""
        self._one[0].id, self._one[0].logit = token, 1.0
        view = self._lib.llama_token_data_array(self._one, 1, -1, False)
        self._lib.llama_sampler_apply(grammar, ctypes.byref(view))
        return bool(self._one[0].logit == 1.0)


def _grammar(model: NativeModel, text: str) -> Any:
    if "\0" in text:
        raise ModelError("The grammar contains a NUL character")
    raw = text.encode("utf-8", "replace")
    pointer = model.lib.llama_sampler_init_grammar(model.vocab, raw, b"root")
    if not pointer:
        raise ModelError("The grammar is not valid GBNF", "It needs a rule named root.")
    return pointer


def _chain(model: NativeModel, sampling: Sampling, said: Sequence[int]) -> Any:
    lib = model.lib
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    for sampler in (
        *_penalties(model, sampling),
        *_dry(model, sampling, said),
        *_choice(lib, sampling),
    ):
        lib.llama_sampler_chain_add(chain, sampler)
    return chain


def _gate(model: NativeModel, sampling: Sampling) -> tuple[int, float] | None:
    if sampling.gate is None:
        return None
    text, margin = sampling.gate
    return model.tokenize(text, special=False)[0], margin


def _penalties(model: NativeModel, sampling: Sampling) -> list[Any]:
    """A repeat penalty over the whole vocabulary is slow.

    At most PENALTY_WINDOW tokens can fall, so what will be the best k is among the best
    k + PENALTY_WINDOW before.
    """
    lib = model.lib
    if sampling.repeat_penalty == 1.0:
        return []
    wanted = 1 if sampling.temperature <= 0 else sampling.top_k
    penalty = lib.llama_sampler_init_penalties(
        model.n_vocab, PENALTY_WINDOW, sampling.repeat_penalty, 0.0, 0.0
    )
    if wanted <= 0 or sampling.repeat_penalty < 1.0:
        return [penalty]
    return [lib.llama_sampler_init_top_k(wanted + PENALTY_WINDOW), penalty]


def _dry(model: NativeModel, sampling: Sampling, said: Sequence[int]) -> list[Any]:
    """Against saying whole runs again. It looks at the likeliest tokens only: the others would
    not be chosen anyway, and all of them would be slow."""
    if sampling.dry <= 0:
        return []
    lib = model.lib
    dry = lib.llama_sampler_clone(_dry_prototype(model, sampling.dry))
    for token in said:
        lib.llama_sampler_accept(dry, token)
    return [lib.llama_sampler_init_top_k(max(sampling.top_k, 1) + PENALTY_WINDOW), dry]


@lru_cache(maxsize=8)
def _dry_prototype(model: NativeModel, strength: float) -> Any:
    """Made once: it looks through the whole vocabulary, which takes 15 ms."""
    lib, count = model.lib, len(DRY_BREAKERS)
    breakers = (ctypes.c_char_p * count)(*DRY_BREAKERS)
    return lib.llama_sampler_init_dry(
        model.vocab, strength, DRY_BASE, DRY_ALLOWED, DRY_WINDOW, breakers, count
    )


def _choice(lib: Any, sampling: Sampling) -> list[Any]:
    if sampling.temperature <= 0:
        return [lib.llama_sampler_init_greedy()]
    seed = int.from_bytes(os.urandom(4), "little") if sampling.seed is None else sampling.seed
    return [
        lib.llama_sampler_init_top_k(sampling.top_k),
        lib.llama_sampler_init_top_p(sampling.top_p, 1),
        lib.llama_sampler_init_min_p(sampling.min_p, 1),
        lib.llama_sampler_init_temp(sampling.temperature),
        # 0xFFFFFFFF means "random" to llama.cpp.
        lib.llama_sampler_init_dist(seed % 0xFFFFFFFF),
    ]
