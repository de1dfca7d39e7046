"""Composing a turn: an opener, one pattern or several, an aside, a follow-up request."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pocket_agent.policy.state import Known
from pocket_agent.training.simulator.filling import MARKS, Part, familiar, fill, strip
from pocket_agent.training.simulator.pattern import Pattern
from pocket_agent.training.simulator.registers import Register
from pocket_agent.training.simulator.splits import Deck

MIXABLE = ("request", "task", "small_talk", "reaction", "question", "momentary", "others")
"""Noise that can stand beside a fact in one turn; a quotation or a role would swallow it."""
_SHORT = 22
"""Words; longer patterns are left alone."""


@dataclass(frozen=True, slots=True)
class Mood:
    """How a person is in a session: chances of the bits around what they say.

    Args:
        beside: chance of noise in the same turn as a fact.
        emoji: chance of an emoji at the end of a turn.
    """

    name: str
    opener: float
    aside: float
    followup: float
    beside: float
    emoji: float


MOODS = (
    Mood("even", 0.12, 0.08, 0.16, 0.12, 0.02),
    Mood("cheerful", 0.25, 0.15, 0.2, 0.14, 0.22),
    Mood("chatty", 0.35, 0.3, 0.3, 0.35, 0.06),
    Mood("hurried", 0.04, 0.02, 0.2, 0.08, 0.01),
    Mood("tired", 0.1, 0.12, 0.1, 0.08, 0.05),
    Mood("grumpy", 0.05, 0.1, 0.12, 0.1, 0.02),
)
_EMOJI = tuple("😂 😅 🙈 🙂 😭 🥲 👍 🙏 ❤️ 🎉 😬 🤷 :) :D xx haha lol ;)".split())


class Composer:
    """Puts turns together from the parts of one deck.

    Args:
        deck: the text of the split. short: its lines for `beside`, from `mixable`.
        rng: the person's own chance.
    """

    def __init__(self, deck: Deck, short: list[Pattern], rng: Random):
        self._deck, self._short, self._rng = deck, short, rng

    def around(self, turn: str, mood: Mood, register: Register, *, bare: bool) -> str:
        """A marked turn with bits around it.

        Args:
            bare: nothing but an emoji is added: it answers, or is pasted, or is long.
        """
        rng = self._rng
        if not bare:
            if rng.random() < mood.opener:
                turn = _open(self._frame("openers"), turn)
            if rng.random() < mood.aside:
                turn = _put_aside(self._frame("asides"), turn, rng)
            if rng.random() < mood.followup:
                turn = join(turn, self._frame("followups"), rng)
        if not register.tidy and rng.random() < mood.emoji:
            turn += " " + rng.choice(_EMOJI)
        return turn

    def beside(self, turn: str, known: Sequence[Known]) -> tuple[str, list[Pattern]]:
        """The turn with one to three short lines of noise before and after it."""
        rng = self._rng
        used = []
        if not self._short:
            return turn, []
        for _ in range(rng.choices((1, 2, 3), (7, 2, 1))[0]):
            pattern = rng.choice(self._short)
            line = self.noise(pattern, known).turn
            turn = join(line, turn, rng) if rng.random() < 0.55 else join(turn, line, rng)
            used.append(pattern)
        return turn, used

    def noise(self, pattern: Pattern, known: Sequence[Known]) -> Part:
        """A line of noise, now and then about things that are known of the person."""
        given = familiar(pattern, self._deck, known, self._rng)
        return fill(pattern, self._deck, self._rng, given=given)

    def assistant(self, known: Sequence[Known], *, question: bool = True) -> str:
        """Something the assistant may have said; with `question=False`, nothing to be answered."""
        for _ in range(6):
            patterns = self._deck.frames.get("assistant")
            if not patterns:
                return ""
            pattern = self._rng.choice(patterns)
            if question or "?" not in pattern.line:
                return self.noise(pattern, known).turn
        return ""

    def _frame(self, kind: str) -> str:
        patterns = self._deck.frames.get(kind)
        return fill(self._rng.choice(patterns), self._deck, self._rng).turn if patterns else ""


def join(one: str, other: str, rng: Random) -> str:
    """Two utterances in one turn."""
    if not one or not other:
        return one or other
    if _ends(one):
        return one + rng.choices((" ", "\n"), (9, 1))[0] + other
    gap = rng.choices((". ", ", ", " ", "... ", "\n", " - "), (8, 4, 1, 1, 2, 1))[0]
    return one + gap + other


def mixable(deck: Deck) -> list[Pattern]:
    """The lines of noise that can stand beside a fact."""
    return [p for name in MIXABLE for p in deck.noise.get(name, []) if _is_short(p)]


def _is_short(pattern: Pattern) -> bool:
    return pattern.words <= _SHORT and not pattern.said and "\n" not in pattern.line


def _ends(text: str) -> bool:
    plain = strip(text)
    return not plain[-1:].isalnum() and plain[-1:] not in "\"')"


def _open(opener: str, turn: str) -> str:
    if not opener:
        return turn
    if opener[-1] in ",;:-" and _can_lower(turn):
        turn = turn[0].lower() + turn[1:]
    gap = " " if not opener[-1].isalnum() else ", "
    return opener + gap + turn


def _can_lower(turn: str) -> bool:
    """Whether the first word is neither I, nor a name, nor a value."""
    word = re.match(r"[A-Z][a-z]+\b", turn)
    return bool(word) and word[0] in _STARTERS if word else False


_STARTERS = frozenset(
    """My We The It This That There Our You Your Do Does Is Are Can Could What How Why When Where
    Who Just Maybe If So And But Any Give Make Write Tell Help Been Got Had Not No Never Always
    Would Should Which Some One Nothing Honestly Since After Before Create Draft Convert Explain
    Show Plan Summarise Translate Proofread List Suggest Compare Format Label Classify Name Find Add
    Turn Count Answer Put Take Set Check Fix Rewrite Describe Think Look Looking Need Want Love Hate
    Anything Everything Nobody Every All Most Two Three They He She His Her Their Only Still
    These Those Here Once People Something Anyone Ask Whenever While With Without For From In On
    At To Of Up Off Out Over Under Used Gave Given""".split()
)
_BREAK = re.compile(rf"[,.!?](?=[{MARKS}]* )")


def _put_aside(aside: str, turn: str, rng: Random) -> str:
    if not aside:
        return turn
    places = [found.end() for found in _BREAK.finditer(turn) if not _inside(turn, found.end())]
    if not places or rng.random() < 0.3:
        return _append(turn, aside)
    at = rng.choice(places)
    aside = aside.lstrip(",; ")
    # The aside takes over the mark that it follows, so that the sentence goes on after it.
    tail = "" if aside[-1:] in ",.!?)" else turn[at - 1]
    return f"{turn[:at]} {aside}{tail}{turn[at:]}"


def _append(turn: str, aside: str) -> str:
    aside = aside.rstrip(",;")
    if aside[0] not in ",;":
        return f"{turn} {aside}"
    return turn.rstrip(".,") + aside


def _inside(turn: str, at: int) -> bool:
    """Whether the place lies within a gold or known value."""
    before = turn[:at]
    return before.count(MARKS[0]) > before.count(MARKS[1]) or before.count(MARKS[2]) > before.count(
        MARKS[3]
    )
