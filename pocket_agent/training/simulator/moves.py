"""What a person does with a turn about themselves: tells, changes, drops, repeats, answers."""

from collections import defaultdict
from dataclasses import replace
from random import Random

from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Polarity
from pocket_agent.profile.slots import SINGLE
from pocket_agent.training.simulator.composing import mixable
from pocket_agent.training.simulator.filling import Part, fill
from pocket_agent.training.simulator.moving import movable
from pocket_agent.training.simulator.pattern import (
    ANY,
    CHANGES,
    REPLIES,
    TURNS,
    Fill,
    Mark,
    Pattern,
)
from pocket_agent.training.simulator.person import Person, matching, reveal
from pocket_agent.training.simulator.splits import Deck, cached_key

SHARES = {"tell": 49, "change": 19, "drop": 13, "turn": 10, "repeat": 12, "reply": 8}
"""How often each is tried. Changes need something known, so they are tried more often than they
come about: measured, about 55 % of fact turns add, 12 % update, 8 % drop, 8 % turn round."""

_COMMON = 0.3
"""How often a line that serves every slot is taken where the slot has its own."""

_SAME_THING = 0.5
"""How often a change keeps what it is about and moves a number, where there is one."""

_FRESH = 5
"""A slip is put right soon: only the newest facts are corrected."""

_AGAIN = 0.15
"""How often a single-valued slot that is filled is told anew, which makes an update of it."""


class Moves:
    """The patterns of a deck, by what they do."""

    def __init__(self, deck: Deck):
        self._deck = deck
        self._tellable = sorted({slot for slot, _ in deck.facts})
        self._replies = sorted(key for key in deck.facts if key[1] in REPLIES)
        self._short = [
            pattern
            for (_, section), patterns in sorted(deck.facts.items())
            for pattern in patterns
            if section in ("states", "implies", "avoids")
            and pattern.words <= 14
            and not pattern.said
        ]
        self._restating = _restating(deck)
        self.mixable = mixable(deck)
        self.questions = [
            pattern
            for key in self._replies
            for pattern in deck.facts[key]
            if not any(piece is Mark.OPEN for piece in pattern.said)
        ]

    def next_part(self, person: Person) -> Part | None:
        """What the person does next; None where nothing known allows it."""
        move = person.rng.choices(list(SHARES), list(SHARES.values()))[0]
        known, rng = person.ledger.known, person.rng
        match move:
            case "change":
                part = self._about_known(CHANGES, known, rng)
            case "drop":
                part = self._about_known(("drops",), known, rng)
            case "turn":
                part = self._about_known(TURNS, known, rng)
            case "repeat":
                part = self._repeat(known, rng)
            case "reply":
                part = self._reply(known, rng)
            case _:
                part = None
        return part or self._tell(person)

    def reveal_short(self, known: tuple[Known, ...], rng: Random) -> Part | None:
        """A short fact to stand beside another."""
        for pattern in rng.sample(self._short, min(4, len(self._short))):
            if _is_free(pattern.topic, known, rng):
                return fill(pattern, self._deck, rng)
        return None

    def _tell(self, person: Person) -> Part | None:
        rng = person.rng
        while person.agenda:
            part = person.agenda.popleft()
            if _is_free(part.pattern.topic, person.ledger.known, rng):
                return part
        for slot in rng.sample(self._tellable, min(6, len(self._tellable))):
            if _is_free(slot, person.ledger.known, rng):
                return reveal(self._deck, slot, rng)
        return None

    def _reply(self, known: tuple[Known, ...], rng: Random) -> Part | None:
        for key in rng.sample(self._replies, min(6, len(self._replies))):
            if _is_free(key[0], known, rng):
                return fill(rng.choice(self._deck.facts[key]), self._deck, rng)
        return None

    def _about_known(
        self, sections: tuple[str, ...], known: tuple[Known, ...], rng: Random
    ) -> Part | None:
        """A pattern of these sections about a known fact, such that it is clear which is meant."""
        for fact in rng.sample(known, len(known)):
            section = rng.choice(sections)
            if section == "corrects" and fact not in known[-_FRESH:]:
                section = "updates"
            alone = len(matching(known, fact.slot)) == 1
            patterns = [
                pattern
                for pattern in self._deck.facts.get((fact.slot, section), ())
                if pattern.about is fact.polarity
                and (alone or pattern.has_old)
                and (not pattern.moves or movable(fact.value))
            ]
            if patterns:
                shorten = None if section in TURNS else known
                return fill(_pick(patterns, rng), self._deck, rng, old=fact, known=shorten)
        return None

    def _repeat(self, known: tuple[Known, ...], rng: Random) -> Part | None:
        """A known fact again: in a pattern made for it, or as if it were news."""
        if rng.random() < 0.5:
            return self._about_known(("repeats",), known, rng)
        for fact in rng.sample(known, min(6, len(known))):
            for name, patterns in self._restating[fact.slot, fact.polarity].items():
                if cached_key(fact.value) in self._deck.familiar[name]:
                    pattern = rng.choice(patterns)
                    given = dict.fromkeys(pattern.fills(), fact.value)
                    part = fill(pattern, self._deck, rng, given=given)
                    return replace(part, old=fact, restated=True)
        return None


def _is_free(slot: str, known: tuple[Known, ...], rng: Random) -> bool:
    """Whether something can be told of a slot without contradicting what was told."""
    return slot not in SINGLE or not matching(known, slot) or rng.random() < _AGAIN


def _pick(patterns: list[Pattern], rng: Random) -> Pattern:
    """One of them: more often one of the slot's own than one that serves every slot."""
    moving = [pattern for pattern in patterns if pattern.moves]
    if moving and (len(moving) == len(patterns) or rng.random() < _SAME_THING):
        return rng.choice(moving)
    patterns = [pattern for pattern in patterns if not pattern.moves]
    common = [pattern for pattern in patterns if pattern.source.startswith(f"slots/{ANY}.")]
    own = [pattern for pattern in patterns if pattern not in common]
    if common and (not own or rng.random() < _COMMON):
        return rng.choice(common)
    return rng.choice(own)


def _restating(deck: Deck) -> dict[tuple[str, Polarity], dict[str, list[Pattern]]]:
    """Patterns whose gold is one value of a list and nothing more, by slot, polarity and list."""
    found: dict[tuple[str, Polarity], dict[str, list[Pattern]]] = defaultdict(dict)
    for (slot, section), patterns in sorted(deck.facts.items()):
        if section not in ("states", "implies", "buried", "avoids"):
            continue
        for pattern in patterns:
            name = _single_list(pattern)
            if name:
                polarity = pattern.golds[0].polarity
                found[slot, polarity].setdefault(name, []).append(pattern)
    return found


def _single_list(pattern: Pattern) -> str:
    """The list whose value is the whole of the pattern's only gold, or nothing."""
    if len(pattern.golds) != 1 or Mark.OPEN not in pattern.turn:
        return ""
    at = pattern.turn.index(Mark.OPEN)
    inside = pattern.turn[at + 1 : pattern.turn.index(Mark.CLOSE)]
    fills = list(pattern.fills())
    if len(inside) == 1 and isinstance(inside[0], Fill) and len(fills) == 1:
        return inside[0].list
    return ""
