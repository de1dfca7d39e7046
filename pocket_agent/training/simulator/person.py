"""A simulated person: how they write and feel, what is true of them, when they tell it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Op
from pocket_agent.profile.slots import SINGLE
from pocket_agent.training.simulator.composing import MOODS, Mood
from pocket_agent.training.simulator.filling import Part, fill, strip
from pocket_agent.training.simulator.labelling import Ledger, label
from pocket_agent.training.simulator.pattern import SIMPLE, Pattern
from pocket_agent.training.simulator.registers import REGISTERS, Register
from pocket_agent.training.simulator.splits import Deck

_SECTION_SHARES = {
    "states": 30,
    "implies": 22,
    "buried": 20,
    "several": 30,
    "episode": 9,
    "avoids": 26,
}
_EARLY = ("name", "home", "occupation", "address", "age", "origin", "language")
NOISE = 0.575
"""The mean share of turns that say nothing lasting; people differ by _SPREAD to both sides."""
_SPREAD = 0.175
_INTERESTS = (5, 22)
_ONCE_SHARE = 0.15
"""The share of the agenda that goes to single-valued slots: less than they have of the schema."""
_OFTEN = {"plan": 3.0, "routine": 2.0, "drink": 1.6, "music": 1.6, "family": 1.6, "health": 1.6}
_OFTEN |= {"friend": 1.4, "tech": 1.3, "format": 1.3, "goal": 1.3, "food": 1.3, "sport": 1.3}
"""Slots that people speak of more often than of others (1)."""
_WARM_SHARE = 0.45
_WARM_FACTS = (2, 25)
"""What is known beforehand: no more facts than the record has turns, so that short records make
short prompts."""


@dataclass(slots=True)
class Person:
    """Who speaks.

    Args:
        id: unique within a split and seed.
        register: how they write. american: whose spelling.
        noise: the share of their turns that says nothing lasting.
        agenda: what is hidden and true of them, in the order in which they will tell it.
        ledger: what they have told so far.
    """

    id: str
    rng: Random
    register: Register
    american: bool
    noise: float
    mood: Mood = MOODS[0]
    session: int = 0
    left: int = 0
    agenda: deque[Part] = field(default_factory=deque)
    ledger: Ledger = field(default_factory=Ledger)

    def next_turn(self) -> bool:
        """Start a turn. Returns whether it opens a session, with a mood of its own."""
        opens = self.left == 0
        if opens:
            self.session += 1
            self.left = self.rng.randint(4, 18)
            self.mood = self.rng.choice(MOODS)
        self.left -= 1
        return opens


def invent(deck: Deck, name: str, seed: str, turns: int, noise: float = NOISE) -> Person:
    """A person with a hidden profile; some are known a little already.

    Args:
        name: their id. seed: the same seed gives the same person.
        turns: how many turns they will have: the hidden profile is as long as they can tell.
        noise: the mean share of noise among people.
    """
    rng = Random(seed)
    register = rng.choices(REGISTERS, [r.share for r in REGISTERS])[0]
    american = rng.random() < 0.4
    share = rng.uniform(noise - _SPREAD, noise + _SPREAD)
    person = Person(name, rng, register, american, min(1.0, max(0.0, share)))
    slots = _interests(deck, rng)
    if rng.random() < _WARM_SHARE:
        least, most = _WARM_FACTS
        _warm(person, deck, slots, rng.randint(least, max(least, min(most, turns))))
    hidden = 4 + round(turns * (1 - person.noise) * 0.6)
    person.agenda.extend(_agenda(slots, hidden, deck, rng))
    return person


def reveal(deck: Deck, slot: str, rng: Random) -> Part | None:
    """A fact of `slot`, in one of the ways of telling it."""
    pattern = choose(deck, slot, rng)
    return fill(pattern, deck, rng) if pattern else None


def choose(deck: Deck, slot: str, rng: Random) -> Pattern | None:
    """A pattern that tells something of `slot`."""
    sections = [name for name in SIMPLE if deck.facts.get((slot, name))]
    if not sections:
        return None
    section = rng.choices(sections, [_SECTION_SHARES[name] for name in sections])[0]
    return rng.choice(deck.facts[slot, section])


def _interests(deck: Deck, rng: Random) -> list[str]:
    """The slots that this person has something to say in: a few have several values then."""
    slots = sorted({slot for slot, section in deck.facts if section in SIMPLE})
    many = [slot for slot in slots if slot not in SINGLE]
    kept = set(rng.sample(many, min(len(many), rng.randint(*_INTERESTS))))
    return [slot for slot in slots if slot in SINGLE or slot in kept]


def _agenda(slots: Sequence[str], size: int, deck: Deck, rng: Random) -> list[Part]:
    """What is hidden, ordered: some introduce themselves first, most come to it by and by."""
    once = [slot for slot in slots if slot in SINGLE]
    often = [slot for slot in slots if slot not in SINGLE] or once
    rng.shuffle(once)
    picked = once[: round(size * _ONCE_SHARE + rng.random() - 0.5)]
    weights = [_OFTEN.get(slot, 1.0) for slot in often]
    picked += rng.choices(often, weights, k=max(0, size - len(picked)))
    rng.shuffle(picked)
    if rng.random() < 0.4:
        picked.sort(key=lambda slot: slot not in _EARLY)
    found = (reveal(deck, slot, rng) for slot in picked)
    return [part for part in found if part is not None]


def _warm(person: Person, deck: Deck, slots: Sequence[str], size: int) -> None:
    """Facts known from before this record begins, spelt as this person spells."""
    rng, ledger = person.rng, person.ledger
    lower = person.register.lower > 0.5
    for _ in range(size * 2):
        if len(ledger.known) >= size:
            return
        part = reveal(deck, rng.choice(slots), rng)
        if part is None:
            continue
        turn = part.turn.lower() if lower else part.turn
        learn(ledger, [part], "", turn)


def learn(ledger: Ledger, parts: Sequence[Part], assistant: str, turn: str) -> list[Op] | None:
    """Enter what a marked turn says into the ledger. Returns its gold; None if it is not exact."""
    ops = label(parts, assistant, turn, ledger.known)
    if ops is None:
        return None
    profile = ledger.try_ops(ops, strip(turn), strip(assistant))
    if profile is None:
        return None
    ledger.accept(profile, ops)
    return ops


def matching(known: Sequence[Known], slot: str) -> list[Known]:
    """The facts held in a slot."""
    return [fact for fact in known if fact.slot == slot]
