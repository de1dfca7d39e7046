"""Reading a turn: from the profile and one user turn to the ops that edit the profile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pocket_agent.errors import UsageError
from pocket_agent.llm.protocol import GREEDY, ContextName, Engine, Request, Sampling, complete
from pocket_agent.policy.asking import Past, choose
from pocket_agent.policy.format import MAX_OPS, NONE, parse
from pocket_agent.policy.grammar import build_grammar
from pocket_agent.policy.prompt import END, few_shot_prompt, trained_prompt
from pocket_agent.policy.state import Known, State, build_states
from pocket_agent.profile.facts import Op, OpKind, Polarity
from pocket_agent.profile.slots import BY_NAME
from pocket_agent.profile.sources import ground
from pocket_agent.profile.values import key

MAX_ANSWER_TOKENS = 96

_BOLDER = 1.5
"""How much less caution proposes an edit than makes it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the policy made of one turn.

    Args:
        ops: the edits, in order; empty where the turn says nothing lasting.
        ask: the slot to ask about, or None.
        unsure: edits that caution alone held back; they may be proposed, not made.
    """

    ops: tuple[Op, ...]
    ask: str | None = None
    unsure: tuple[Op, ...] = ()


class PolicyReader:
    """The policy on a loaded engine.

    Args:
        engine: has a policy context, with the trained adapter on it if there is one.
        version: what the log remembers as the author of an op.
        trained: whether the adapter is there; without it the prompt carries rules and examples.
        caution: "nothing to learn" is the answer where its logit and this outweigh all edits
            together: at 0, where it is more likely than not. More means fewer and surer facts.
            Set for each adapter by what it does on the validation set.
        unsure: where it was "nothing to learn" by a narrow margin, decide once more with less
            caution: it costs a token, or an answer, since the prompt is in the cache.
    """

    def __init__(
        self,
        engine: Engine,
        version: str = "prompted-1",
        *,
        trained: bool = False,
        caution: float = 0.0,
        unsure: bool = False,
    ):
        self._engine = engine
        gate = (NONE, caution) if trained or caution else None
        self._sampling = replace(GREEDY, max_tokens=MAX_ANSWER_TOKENS, gate=gate)
        bold = replace(self._sampling, gate=(NONE, min(0.0, caution - _BOLDER)))
        self._bold = bold if unsure and gate is not None else None
        self.version = version
        self._prompt = trained_prompt if trained else few_shot_prompt

    async def read(self, known: Sequence[Known], assistant: str, turn: str) -> Reading:
        """Decide what one turn says about the person.

        Args:
            known: the whole profile, oldest first. assistant: the assistant's last utterance.

        Raises:
            EngineDiedError: the model's process ended; the turn can be read again.
        """
        ops: list[Op] = []
        unsure: list[Op] = []
        for state in build_states(known, assistant, turn):
            found = await self._decide(state, self._sampling)
            _add_news(ops, found, known)
            if not found and self._bold is not None:
                _add_news(unsure, await self._decide(state, self._bold), known)
        held_back = [op for op in unsure if not any(_alike(op, other) for other in ops)]
        return Reading(tuple(ops[:MAX_OPS]), unsure=tuple(held_back[:MAX_OPS]))

    async def infer(self, record: dict[str, Any]) -> dict[str, Any]:
        """One line of the `infer` command: a record in, a record out (see docs/architecture.md).

        Raises:
            UsageError: the record has not the form of the contract.
        """
        known, assistant, turn = _parse_record(record)
        reading = await self.read(known, assistant, turn)
        return {
            "id": record.get("id"),
            "ops": [_as_record(op, assistant, turn) for op in reading.ops],
            "ask": reading.ask or _question(turn, known, reading.ops),
        }

    async def _decide(self, state: State, sampling: Sampling) -> list[Op]:
        request = Request(
            context=ContextName.POLICY,
            prompt=self._prompt(state),
            grammar=build_grammar(state),
            sampling=sampling,
            stop=(END,),
        )
        return parse(await complete(self._engine, request), state)


def _question(turn: str, known: Sequence[Known], ops: Sequence[Op]) -> str | None:
    """The slot that a first question would be about."""
    held = {fact.slot for fact in known} | {op.slot for op in ops}
    slot = choose(turn, held, Past())
    return slot.name if slot else None


def _add_news(ops: list[Op], found: Sequence[Op], known: Sequence[Known]) -> None:
    for op in found:
        if _is_news(op, known) and not any(_alike(op, other) for other in ops):
            ops.append(op)


def _is_news(op: Op, known: Sequence[Known]) -> bool:
    """Whether an add says more than what is already held."""
    return op.kind is not OpKind.ADD or not any(
        fact.slot == op.slot and key(fact.value) == key(op.value) and fact.polarity is op.polarity
        for fact in known
    )


def _alike(one: Op, other: Op) -> bool:
    return (one.kind, one.slot, key(one.value)) == (other.kind, other.slot, key(other.value))


def _as_record(op: Op, assistant: str, turn: str) -> dict[str, str]:
    said = ground("turn", turn, op.value, assistant)
    quote = said.quote if said else turn.strip()[:200]
    record = {"op": op.kind.value, "slot": op.slot, "value": op.value}
    if op.kind is OpKind.UPDATE:
        record["old"] = op.old
    return {**record, "polarity": op.polarity.value, "quote": quote}


def _parse_record(record: dict[str, Any]) -> tuple[list[Known], str, str]:
    turn, assistant, profile = (record.get(name) for name in ("turn", "assistant", "profile"))
    assistant = "" if assistant is None else assistant
    profile = [] if profile is None else profile
    if not isinstance(turn, str) or not isinstance(assistant, str) or not isinstance(profile, list):
        raise UsageError("A record needs a text `turn`, a text `assistant` and a list `profile`")
    return [_known(item) for item in profile], assistant, turn


def _known(item: Any) -> Known:
    if not isinstance(item, dict) or not isinstance(item.get("value"), str):
        raise UsageError("Each fact of `profile` needs `slot`, `value` and `polarity`")
    slot, polarity = item.get("slot"), item.get("polarity") or "+"
    if not isinstance(slot, str) or slot not in BY_NAME or polarity not in ("+", "-"):
        raise UsageError(f"No such slot or polarity: {slot!r}, {polarity!r}")
    return Known(slot, item["value"], Polarity(polarity))
