"""From labelled turns to token ids: the prompt that is run, the answer that stands for gold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pocket_agent.policy.format import parse, render_ops
from pocket_agent.policy.prompt import END, trained_prompt
from pocket_agent.policy.state import State, build_states
from pocket_agent.profile.facts import Op, OpKind
from pocket_agent.profile.values import find_span, key
from pocket_agent.training.base import Vocabulary
from pocket_agent.training.records import Labelled


@dataclass(frozen=True, slots=True)
class Example:
    """One decision: prompt and answer as text."""

    id: str
    prompt: str
    answer: str
    state: State
    gold: tuple[Op, ...]


def examples(records: Iterable[Labelled]) -> Iterator[Example]:
    """The decisions of labelled turns: one each, or one a window where the turn is long.

    Gold that a state can't express (an old value that is not shown) is left out of its answer.
    """
    for record in records:
        for number, state in enumerate(build_states(record.known, record.assistant, record.turn)):
            gold = tuple(op for op in record.ops if _belongs(op, state, number))
            answer = render_ops(_in_order(gold, state), state.known)
            yield Example(f"{record.id}#{number}", trained_prompt(state), answer, state, gold)


def tokenise(example: Example, vocabulary: Vocabulary) -> dict[str, list[int]]:
    """Token ids, and labels that are -100 on the prompt: the loss is on the answer only."""
    prompt = vocabulary.encode(example.prompt)
    answer = vocabulary.encode(example.answer + END)
    return {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}


def readable(example: Example) -> bool:
    """Whether the answer is read back as gold: training on anything else teaches noise."""
    read = {(op.kind, op.slot, key(op.value)) for op in parse(example.answer, example.state)}
    return len(read) >= len([op for op in example.gold if op.kind is not OpKind.UPDATE])


def _belongs(op: Op, state: State, window: int) -> bool:
    held = {(fact.slot, key(fact.value)) for fact in state.known}
    if op.kind is OpKind.REMOVE:
        if (op.slot, key(op.value)) not in held:
            return False
        return window == 0 or find_span(state.turn, op.value) is not None
    return any(find_span(text, op.value) is not None for text in (state.turn, state.assistant))


def _in_order(ops: Iterable[Op], state: State) -> list[Op]:
    """Ops in the order of their values in the turn, so that the answer reads along with it."""

    def place(op: Op) -> int:
        span = find_span(state.turn, op.value)
        return span[0] if span else -1

    return sorted(ops, key=place)
