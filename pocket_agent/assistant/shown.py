"""What the turns that are still sent show the model already, so that no note says it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pocket_agent.assistant.context import AssembledPrompt
from pocket_agent.assistant.phrases import phrase
from pocket_agent.memory.records import Recalled, Turn
from pocket_agent.profile.facts import Fact
from pocket_agent.profile.values import find_span


@dataclass(frozen=True, slots=True)
class Note:
    """What the note of one turn says.

    Args:
        facts: what it tells of the profile. recalled: the past turns it tells of.
    """

    facts: tuple[Fact, ...]
    recalled: tuple[Recalled, ...]

    @classmethod
    def of(cls, prompt: AssembledPrompt) -> "Note":
        """The note that the newest turn of a prompt was sent with."""
        return cls(prompt.facts, prompt.recalled)


class Shown:
    """What can be read in a part of the session.

    Args:
        turns: the turns of that part.
        notes: what their notes say, by turn id.
    """

    def __init__(self, turns: Sequence[Turn], notes: Mapping[str, Note]):
        sent = [notes[turn.id] for turn in turns if turn.id in notes]
        self._said = {turn.id for turn in turns}
        self.facts = tuple({fact.id: fact for note in sent for fact in note.facts}.values())
        """The facts that the notes tell."""
        self.recalled = tuple({m.turn.id: m for note in sent for m in note.recalled}.values())
        """The past turns that the notes tell of."""
        self.turns = self._said.union(memory.turn.id for memory in self.recalled)
        """Ids of the turns that can be read: sent themselves, or told in a note."""
        self._noted = {phrase(fact) for note in sent for fact in note.facts}

    def tells(self, fact: Fact) -> bool:
        """Whether it was noted, or stands in the person's own words that it was learnt from.

        Its value in other words is not enough: "Is tea good for me?" doesn't say who avoids it.
        """
        return phrase(fact) in self._noted or any(
            source.turn in self._said and find_span(source.quote, fact.value)
            for source in fact.sources
        )
