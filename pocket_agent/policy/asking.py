"""Whether a question goes behind a reply, and which: at most one, rarely, and never twice.

Method: the second kind of action of PersonalAgent (arXiv 2512.15302, abstract), asking when too
little is known, here by rules: worth is how much the request at hand hangs on an empty slot, the
price rises with every question that was not welcome. Pure: who puts the questions keeps a `Past`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pocket_agent.profile.slots import BY_NAME, Sensitivity, Slot
from pocket_agent.profile.values import key, words

GAP = 5
"""User turns from one question to the next, at least; twice as many after each unwelcome one."""
LATER = 40
"""User turns after which a question that was put off may come again."""
_MOST_GAP = 160
INTERVIEW = 5
"""Questions of a first conversation, at most: longer ones are broken off."""


class Answer(StrEnum):
    """How a person met a question."""

    ASKED = "asked"
    LATER = "later"
    REFUSED = "refused"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Past:
    """What was asked before.

    Args:
        turns: user turns so far. last: the turn of the last question, or None. open: the slot of a
            question that the next turn may answer. unwelcome: how many were put off or refused.
        slots: how and at which turn each was met. stopped: the person wants no questions.
    """

    turns: int = 0
    last: int | None = None
    open: str = ""
    unwelcome: int = 0
    slots: Mapping[str, tuple[Answer, int]] = field(default_factory=dict)
    stopped: bool = False


def choose(text: str, known: Collection[str], past: Past) -> Slot | None:
    """The slot to ask about behind the reply to `text`, or None.

    Args:
        text: the user's turn. known: names of the slots that hold something.
    """
    if past.stopped or not _is_request(text):
        return None
    gap = min(GAP * 2**past.unwelcome, _MOST_GAP)
    if past.last is not None and past.turns - past.last < gap:
        return None
    said = _stems(text)
    worth = {name: len(said & cues) for name, cues in _NEEDED_STEMS.items()}
    open_slots = (
        name for name in worth if worth[name] and name not in known and _may_ask(name, past)
    )
    best = max(open_slots, key=lambda name: worth[name], default=None)
    return BY_NAME[best] if best else None


def reaction(text: str) -> Answer | None:
    """What a turn right after a question says to its being asked; None if it may be an answer."""
    if len(text.split()) > _SHORT:
        return None
    return next((answer for answer, said in _REACTIONS if said.search(text)), None)


def asked(past: Past, slot: str) -> Past:
    """After the question about `slot` was put."""
    met = {**past.slots, slot: (Answer.ASKED, past.turns)}
    return replace(past, last=past.turns, open=slot, slots=met)


def heard(past: Past, text: str) -> Past:
    """After the next user turn."""
    slot, past = past.open, replace(past, turns=past.turns + 1, open="")
    answer = reaction(text) if slot else None
    if answer is None:
        return past
    met = {**past.slots, slot: (answer, past.turns)}
    stopped = answer is Answer.STOP
    return replace(past, slots=met, unwelcome=past.unwelcome + 1, stopped=stopped)


def interview(known: Collection[str], past: Past) -> list[Slot]:
    """The questions of a first conversation: at most INTERVIEW, the most useful answers first."""
    if past.stopped:
        return []
    empty = (name for name in _FIRST if name not in known and _may_ask(name, past))
    return [BY_NAME[name] for name in empty][:INTERVIEW]


def met(past: Past, slot: str, answer: Answer) -> Past:
    """After a question of the interview was met in that way."""
    stopped = past.stopped or answer is Answer.STOP
    return replace(past, slots={**past.slots, slot: (answer, past.turns)}, stopped=stopped)


def _may_ask(name: str, past: Past) -> bool:
    if BY_NAME[name].sensitivity is Sensitivity.SENSITIVE:
        return False
    answer, at = past.slots.get(name, (None, 0))
    return answer is None or (answer is Answer.LATER and past.turns - at >= LATER)


def _is_request(text: str) -> bool:
    return bool(_REQUEST.search(text))


def _stems(text: str) -> frozenset[str]:
    return frozenset(key(word.text.casefold()) for word in words(text) if word.begins)


def _compiled(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


_SHORT = 12
"""Words: a longer turn talks of something, whatever words it begins with."""
_REQUEST = _compiled(
    r"\b(recommend|suggest|advi[sc]e|idea|ideas|help me|plan (me|my|a|an)|which|what should)\b",
    r"\b(what|where|how) (can|could|do|should|would) (i|we)\b",
    r"\b(find|give|make|write|pick|choose|tell|show) (me|us)\b",
    r"\b(need|want|looking for) (a|an|some|something)\b.*\?",
)
_REACTIONS: tuple[tuple[Answer, re.Pattern[str]], ...] = (
    (
        Answer.STOP,
        _compiled(
            r"\b(stop|quit) asking\b", r"\bdon'?t ask\b", r"\bno (more )?questions\b", r"^never\W*$"
        ),
    ),
    (
        Answer.REFUSED,
        _compiled(
            r"\b(rather|prefer) not\b", r"\bnone of (your|ur)\b", r"\bnot (telling|saying)\b",
            r"\bwon'?t (say|tell)\b", r"\b(that's|thats) private\b", r"\bno comment\b",
        ),
    ),
    (
        Answer.LATER,
        _compiled(
            r"^\W*(later|skip|pass)\b", r"\b(not now|another time|some other time|maybe later)\b",
            r"^\W*(i )?(don'?t know|dunno|no idea|not sure|idk)\b",
        ),
    ),
)  # fmt: skip

_MEAL = "eat food dinner lunch breakfast recipe cook snack dish meal restaurant dessert bake"
# What a request turns on: the slots without which its answer is a guess, and its words.
_NEEDED = {
    "diet": _MEAL,
    "allergy": _MEAL,
    "food": f"{_MEAL} hungry cuisine",
    "dining": "restaurant cafe table bar pub brunch",
    "drink": "cocktail wine beer drink bar thirsty",
    "home": "weather local nearby town city weekend here tonight shop around",
    "budget": "buy cheap price cost afford gift present holiday hotel laptop phone spend",
    "music": "music song songs playlist album band concert listen",
    "reading": "book books read novel author podcast",
    "show": "film films movie movies series show watch tonight",
    "game": "game games play",
    "sport": "exercise workout training fit gym run",
    "hobby": "weekend bored fun hobby free",
    "travel": "trip travel holiday vacation destination hotel getaway",
    "transport": "trip travel route commute",
    "occupation": "cv interview career job resume salary",
    "skill": "learn course tutorial",
    "learning": "learn study explain course exam",
    "education": "university degree college thesis",
    "pet": "pet dog cat vet",
    "family": "kids family gift present",
    "fashion": "wear outfit clothes shoes dress",
    "tech": "app software laptop phone computer device",
    "units": "convert temperature distance weight",
    "routine": "schedule morning routine day week",
    "goal": "goal motivation habit improve progress",
}
# By how many answers change with it, and how gladly it is told.
_FIRST = (
    *("address", "length", "occupation", "home", "hobby", "diet", "tone", "language", "goal"),
    *("food", "music", "units"),
)
_NEEDED_STEMS = {name: _stems(cues) for name, cues in _NEEDED.items()}
assert all(
    name in BY_NAME and BY_NAME[name].sensitivity is not Sensitivity.SENSITIVE
    for name in (*_NEEDED, *_FIRST)
)
