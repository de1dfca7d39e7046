"""Grounding: where in a turn a value stands, and the words around it that are kept as the quote."""

import re

from pocket_agent.profile.facts import Source
from pocket_agent.profile.values import find_span

MAX_QUOTE = 200
"""Characters; a longer sentence is cut around the value."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")


def sentences(text: str) -> list[tuple[int, int]]:
    """The spans (start, end) of the sentences of `text`, in order, none of them empty."""
    spans: list[tuple[int, int]] = []
    start = 0
    for gap in _SENTENCE_END.finditer(text):
        if text[start : gap.start()].strip():
            spans.append((start, gap.start()))
            start = gap.end()
    if text[start:].strip():
        spans.append((start, len(text)))
    return spans


def ground(turn: str, text: str, value: str, question: str = "") -> Source | None:
    """The source of `value`: the sentence of the turn that holds it, or the answer to a question.

    Args:
        turn: id of the user turn. text: its text.
        question: what the assistant had said before; a value found only there rests on the
            person's answer, so the whole answer is the quote.

    Returns:
        The source, or None if the value stands in neither.
    """
    span = find_span(text, value)
    if span is not None:
        start, end = _around(text, span)
        return Source(turn, start, end, text[start:end])
    asked = find_span(question, value)
    if asked is None or not text.strip():
        return None
    start, stop = _around(question, asked)
    end = min(len(text), MAX_QUOTE)
    return Source(turn, 0, end, text[:end], question=question[start:stop])


def _around(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """The sentences that `span` touches, cut to MAX_QUOTE characters."""
    touched = [s for s in sentences(text) if s[0] < span[1] and s[1] > span[0]]
    start, end = (touched[0][0], touched[-1][1]) if touched else span
    if end - start <= MAX_QUOTE:
        return start, end
    room = max(0, MAX_QUOTE - (span[1] - span[0])) // 2
    return max(start, span[0] - room), min(end, span[1] + room)
