"""What GRPO practises on: simulated turns as prompts, and the reward of an answer to one."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pocket_agent.errors import UsageError
from pocket_agent.policy.format import parse
from pocket_agent.policy.grammar import build_grammar
from pocket_agent.training.base import Vocabulary
from pocket_agent.training.examples import Example, examples, readable
from pocket_agent.training.records import read_records
from pocket_agent.training.rewards import Prices, reward

RewardFunction = Callable[..., list[float]]


@dataclass(frozen=True, slots=True)
class Task:
    """One prompt to practise on.

    Args:
        ids: the prompt's tokens by llama.cpp's own tokenizer.
        grammar: what an answer may be.
    """

    example: Example
    ids: tuple[int, ...]
    grammar: str


def read_tasks(
    paths: Sequence[Path], vocabulary: Vocabulary, *, longest: int, limit: int, seed: int
) -> list[Task]:
    """The turns of some files, shuffled; each prompt once.

    Args:
        longest: tokens of a prompt; longer ones are left out.
        limit: at most so many; 0 takes all.

    Raises:
        UsageError: no turn can be practised on.
    """
    records = [record for path in paths for record in read_records(path)]
    once = {example.prompt: example for example in examples(records) if readable(example)}
    found = list(once.values())
    random.Random(seed).shuffle(found)
    tasks: list[Task] = []
    for example in found:
        ids = tuple(vocabulary.encode(example.prompt))
        if len(ids) <= longest:
            tasks.append(Task(example, ids, build_grammar(example.state)))
        if limit and len(tasks) == limit:
            break
    if not tasks:
        raise UsageError("No turn of the data can be practised on")
    return tasks


def check_tokens(tasks: Sequence[Task], tokenizer: Any) -> None:
    """Make sure that TRL's tokenizer and llama.cpp's agree.

    Raises:
        UsageError: they don't; answers would be read as something else.
    """
    for task in tasks[:50]:
        if tuple(tokenizer(task.example.prompt, add_special_tokens=False)["input_ids"]) != task.ids:
            raise UsageError(f"The tokenizers disagree on the turn {task.example.id}")


def make_reward(tasks: Sequence[Task], prices: Prices) -> RewardFunction:
    """The reward as TRL calls it: with the answers' texts and the column `task`.

    What losing facts cost is part of it, and reported on its own as `reward/lost`: that is the
    consistency of a profile across sessions.
    """
    forgiving = replace(prices, lost=0.0)

    def agreement(
        completions: Sequence[str],
        task: Sequence[int],
        log_metric: Callable[[str, float], None] | None = None,
        **_: Any,
    ) -> list[float]:
        earned, lost = [], []
        for text, number in zip(completions, task, strict=True):
            example = tasks[number].example
            made = parse(text, example.state)
            earned.append(reward(example.state.known, example.gold, made, prices))
            lost.append(reward(example.state.known, example.gold, made, forgiving) - earned[-1])
        if log_metric:
            log_metric("reward/lost", sum(lost) / max(len(lost), 1))
            log_metric("reward/perfect", sum(e == 1.0 for e in earned) / max(len(earned), 1))
        return earned

    return agreement
