"""The grammar of one decision: known verbs, known slots, values that are runs of the turn's words.

Built anew for every turn, so that a memory nobody spoke of can't even be decoded.
"""

import json
import re
from collections.abc import Iterable

from pocket_agent.policy.format import MAX_OPS, NONE, safe
from pocket_agent.policy.state import State
from pocket_agent.profile.slots import POLAR, SLOTS
from pocket_agent.profile.values import clean, words

_OFFER = re.compile(r"\?|\bor\b|(?:^|\s)(?:[A-Ha-h1-9][.):]|[-•*])\s", re.IGNORECASE)
"""A question, an alternative, or a list."""
_ENDS = frozenset(".!?;…")


def build_grammar(state: State) -> str:
    """The GBNF for the answer to `state`.

    The assistant's words may be values too, but only where it had asked something or offered a
    choice: a turn such as "yes, both" or "the second one" has no words of its own to store.
    """
    runs, starts = _runs(safe(state.turn), "u")
    if _OFFER.search(state.assistant):
        more, begin = _runs(safe(state.assistant), "a")
        runs, starts = [*runs, *more], [*starts, *begin]
    verbs = [*_adding(bool(starts)), *_editing(state, bool(starts))]
    if not verbs:
        return f"root ::= {_quote(NONE)}\n"
    rules = [
        f"root ::= {_quote(NONE)} | op0",
        *_sequence(),
        "op ::= " + " | ".join(verbs),
        "plain ::= " + _any(slot.name for slot in SLOTS if slot.name not in POLAR),
        "polar ::= " + _any(slot.name for slot in SLOTS if slot.name in POLAR),
    ]
    if starts:
        rules.append("value ::= " + " | ".join(starts))
    return "\n".join([*rules, *runs]) + "\n"


def _sequence() -> list[str]:
    """op0 is one op and up to MAX_OPS - 1 more, a line each."""
    last = MAX_OPS - 1
    return [
        f"op{at} ::= op" + (f' ("\\n" op{at + 1})?' if at < last else "") for at in range(MAX_OPS)
    ]


def _adding(has_values: bool) -> list[str]:
    if not has_values:
        return []
    return ['"add " plain ": " value', '"like " polar ": " value', '"avoid " polar ": " value']


def _editing(state: State, has_values: bool) -> list[str]:
    """An update or a removal names a fact that is shown, letter for letter."""
    held = [f"{fact.slot}: {safe(fact.value)}" for fact in state.known]
    if not held:
        return []
    edits = ['"remove " (' + _any(held) + ")"]
    if has_values:
        edits.append('"update " (' + _any(held) + ') " > " value')
    return edits


def _runs(text: str, prefix: str) -> tuple[list[str], list[str]]:
    """A rule for each word: itself, and perhaps the run on from it, up to the sentence's end.

    A run starts and ends with a word, never with a mark.

    Returns:
        The rules, and the names of those at which a value may start.
    """
    found = list(words(text))
    rules, starts = [], []
    goes_on = False  # whether the word after this one may follow it
    for at in reversed(range(len(found))):
        word = found[at]
        if goes_on:
            gap = text[word.end : found[at + 1].start]
            rest = (_quote(gap) + " " if gap else "") + f"{prefix}{at + 1}"
            rules.append(
                f"{prefix}{at} ::= {_quote(word.text)} " + (f"({rest})?" if word.ends else rest)
            )
        elif word.ends:
            rules.append(f"{prefix}{at} ::= {_quote(word.text)}")
        if word.begins and clean(word.text):
            starts.append(f"{prefix}{at}")
        goes_on = word.ends or (goes_on and word.text not in _ENDS)
    return rules[::-1], starts[::-1]


def _any(options: Iterable[str]) -> str:
    return " | ".join(_quote(option) for option in options)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
