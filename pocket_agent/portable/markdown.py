"""A profile as Markdown, for people and for other assistants: the facts that hold, by group."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pocket_agent.profile.facts import Fact, Polarity
from pocket_agent.profile.slots import BY_NAME, Group

MARK = "<!-- pocket-agent profile -->"
"""The first line of such a file, by which it is known again."""
_OF = "<!-- of the profile {} -->"
"""The last line, which says whose it is."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>])")


@dataclass(frozen=True, slots=True)
class Style:
    """What is told beside the facts: since when each is known, and the words it rests on."""

    dates: bool = False
    quotes: bool = False


def as_markdown(facts: Iterable[Fact], style: Style, profile: str = "") -> Iterator[bytes]:
    """The lines of the file.

    Args:
        profile: the id of the profile it is of; empty to leave that out.

    A fact is `- slot: value`, with `avoids` before what is avoided. A backslash stands before
    whatever Markdown would take for its own (`unescaped`).
    """
    yield f"{MARK}\n# Profile\n".encode()
    facts = list(facts)
    for group in Group:
        here = [fact for fact in facts if _group(fact) is group]
        if here:
            yield f"\n## {group}\n\n".encode()
            for fact in here:
                yield from (line.encode() + b"\n" for line in _entry(fact, style))
    if profile:
        yield f"\n{_OF.format(profile)}\n".encode()


def unescaped(text: str) -> str:
    """A value as it was before it was written as Markdown."""
    return re.sub(r"\\([\\`*_\[\]<>])", r"\1", text)


def _group(fact: Fact) -> Group:
    return BY_NAME[fact.slot].group if fact.slot in BY_NAME else Group.OTHER


def _entry(fact: Fact, style: Style) -> Iterator[str]:
    avoids = "avoids " if fact.polarity is Polarity.AVOIDS else ""
    date = f" ({fact.learnt[:10]})" if style.dates else ""
    yield f"- {_plain(fact.slot)}: {avoids}{_plain(fact.value)}{date}"
    if style.quotes:
        for source in fact.sources:
            if source.turn:
                yield f"  > {_plain(source.quote)}"


def _plain(text: str) -> str:
    """On one line, and nothing in it that Markdown, HTML or a terminal would take for its own."""
    line = "".join(filter(str.isprintable, " ".join(text.split())))
    return _SPECIAL.sub(r"\\\1", line)
