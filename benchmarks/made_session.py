"""A conversation of any length, written straight into a profile's file: no model says anything."""

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmarks.big_store import InventedEmbedder
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector

SESSION = "made"
"""The id of the conversation."""

_SENTENCES = (
    "The ferry to the island leaves at nine, and the sea is calm in the morning.",
    "A pan of rice with beans and a little lemon is what I would cook for four.",
    "Trains are slower here than buses, but you can read on the way.",
    "The old library has a reading room that hardly anybody knows.",
    "I would begin with the smallest part and see whether it holds.",
    "It depends on the weather: in the rain the path by the river is too soft.",
    "There are three ways to do that, and the second is the one that people regret least.",
    "Most of it was written down by hand, and then lost in the move.",
)
_LIST = "\n".join(
    f"- **{word}**: worth a look in the *morning*" for word in "harbour market tower".split()
)
_CODE = "```python\ndef turned(items: list[int]) -> list[int]:\n    return items[::-1]\n```"
_TABLE = "| way | time | cost |\n|---|---|---|\n| train | 2 h | 12 |\n| bus | 1 h 20 | 9 |"
_BLOCKS = (_LIST, _CODE, _TABLE)


def talk(seed: int = 3) -> Iterator[str]:
    """What is said in turn, the person first, for ever: replies of some Markdown and lengths."""
    dice = random.Random(seed)
    while True:
        yield " ".join(dice.sample(_SENTENCES, 1))
        said = [" ".join(dice.sample(_SENTENCES, dice.randint(2, 5))) for _ in range(2)]
        if dice.random() < 0.4:
            said.insert(1, dice.choice(_BLOCKS))
        yield "\n\n".join(said)


def write_session(path: Path, texts: Sequence[str]) -> list[str]:
    """Store a conversation as one that was had long ago: read by the policy, and indexed.

    The vectors are invented, one a turn, so that nothing is left to be done for it.

    Args:
        path: the profile's file, which is made.
        texts: what was said, the person first, then the assistant in turn.

    Returns:
        The ids of the turns.
    """
    turns = [_turn(number, text) for number, text in enumerate(texts)]
    embedder = InventedEmbedder()
    with Store.open(path) as store:
        store.add_turns(turns)
        if embedder.model_id:
            vectors = embedder.embed([turn.text for turn in turns])
            parts = [PartVector(n, 0, vector) for n, vector in enumerate(vectors, 1)]
            store.put_vectors(embedder.model_id, parts)
    return [turn.id for turn in turns]


def write_long_session(path: Path, messages: int) -> list[str]:
    """The same of so many turns of `talk`."""
    return write_session(path, list(islice(talk(), messages)))


def _turn(number: int, text: str) -> Turn:
    role = TurnRole.ASSISTANT if number % 2 else TurnRole.USER
    at = f"2025-03-{1 + number // 60 % 28:02}T{10 + number // 1680 % 12}:{number % 60:02}:00Z"
    return Turn(f"m{number:05}", SESSION, role, text, at)
