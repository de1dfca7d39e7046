"""What the policy sees of a turn: the facts near it, what the assistant said last, the turn itself.

Method: single-turn preference inference (PersonalAgent, arXiv 2512.15302, abstract): the state is
the profile so far and this one turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pocket_agent.profile.facts import Fact, Polarity
from pocket_agent.profile.slots import BY_NAME, SINGLE
from pocket_agent.profile.sources import sentences
from pocket_agent.profile.values import key, words

MAX_FACTS = 6
MAX_ASSISTANT_WORDS = 60
WINDOW_WORDS = 70
"""A longer turn is read in several windows of whole sentences."""

WORD_CHARS = 40
PIECE_BYTES = 900
"""What surely fits the policy's context, at a token a byte in the worst of scripts."""

_STOP = frozenset(
    """
    a an and are as at be but by do for from had has have he her his i if in is it its me my no not
    of on or our she so than that the their them there they this to us was we were what with you
    your am i'm i've it's don't any more just really very
    """.split()
)


@dataclass(frozen=True, slots=True)
class Known:
    """A fact as the policy sees it."""

    slot: str
    value: str
    polarity: Polarity = Polarity.LIKES


@dataclass(frozen=True, slots=True)
class State:
    """One decision's input.

    Args:
        known: the facts shown, in the order of the slot schema.
        assistant: the end of the assistant's last utterance; may be empty.
        turn: the user's turn, or one window of a long one.
    """

    known: tuple[Known, ...]
    assistant: str
    turn: str


def known_from(facts: Sequence[Fact]) -> list[Known]:
    """The active facts in the policy's view."""
    return [Known(fact.slot, fact.value, fact.polarity) for fact in facts]


def build_states(known: Sequence[Known], assistant: str, turn: str) -> list[State]:
    """The states of one turn: one, or one a window where the turn is long.

    Args:
        known: the whole profile, oldest first.
        assistant: the assistant's last utterance, whole. turn: the user's turn, whole.
    """
    states = []
    for number, window in enumerate(windows(turn)):
        before = tail(assistant, MAX_ASSISTANT_WORDS) if number == 0 else ""
        states.append(State(near(known, before, window), before, window))
    return states


def windows(turn: str, size: int = WINDOW_WORDS) -> list[str]:
    """The turn in runs of whole sentences of at most `size` words each.

    A longer sentence stands alone; one of more than twice that (a paste without full stops) is
    cut, since it would not fit the policy's context.
    """
    found: list[str] = []
    count = 0
    for sentence in _pieces(turn, 2 * size):
        length = len(sentence.split())
        fits = found and len(f"{found[-1]} {sentence}".encode()) <= PIECE_BYTES
        if fits and count + length <= size:
            found[-1] += " " + sentence
            count += length
        else:
            found.append(sentence)
            count = length
    return found


def _pieces(turn: str, most: int) -> Iterator[str]:
    """The sentences; one of more than `most` words or PIECE_BYTES in parts that are not."""
    for start, end in sentences(turn):
        sentence = turn[start:end].strip()
        if len(sentence.split()) <= most and len(sentence.encode()) <= PIECE_BYTES:
            yield sentence
            continue
        part: list[str] = []
        for word in _short_words(sentence):
            if len(part) == most or len(" ".join([*part, word]).encode()) > PIECE_BYTES:
                yield " ".join(part)
                part = []
            part.append(word)
        if part:
            yield " ".join(part)


def _short_words(text: str) -> Iterator[str]:
    """The words; a very long one is left out (a link), or cut (a script without spaces)."""
    for word in text.split():
        if len(word) <= WORD_CHARS:
            yield word
        elif not word.isascii():
            yield from (word[at : at + WORD_CHARS] for at in range(0, len(word), WORD_CHARS))


def near(known: Sequence[Known], assistant: str, turn: str) -> tuple[Known, ...]:
    """The facts worth showing: those sharing words with the turn, single-valued ones, new ones."""
    said = _content(f"{assistant} {turn}")

    def rank(pair: tuple[int, Known]) -> tuple[float, int]:
        at, fact = pair
        shared = len(said & _content(fact.value))
        about = len(said & _SLOT_WORDS.get(fact.slot, frozenset()))
        return (2.0 * shared + about + (0.5 if fact.slot in SINGLE else 0.0), at)

    best = sorted(enumerate(known), key=rank, reverse=True)[:MAX_FACTS]
    return tuple(sorted((fact for _, fact in best), key=lambda f: _ORDER.get(f.slot, len(_ORDER))))


def may_end(held: Known, said: str) -> bool:
    """Whether a new value in its slot may take a fact's place: in a list, only if it is named.

    "We came home with a gull" adds a pet; it does not give the dog away.
    """
    if not BY_NAME[held.slot].many:
        return True
    named = _content(held.value)
    return not named or bool(named & _content(said))


def tail(text: str, size: int) -> str:
    """The last `size` words of `text`, on one line."""
    return " ".join(text.split()[-size:])


def _content(text: str) -> frozenset[str]:
    found = (word.text.casefold() for word in words(text) if word.begins)
    return frozenset(_stem(key(word)) for word in found if word not in _STOP)


def _stem(word: str) -> str:
    """Enough for "row" to meet "rowing" and "moved" to meet "move"."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


_ENDINGS = ("ings", "ing", "ied", "ies", "ed", "er", "es", "s", "e", "y")
_CUES = {
    "name": "call called surname married",
    "age": "old years year birthday turn turned today",
    "birthday": "born birth date",
    "gender": "pronouns he she they him her trans",
    "origin": "born grew raised hometown native",
    "home": "live living move moved shift shifted relocated flat town city rent",
    "occupation": "job work working hired promoted promotion started retired quit fired shift role",
    "employer": "job work working hired started left quit boss office company firm",
    "education": "school university college degree exam graduated course class thesis",
    "partner": "wife husband girlfriend boyfriend fiance engaged married wedding divorced widowed "
    "single dating split ex proposed",
    "family": "born died passed son daughter mum mom dad baby pregnant grandchild",
    "pet": "dog cat puppy kitten vet died passed walk",
    "housing": "flat house room garden kitchen landlord rent mortgage moved",
    "vehicle": "drive driving car bike sold bought garage",
    "health": "doctor hospital pain pills tablets healed surgery diagnosed clear",
    "allergy": "allergic reaction swell rash hives test",
    "diet": "eat eating meat vegan vegetarian meal",
    "routine": "morning evening wake bed every day week shift",
    "budget": "spend spending money afford cost price cheap",
    "plan": "appointment booked cancelled postponed passed happened done date",
    "goal": "finished reached gave given want passed",
    "learning": "study studying learn practise",
    "language": "speak speaking fluent learn",
    "length": "short long brief longer shorter lines words sentences detail paragraph",
    "tone": "gentle blunt formal casual polite funny friendly serious warm dry",
    "format": "bullets list table steps prose emoji headings",
    "address": "call name mr mrs ms dr",
    "reply": "answer language english",
    "units": "metric imperial miles kilometres celsius fahrenheit pounds kilos",
}
"""Words that a turn about the slot is likely to hold, beside those of its description."""

_ORDER = {name: at for at, name in enumerate(BY_NAME)}
_SLOT_WORDS = {
    name: _content(f"{name} {slot.description} {_CUES.get(name, '')}")
    for name, slot in BY_NAME.items()
}
