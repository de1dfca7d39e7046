"""Simulated conversations: people, turn by turn, each turn with exact gold.

Method: simulated users who reveal a hidden profile over a conversation (RLPA, arXiv 2505.15456),
cut into single turns with the profile before each (PersonalAgent, arXiv 2512.15302).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Op, OpKind
from pocket_agent.profile.slots import BY_NAME
from pocket_agent.training.records import Labelled
from pocket_agent.training.simulator.composing import Composer, join
from pocket_agent.training.simulator.filling import Part, fill, strip
from pocket_agent.training.simulator.loading import Text
from pocket_agent.training.simulator.moves import Moves
from pocket_agent.training.simulator.pattern import REPLIES, Pattern
from pocket_agent.training.simulator.person import NOISE, Person, invent, learn
from pocket_agent.training.simulator.registers import rewrite
from pocket_agent.training.simulator.splits import Deck, build_deck

_TRIES = 12
_NOISE_SHARES = {
    "request": 17,
    "task": 13,
    "small_talk": 11,
    "reaction": 10,
    "others": 11,
    "hypothetical": 7,
    "quote": 4,
    "fiction": 5,
    "joke": 9,
    "question": 9,
    "pasted": 6,
    "code": 3,
    "momentary": 8,
}
_MORE = (0.16, 0.3)
"""How often a short fact is followed by another, and that one by a third."""
_AS_THEY_ARE = ("pasted", "code")
_UNASKED = ("request", "task", "question", "pasted", "code", "quote", "fiction")
"""Noise that can follow any question of the assistant's without being taken for an answer."""


@dataclass(frozen=True, slots=True)
class Record(Labelled):
    """A labelled turn, and where it came from.

    Args:
        split: train, dev or test. turn_no: within the person, from 1.
        pattern: the lines of the text it was made of, `file:line`, the main one first.
    """

    split: str
    turn_no: int
    pattern: str


def simulate_people(
    text: Text,
    split: str,
    seed: int,
    people: int | None = None,
    turns: int = 40,
    noise: float = NOISE,
) -> Iterator[Record]:
    """Labelled turns, person after person, in order of time.

    Args:
        text: from `load_text`. split: train, dev or test.
        seed: the same seed gives the same people, however many are asked for.
        people: how many, or None for as many as are taken. turns: of each person.
        noise: the mean share of turns that say nothing lasting.

    Raises:
        UsageError: no such split, or no text for it.
    """
    deck = build_deck(text, split)
    moves = Moves(deck)
    for number in count(1) if people is None else range(1, people + 1):
        name = f"{split}-{seed}-{number:05d}"
        person = invent(deck, name, name, turns, noise)
        yield from _Conversation(deck, moves, person).records(turns)


@dataclass(slots=True)
class _Turn:
    """A turn in the making, still marked."""

    kind: str
    klass: str
    assistant: str
    text: str
    ops: list[Op]
    sources: list[str]


class _Conversation:
    """One person's turns."""

    def __init__(self, deck: Deck, moves: Moves, person: Person):
        self._deck, self._moves, self._person = deck, moves, person
        self._rng = person.rng
        self._composer = Composer(deck, moves.mixable, person.rng)
        self._classes = sorted(deck.noise)
        self._shares = [_NOISE_SHARES.get(name, 6) for name in self._classes]
        self._questions = moves.questions

    def records(self, turns: int) -> Iterator[Record]:
        for number in range(1, turns + 1):
            opens = self._person.next_turn()
            known = self._person.ledger.known
            yield self._record(number, self._next(opens), known)

    def _record(self, number: int, made: _Turn, known: tuple[Known, ...]) -> Record:
        person = self._person
        return Record(
            id=f"{person.id}-{number:03d}",
            person=person.id,
            session=person.session,
            kind=made.kind,
            klass=made.klass,
            known=known,
            assistant=strip(made.assistant),
            turn=strip(made.text),
            ops=tuple(made.ops),
            split=self._deck.split,
            turn_no=number,
            pattern=" + ".join(made.sources),
        )

    def _next(self, opens: bool) -> _Turn:
        if self._rng.random() >= self._person.noise:
            for _ in range(_TRIES):
                made = self._fact(opens)
                if made is not None:
                    return made
        return self._noise(opens)

    def _fact(self, opens: bool) -> _Turn | None:
        """A turn with facts, or None where its gold would not be exact."""
        person, rng = self._person, self._rng
        part = self._moves.next_part(person)
        if part is None:
            return None
        parts = [part]
        turn = part.turn
        for more in self._more(part):
            parts.append(more)
            turn = join(turn, more.turn, rng)
        sources = [one.pattern.source for one in parts]
        pattern = part.pattern
        bare = bool(pattern.said) or pattern.section == "episode" or pattern.words > 35
        if not pattern.said and rng.random() < person.mood.beside:
            turn, lines = self._composer.beside(turn, person.ledger.known)
            sources += [line.source for line in lines]
            bare = bare or len(turn) > 200
        text = self._voice(self._composer.around(turn, person.mood, person.register, bare=bare))
        assistant = part.said or self._before(opens, asking=0.12)
        ops = learn(self._person.ledger, parts, assistant, text)
        if ops is None:
            return None
        return _Turn("fact", self._class(pattern, ops), assistant, text, ops, sources)

    def _more(self, part: Part) -> Iterator[Part]:
        """Other facts in the same breath: mostly none, now and then one or two."""
        if part.pattern.words >= 20 or part.pattern.section == "repeats":
            return
        for chance in _MORE:
            if self._rng.random() > chance:
                return
            more = self._moves.reveal_short(self._person.ledger.known, self._rng)
            if more is not None:
                yield more

    def _class(self, pattern: Pattern, ops: list[Op]) -> str:
        """The class of docs/annotation.md."""
        if not ops:
            return "repeats"
        if pattern.section == "corrects":
            return "corrects"
        if any(op.kind is OpKind.UPDATE for op in ops) or pattern.section.startswith("turns"):
            return "changes"
        if pattern.section in ("drops", "episode", *REPLIES):
            return pattern.section
        if len(ops) > 1:
            return "several"
        slot, section = ops[0].slot, pattern.section
        held = sum(k.slot == slot for k in self._person.ledger.known)
        if section in ("states", "avoids") and BY_NAME[slot].many and held > 1:
            return "extends"
        return "states" if section in ("avoids", "several") else section

    def _noise(self, opens: bool) -> _Turn:
        person, rng = self._person, self._rng
        known = person.ledger.known
        name = rng.choices(self._classes, self._shares)[0]
        pattern = rng.choice(self._deck.noise[name])
        part = self._composer.noise(pattern, known)
        turn, sources = part.turn, [pattern.source]
        plain = name not in _AS_THEY_ARE
        if plain and not part.said and rng.random() < person.mood.beside * 0.7:
            turn, lines = self._composer.beside(turn, known)
            sources += [line.source for line in lines]
        if plain:
            bare = pattern.words > 45
            turn = self._composer.around(turn, person.mood, person.register, bare=bare)
            turn = self._voice(turn)
        assistant = part.said or self._before_noise(opens, name)
        return _Turn("noise", name, assistant, turn, [], sources)

    def _voice(self, turn: str) -> str:
        person = self._person
        return rewrite(turn, person.register, person.american, self._rng)

    def _before(self, opens: bool, asking: float) -> str:
        """What the assistant said last: nothing at the start of a session, and half of the time."""
        rng = self._rng
        if opens or rng.random() < 0.5:
            return ""
        if self._questions and rng.random() < asking:
            return fill(rng.choice(self._questions), self._deck, rng).said
        return self._composer.assistant(self._person.ledger.known)

    def _before_noise(self, opens: bool, name: str) -> str:
        if name in _UNASKED:
            return self._before(opens, asking=0.15)
        if name == "reaction":
            return self._composer.assistant(self._person.ledger.known, question=False)
        if opens or self._rng.random() < 0.5:
            return ""
        return self._composer.assistant(self._person.ledger.known, question=False)
