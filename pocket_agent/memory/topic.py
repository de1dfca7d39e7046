"""What lies near a topic, to choose from what is to be forgotten of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import mul
from struct import unpack

from pocket_agent.memory.covering import Needle
from pocket_agent.memory.embedder import Embedder, EmbedderError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.recall import MAX_CHARACTERS, Recaller
from pocket_agent.memory.records import Turn
from pocket_agent.memory.store import Store
from pocket_agent.memory.turns import TURN_COLUMNS, turn_from_row
from pocket_agent.profile.facts import Fact
from pocket_agent.profile.redaction import Value, value_of

MAX_TURNS = 60
"""Turns that are proposed beside those that hold the very words."""
NEAR = 0.3
"""The cosine from which something is near: it is only proposed, so rather more than less."""
COVERED = 0.4
"""The share of the topic's words, by weight, from which a turn is near without a vector."""
_MAX_FACTS = 500
"""Facts that are compared by meaning."""
_TURNS = f"SELECT {TURN_COLUMNS} FROM turns WHERE status <> 'open' ORDER BY n"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Near:
    """A fact or a turn near a topic: exactly one of the two."""

    fact: Fact | None = None
    turn: Turn | None = None


def near_topic(
    store: Store, topic: str, embedder: Embedder | None = None, *, patience: float = 5.0
) -> list[Near]:
    """Facts, then turns, that a person may mean: first those that hold the words, then the nearest.

    Args:
        embedder: None, or one that is not ready, means words alone.
        patience: seconds to wait for each of its answers.
    """
    recaller = Recaller(store, embedder)
    vector = recaller.embed(topic, patience)
    recalled = recaller.recall_vector(topic, vector, MAX_TURNS) if store.sessions(1) else []
    near = [each.turn for each in recalled if each.cosine >= NEAR or each.coverage >= COVERED]
    turns = _once([*_holding(store, topic), *near])
    facts = _facts(store, topic, {turn.id for turn in turns}, vector, embedder, patience)
    return [*(Near(fact=fact) for fact in facts), *(Near(turn=turn) for turn in turns)]


def wish_for(chosen: Iterable[Near]) -> Wish:
    """The wish that what was chosen be forgotten."""
    held = list(chosen)
    facts = [(each.fact.slot, each.fact.value) for each in held if each.fact is not None]
    turns = [each.turn.id for each in held if each.turn is not None]
    return Wish(turns=tuple(turns), facts=tuple(dict.fromkeys(facts)))


def _once(turns: Iterable[Turn]) -> list[Turn]:
    return list({turn.id: turn for turn in turns}.values())


def _holding(store: Store, topic: str) -> list[Turn]:
    """The turns that hold the very words."""
    needle = Needle(topic)
    with store.database.reading() as connection:
        turns = map(turn_from_row, connection.execute(_TURNS))
        return [turn for turn in turns if needle.within(turn.text)]


def _facts(
    store: Store,
    topic: str,
    turns: set[str],
    vector: bytes | None,
    embedder: Embedder | None,
    patience: float,
) -> list[Fact]:
    """Facts that hold the words, rest on a turn that is near, or are near by meaning."""
    needle = Needle(topic)
    once: dict[Value, Fact] = {}
    for fact in store.profile().facts.values():
        once.setdefault(value_of(fact.slot, fact.value), fact)
    held = list(once.values())

    def tied(fact: Fact) -> bool:
        texts = (fact.value, *(source.quote for source in fact.sources))
        said = any(source.turn in turns for source in fact.sources)
        return said or any(map(needle.within, texts))

    sure = [fact for fact in held if tied(fact)]
    others = [fact for fact in held if fact not in sure][-_MAX_FACTS:]
    if vector is None or embedder is None or not others:
        return sure
    try:
        texts = [f"{fact.slot}: {fact.value}"[:MAX_CHARACTERS] for fact in others]
        found = embedder.embed(texts, timeout=patience, urgent=True)
    except EmbedderError:
        return sure
    cosines = [_cosine(vector, each) for each in found]
    near = sorted(zip(cosines, range(len(others)), strict=True), reverse=True)
    return [*sure, *(others[place] for cosine, place in near if cosine >= NEAR)]


def _cosine(one: bytes, other: bytes) -> float:
    """Of two vectors as the embedder gives them: their length is 1."""
    left, right = (unpack(f"<{len(each) // 4}f", each) for each in (one, other))
    return float(sum(map(mul, left, right)))
