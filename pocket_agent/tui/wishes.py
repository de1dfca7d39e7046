"""What `/forget` is told to erase."""

import re

from pocket_agent.memory.erasure import Wish
from pocket_agent.moments import end_of, start_of

_SPAN = re.compile(r"(?i)(?:since (?P<since>\S+))?\s*(?:until (?P<until>\S+))?")


def wish_of(argument: str) -> Wish:
    """`everything`, `since DATE`, `until DATE`, both, or a text; in quotation marks always a text.

    Raises:
        UsageError: what should be a date is none.
    """
    text = argument.strip()
    if len(text) > 2 and text[0] == text[-1] == '"':
        return Wish(matching=text[1:-1])
    if text.lower() == "everything":
        return Wish(everything=True)
    span = _SPAN.fullmatch(text)
    if span is None or not text:
        return Wish(matching=text)
    since, until = span["since"], span["until"]
    return Wish(since=start_of(since) if since else None, until=end_of(until) if until else None)
