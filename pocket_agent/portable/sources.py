"""Whether the words that an imported fact is said to rest on were really said."""

from collections.abc import Iterable, Mapping

from pocket_agent.memory.covering import BLOCK
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.profile.facts import Actor, Event, OpKind, Source
from pocket_agent.profile.rules import CONFIDENT
from pocket_agent.profile.values import find_span


def check_source(event: Event, turns: Mapping[str, Turn]) -> None:
    """Refuse an event that makes a fact of words that the person did not say.

    What a person set by hand rests on no turn. `rules.check` has seen that a value of the policy's
    stands in the quote or in the question; this sees that those stand in the turns.

    Args:
        turns: those of the file and those that are stored, by id.

    Raises:
        ValueError: there is no such turn, it is not the person's, or the words are not in it.
    """
    if event.op.kind not in (OpKind.ADD, OpKind.UPDATE):
        return
    source = event.source
    if source is not None and source.imported_from:
        if event.actor is not Actor.USER and event.confidence >= CONFIDENT:
            raise ValueError("it was imported, and was to hold without a yes")
        return
    if source is None or not source.turn:
        if event.actor is not Actor.USER:
            raise ValueError("it rests on no turn of the person's")
        return
    turn = turns.get(source.turn)
    if turn is None:
        raise ValueError(f"it rests on the turn {source.turn}, in neither file nor profile")
    if turn.role is not TurnRole.USER:
        raise ValueError(f"it rests on the turn {turn.id}, which is not the person's")
    if not _same(turn.text[source.start : source.end], source.quote):
        raise ValueError(f"its quote is not in the turn {turn.id} where it is said to be")
    if event.actor is not Actor.USER:
        _check_value(event.op.value, source, turn, turns.values())


def _check_value(value: str, source: Source, turn: Turn, turns: Iterable[Turn]) -> None:
    """See that the value is in the turn itself, or in what the assistant had asked before it."""
    if find_span(turn.text[source.start : source.end], value) is not None:
        return
    if find_span(source.question, value) is None:
        raise ValueError(f"the value {value!r} is not in the turn {turn.id}")
    replies = (t.text for t in turns if (t.role, t.session) == (TurnRole.ASSISTANT, turn.session))
    if not any(_holds(reply, source.question) for reply in replies):
        raise ValueError(f"its question was not asked in the conversation of the turn {turn.id}")


def _holds(text: str, words: str) -> bool:
    size = len(words)
    return words in text or (
        BLOCK in text + words
        and any(_same(text[at : at + size], words) for at in range(len(text) - size + 1))
    )


def _same(text: str, words: str) -> bool:
    """Whether two texts are equal, but for what was forgotten in either of them."""
    return len(text) == len(words) and all(
        a == b or BLOCK in (a, b) for a, b in zip(text, words, strict=True)
    )
