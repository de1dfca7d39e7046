"""A title for a conversation, made of the words that it began with. No model is asked."""

import re

MAX_WORDS = 7
MAX_CHARACTERS = 48
_FEWEST = 2
"""Words that a title needs to tell anything."""

_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|[\n。！？]")
_EDGES = " \t#*_>`~-–—:;,.!\"'“”‘’()[]{}|=+"
_OPENING = re.compile(
    r"(?:hi|hey|hello|hallo|hola|good (?:morning|evening|afternoon|day)|dear|please|pls|thanks"
    r"|thank you|ok|okay|so|well|there|all|again|pocket|assistant|can you|could you|would you"
    r"|will you|i want you to|i'd like you to|i would like you to|tell me|show me"
    r"|help me(?: to| with)?)\b",
    re.IGNORECASE,
)
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def title_of(text: str) -> str:
    """A few words of a text, in their order; empty if they would tell nothing.

    They stand in the text just so, case and line breaks aside: what is forgotten there can be
    found in the title too.
    """
    for sentence in _SENTENCE_END.split(_CODE.sub("\n", text[:4_000])):
        if title := _begin(_without_opening(sentence)):
            return title
    return ""


def first_words(text: str) -> str:
    """The very first words, for want of a title."""
    return " ".join(text[:400].split()[:MAX_WORDS])[:MAX_CHARACTERS].strip()


def _without_opening(sentence: str) -> str:
    """The sentence from where it says something: greetings and requests go."""
    rest = sentence.strip(_EDGES)
    while found := _OPENING.match(rest):
        rest = rest[found.end() :].strip(_EDGES)
    return rest


def _begin(sentence: str) -> str:
    words = sentence.split()
    if _WIDE.search(sentence):  # no spaces between words there
        return " ".join(words)[: MAX_CHARACTERS // 2].strip(_EDGES)
    if len(words) < _FEWEST:
        return ""
    title = " ".join(words[:MAX_WORDS])
    if len(title) > MAX_CHARACTERS:
        title = title[: MAX_CHARACTERS + 1].rsplit(" ", 1)[0][:MAX_CHARACTERS]
    title = title.strip(_EDGES)
    first = title[:1]
    return first.upper() + title[1:] if len(first.upper()) == 1 else title
