"""Cues in the words of a turn: is it a request, does its author tell of themselves?

"Recommend me a place to eat" shares no word with "loud rooms make me jittery", and little meaning.
That the one is a request and the other a taste is what ties them. English only; elsewhere the
cues stay silent and the rest of the score decides.
"""

import re

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_SELF = re.compile(r"\b(i|im|i['’](m|ve|d|ll)|my|me|mine|myself)\b", re.IGNORECASE)
_TASTE = re.compile(
    r"""\b(
    love|hate|like|prefer|favou?rite|enjoy|avoid|never|always|only|can['’]?t|cannot|don['’]?t
    |won['’]?t|refuse|detest|dread|allerg\w*|intoleran\w*|phobi\w*|scared|terrified|afraid|fear
    |need|rather|sooner|too|instead|(make|drive|put|get|give)s?\ me|sick\ of|stand|bear|abide
    |hard\ for\ me|vegan|vegetarian|budget|better|best|worst|no\ longer|used\ to|g[ai]ven?\ up|off
    |keep|happ(y|iest)|weakness|trust|believe|struggle|anxious|nervous|uncomfortable
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_REQUEST = re.compile(
    r"""\b(
    recommend|suggest\w*|advi[cs]e|ideas?|tips|options?|plan|propose|pick|choose|book|arrange
    |organi[sz]e|prepare|write|draft|design|create|explain|worth|looking\ for
    |(should|shall|could|can)\ (i|we|my|our)|(how|where|what|which|when)\ to
    |do\ (i|we)\ (get|go|do|make|start|begin|pick|use|order|buy|find|set|bring|fix|learn|cook|pack)
    |(help|give|find|make|teach|show)\ me|tell\ me\ how
    |(best|good|nice|great)\ (for|to|way|place|thing|time|book|film|movie|show|gift)
    |any(thing|where)?\ (good|nice|fun)|i\ (want|need)|i['’]d\ like|ways?\ to|let['’]s
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_MEMORY = re.compile(
    r"\b(did|was|were|had i|remember|remind|told|mentioned|called|who|whose|earlier|previous(ly)?"
    r"|last (time|week|month|year))\b",
    re.IGNORECASE,
)
_YOUR_WORDS = re.compile(
    r"""\b(
    (did\ )?you\ (\w+ly\ )?(sa(id|y)|told|tell|g[ai]ve|suggest\w*|recommend\w*|mention\w*|list\w*
        |wrote|write|explain\w*|provided?|advised?|show\w*|made|came\ up|come\ up|propose\w*
        |describe\w*|answer\w*)
    |your\ (advice|answer|suggestions?|recommendations?|list|explanation|last|earlier|previous)
    |remind\ me|we\ (talked|spoke|discussed|went\ (over|through))
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_FUTURE = re.compile(r"\b(can|could|would|will|do|should) you\b", re.IGNORECASE)


def is_request(text: str) -> bool:
    """Whether `text` asks for something to be done or proposed, not for something said before."""
    return bool(_REQUEST.search(text)) and not _MEMORY.search(text)


def asks_for_your_words(text: str) -> bool:
    """Whether `text` asks the assistant for what it said itself."""
    return bool(_YOUR_WORDS.search(_FUTURE.sub("", text)))


def speaks_of_self(text: str) -> bool:
    """Whether a sentence, questions aside, is about its author."""
    return any(_SELF.search(sentence) for sentence in _statements(text))


def tells_taste(text: str) -> bool:
    """Whether a sentence about its author tells what they like, avoid, need or can't do."""
    return any(_SELF.search(sentence) and _TASTE.search(sentence) for sentence in _statements(text))


def _statements(text: str) -> list[str]:
    sentences = _SENTENCE_END.split(text[:2_000])
    return [sentence for sentence in sentences if not sentence.rstrip().endswith("?")]
