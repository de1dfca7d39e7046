"""Puts the questions that `policy.asking` chooses, and keeps what became of them."""

import json
from dataclasses import replace

from pocket_agent.memory.store import Store
from pocket_agent.policy.asking import (
    Answer,
    Past,
    asked,
    choose,
    heard,
    interview,
    met,
    reaction,
)
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.outcomes import Applied
from pocket_agent.profile.slots import Slot
from pocket_agent.profile.values import clean

_META = "asking"
_LEAD = "So that the next answer fits you better: "
_HINT = " (“Later” or “never” is fine too.)"


class Asker:
    """The questions of one profile, and what became of them, kept in its file.

    Args:
        store: holds the profile. Slot names and numbers are kept, none of the person's words.
    """

    def __init__(self, store: Store):
        self._store = store

    def follow_up(self, text: str, *, may_ask: bool = True) -> str:
        """What to put behind the reply to a user turn: a question, which then counts as asked.

        Call it for every turn: it also hears what the turn says to the question before.

        Args:
            may_ask: no, where the reply did not come to its end.

        Returns:
            The question; empty for none.
        """
        past = heard(self._past(), text)
        slot = choose(text, self._known(), past) if may_ask else None
        if slot is None:
            self._keep(past)
            return ""
        self._keep(asked(past, slot.name))
        return f"{_LEAD}{slot.question}{_HINT if past.last is None else ''}"

    def interview(self) -> list[Slot]:
        """The questions that a first conversation would put; none once they were."""
        return interview(self._known(), self._past())

    def answer(self, slot: str, text: str) -> Applied | None:
        """Take the answer to a question of the interview: as a fact by the person's own hand.

        Words such as "skip", "later", "never" or "I don't know" are no fact (`reaction`).

        Returns:
            What became of it, or None where there is no fact in it.

        Raises:
            ProfileError: the profile takes no such value.
        """
        said = reaction(text) if text.strip() else Answer.LATER
        self._keep(met(self._past(), slot, said or Answer.ASKED))
        if said is not None:
            return None
        return self._store.record(Op(OpKind.ADD, slot, clean(text)), actor=Actor.USER)

    def resume(self) -> None:
        """Ask again, whatever was refused before."""
        self._keep(Past(turns=self._past().turns))

    def stop(self) -> None:
        """Ask nothing any more."""
        self._keep(replace(self._past(), stopped=True))

    def _known(self) -> set[str]:
        return {fact.slot for fact in self._store.profile().active()}

    def _past(self) -> Past:
        return _read(self._store.get_meta(_META))

    def _keep(self, past: Past) -> None:
        slots = {name: list(met) for name, met in past.slots.items()}
        held = (past.turns, past.last, past.open, past.unwelcome, slots, past.stopped)
        self._store.set_meta(_META, json.dumps(held))


def _read(text: str | None) -> Past:
    """What was kept; nothing where it is not there or unreadable."""
    try:
        turns, last, open_slot, unwelcome, slots, stopped = json.loads(text or "")
        met = {str(name): (Answer(how), int(at)) for name, (how, at) in slots.items()}
        past = Past(int(turns), last, str(open_slot), int(unwelcome), met, bool(stopped))
    except (ValueError, TypeError, AttributeError):
        return Past()
    return past
