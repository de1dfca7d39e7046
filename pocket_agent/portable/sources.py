"""Whether the words that an imported fact is said to rest on were really said."""

from collections.abc import Iterable

from pocket_agent.memory.covering import BLOCK
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.profile.facts import Actor, Event, OpKind, Source
from pocket_agent.profile.rules import CONFIDENT
from pocket_agent.profile.values import find_span

LONGEST = 4096
"""Characters of a value, a quote or a question that nobody typed in by hand; ours have some 200."""
_EFFORT = 10_000_000
"""Characters that are compared at most, to find a question with some of them blacked out."""


class Said:
    """What was said, in the file and in the profile: that which facts may rest on."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns: dict[str, Turn] = {}
        self._replies: dict[str, list[str]] = {}
        self._effort = _EFFORT
        for turn in turns:
            self.add(turn)

    def add(self, turn: Turn) -> None:
        """One more turn."""
        self._turns[turn.id] = turn
        if turn.role is TurnRole.ASSISTANT:
            self._replies.setdefault(turn.session, []).append(turn.text)

    def check_size(self, event: Event) -> None:
        """Refuse words of a length that no program of ours writes, before they are looked for.

        Raises:
            ValueError: they are too long.
        """
        source = event.source
        if source is None or event.actor is Actor.USER or event.op.kind not in _MAKING:
            return
        if max(map(len, (event.op.value, source.quote, source.question))) > LONGEST:
            raise ValueError("its words are longer than any of ours")

    def check(self, event: Event) -> None:
        """Refuse an event that makes a fact of words that the person did not say.

        What a person set by hand rests on no turn, and neither does what was carried without the
        conversations, whose quote is its value. `rules.check` has seen that a value of the policy's
        stands in the quote or in the question; this sees that those stand in the turns. What came
        of another program's file rests on no turn, and passes only as something that waits.

        Raises:
            ValueError: there is no such turn, it is not the person's, or the words are not in it.
        """
        if event.op.kind not in _MAKING:
            return
        source = event.source
        if source is not None and source.imported_from:
            if event.actor is not Actor.USER and event.confidence >= CONFIDENT:
                raise ValueError("it was imported, and was to hold without a yes")
            return
        if source is None or not source.turn:
            if event.actor is not Actor.USER and not _carried(event):
                raise ValueError("it rests on no turn of the person's")
            return
        turn = self._turns.get(source.turn)
        if turn is None:
            raise ValueError(f"it rests on the turn {source.turn}, in neither file nor profile")
        if turn.role is not TurnRole.USER:
            raise ValueError(f"it rests on the turn {turn.id}, which is not the person's")
        if not _same(turn.text[source.start : source.end], source.quote):
            raise ValueError(f"its quote is not in the turn {turn.id} where it is said to be")
        if event.actor is not Actor.USER:
            self._check_value(event.op.value, source, turn)

    def _check_value(self, value: str, source: Source, turn: Turn) -> None:
        """See that the value is in the turn itself, or in what the assistant had asked there."""
        if find_span(turn.text[source.start : source.end], value) is not None:
            return
        if find_span(source.question, value) is None:
            raise ValueError(f"the value {value!r} is not in the turn {turn.id}")
        replies = self._replies.get(turn.session, ())
        if not any(self._holds(reply, source.question) for reply in replies):
            raise ValueError(
                f"its question was not asked in the conversation of the turn {turn.id}"
            )

    def _holds(self, text: str, words: str) -> bool:
        if words in text:
            return True
        if BLOCK not in text and BLOCK not in words:
            return False
        return any(self._stands(text, at, words) for at in range(len(text) - len(words) + 1))

    def _stands(self, text: str, at: int, words: str) -> bool:
        """Whether the words stand at that place, counting what it costs to see it."""
        for offset, character in enumerate(words):
            if character != text[at + offset] and BLOCK not in (character, text[at + offset]):
                break
        else:
            return True
        self._effort -= offset + 1
        if self._effort < 0:
            raise ValueError("too much of it is blacked out to be checked")
        return False


_MAKING = (OpKind.ADD, OpKind.UPDATE)


def _carried(event: Event) -> bool:
    source = event.source
    if event.actor is not Actor.IMPORT or source is None or source.question:
        return False
    return find_span(source.quote, event.op.value) is not None


def _same(text: str, words: str) -> bool:
    """Whether two texts are equal, but for what was forgotten in either of them."""
    if text == words:
        return True
    blacked_out = BLOCK in text or BLOCK in words
    return (
        blacked_out
        and len(text) == len(words)
        and all(a == b or BLOCK in (a, b) for a, b in zip(text, words, strict=True))
    )
