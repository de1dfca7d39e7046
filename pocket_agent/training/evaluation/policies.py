"""The policies that are compared: a trained adapter, the prompted base, twenty rules."""

import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import LoadSpec
from pocket_agent.policy.reader import PolicyReader
from pocket_agent.policy.state import Known, windows
from pocket_agent.profile.facts import Op, OpKind, Polarity
from pocket_agent.profile.values import clean, key
from pocket_agent.training.evaluation.turnwise import Judged
from pocket_agent.training.records import Labelled


class Decider(Protocol):
    """Decides the ops of one turn."""

    async def decide(self, known: Sequence[Known], assistant: str, turn: str) -> list[Op]:
        """The ops."""


class ModelPolicy:
    """A policy on the engine, through the very path that the product runs."""

    def __init__(self, reader: PolicyReader):
        self._reader = reader

    async def decide(self, known: Sequence[Known], assistant: str, turn: str) -> list[Op]:
        return list((await self._reader.read(known, assistant, turn)).ops)


_V = r"([\w'’+#&-]+(?: [\w'’+#&-]+){0,3}?)(?= and | but | so | because |[.,;:!?\n]|$)"
_RULES: tuple[tuple[str, OpKind, str, str], ...] = (
    (rf"\bmy name is {_V}", OpKind.ADD, "name", "+"),
    (rf"\bcall me {_V}", OpKind.ADD, "address", "+"),
    (r"\bi(?:'| a)?m (\d\d?)(?: years old)?\b", OpKind.ADD, "age", "+"),
    (rf"\bi live in {_V}", OpKind.ADD, "home", "+"),
    (rf"\bi(?:'ve)? (?:just )?moved to {_V}", OpKind.ADD, "home", "+"),
    (rf"\bi(?:'m| am) from {_V}", OpKind.ADD, "origin", "+"),
    (rf"\bi work as an? {_V}", OpKind.ADD, "occupation", "+"),
    (rf"\bi work (?:for|at) {_V}", OpKind.ADD, "employer", "+"),
    (rf"\bi studied {_V}", OpKind.ADD, "education", "+"),
    (rf"\bi(?:'m| am) allergic to {_V}", OpKind.ADD, "allergy", "+"),
    (r"\bi(?:'m| am) (?:a )?(vegan|vegetarian|pescatarian)\b", OpKind.ADD, "diet", "+"),
    (r"\bi have an? ((?:dog|cat|rabbit|parrot)(?: (?:called|named) \w+)?)", OpKind.ADD, "pet", "+"),
    (r"\bmy ((?:sister|brother|son|daughter|wife|mum|dad) [A-Z]\w+)", OpKind.ADD, "family", "+"),
    (rf"\bi drive an? {_V}", OpKind.ADD, "vehicle", "+"),
    (rf"\bi speak {_V}", OpKind.ADD, "language", "+"),
    (rf"\bi (?:really )?(?:love|like|enjoy|adore) {_V}", OpKind.ADD, "hobby", "+"),
    (rf"\bmy favou?rite \w+ is {_V}", OpKind.ADD, "hobby", "+"),
    (rf"\bi (?:hate|dislike|can't stand|don't like|avoid) {_V}", OpKind.ADD, "food", "-"),
    (rf"\bi want to (?:learn|become) {_V}", OpKind.ADD, "goal", "+"),
    (rf"\bi (?:gave up|quit|no longer|stopped) {_V}", OpKind.REMOVE, "", "+"),
)


class RulePolicy:
    """Twenty patterns a person would write in an afternoon: the floor to beat."""

    async def decide(self, known: Sequence[Known], assistant: str, turn: str) -> list[Op]:
        del assistant  # the rules read the turn alone
        ops = []
        for pattern, kind, slot, sign in _RULES:
            for match in re.finditer(pattern, turn, re.IGNORECASE):
                value = clean(match.group(1))
                if kind is OpKind.REMOVE:
                    ops += _removals(known, value)
                elif value:
                    ops.append(Op(kind, slot, value, polarity=Polarity(sign)))
        return ops


def _removals(known: Sequence[Known], value: str) -> list[Op]:
    return [
        Op(OpKind.REMOVE, fact.slot, fact.value, polarity=fact.polarity)
        for fact in known
        if key(fact.value) in key(value)
    ]


@asynccontextmanager
async def open_policies(
    name: str, gguf: Path, cache: Path, cautions: Sequence[float] = (0.0,)
) -> AsyncIterator[dict[float, Decider]]:
    """A policy by name, once for each caution, on one loaded model.

    Args:
        name: `rules`, `base` (prompted few-shot), or the path of an adapter in GGUF.
    """
    if name == "rules":
        yield dict.fromkeys(cautions, RulePolicy())
        return
    adapter = None if name == "base" else Path(name)
    engine = LlamaEngine()
    spec = LoadSpec(gguf, chat_tokens=512, policy_tokens=2048, adapter=adapter, requantize_in=cache)
    await engine.load(spec)
    trained = adapter is not None
    try:
        yield {
            caution: ModelPolicy(PolicyReader(engine, trained=trained, caution=caution))
            for caution in cautions
        }
    finally:
        await engine.close()


async def judge(
    policies: Mapping[float, Decider], records: Sequence[Labelled]
) -> AsyncIterator[dict[float, Judged]]:
    """Every turn decided at gold's profile, at each caution.

    A turn of one window that is written on at a high caution is written on alike at a lower one:
    caution weighs only whether there is anything to write. So it isn't decided again.
    """
    cautions = sorted(policies, reverse=True)
    for record in records:
        found: dict[float, Judged] = {}
        settled: tuple[Op, ...] = ()
        for caution in cautions:
            start = time.perf_counter()
            if not settled:
                ops = tuple(
                    await policies[caution].decide(record.known, record.assistant, record.turn)
                )
                settled = ops if len(windows(record.turn)) == 1 else ()
            else:
                ops = settled
            found[caution] = Judged(record, ops, time.perf_counter() - start)
        yield found
