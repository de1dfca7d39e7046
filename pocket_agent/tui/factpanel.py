"""What the side panel shows: the facts by group, and which of them have just changed.

The rows are cut to the panel's height, so that drawing costs the same however long a profile is.
No Textual in here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from pocket_agent.profile.facts import Fact
from pocket_agent.tui.factsheet import Section, marks, polarity_words, sections


class Mark(StrEnum):
    """What has just become of a fact: a sign, so that no colour is needed to tell."""

    NEW = "+"
    CHANGED = "~"
    GONE = "-"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known, in the order it is shown in.

    Args:
        facts: by their id.
        fresh: what has just become of which fact; those that are gone are still shown.
        gone: facts that were taken out just now, by their id.
        erased: how many were just forgotten for good; nothing of them is kept here.
    """

    facts: Mapping[str, Fact] = field(default_factory=dict)
    fresh: Mapping[str, Mark] = field(default_factory=dict)
    gone: Mapping[str, Fact] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    erased: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the panel: a heading, or a fact."""

    text: str
    slot: str = ""
    mark: Mark | None = None
    heading: bool = False


def known(facts: Iterable[Fact], before: Known | None = None, *, forgotten: bool = False) -> Known:
    """What is known now; what differs from `before` is marked beside what was marked there.

    Args:
        forgotten: what is missing now was forgotten for good: it is counted, and shown no more.
    """
    now = {fact.id: fact for fact in facts}
    if before is None:
        return Known(now, sections=tuple(sections(now.values())))
    fresh, missing = dict(before.fresh), before.facts.keys() - now.keys()
    for name, fact in now.items():
        if (old := before.facts.get(name)) is None:
            fresh[name] = Mark.NEW
        elif _told(old) != _told(fact):
            fresh[name] = Mark.CHANGED
    gone: dict[str, Fact] = {}
    if not forgotten:
        gone = {n: f for n, f in before.gone.items() if n not in now}
        gone |= {name: before.facts[name] for name in missing}
        fresh |= dict.fromkeys(missing, Mark.GONE)
    return Known(
        now,
        fresh,
        gone,
        tuple(sections(chain(now.values(), gone.values()))),
        before.erased + len(missing) if forgotten else before.erased,
    )


def settled(now: Known) -> Known:
    """The same, with nothing marked any more."""
    left = (
        Section(section.title, tuple(f for f in section.facts if f.id not in now.gone))
        for section in now.sections
    )
    return Known(now.facts, sections=tuple(section for section in left if section.facts))


def rows(now: Known, height: int) -> tuple[list[Row], int]:
    """The rows for a panel of `height` lines, and how many facts it has no room for.

    What has just changed comes before what stands further up; where facts are left out, one line
    is left free to say so.
    """
    made = [_erased(now.erased)] if now.erased else []
    room, count = height - len(made), len(now.facts) + len(now.gone)
    chosen = _chosen(now, room)
    if len(chosen) < count:
        chosen = _chosen(now, room - 1)
    for section in now.sections:
        kept = [fact for fact in section.facts if fact.id in chosen]
        if kept:
            made.append(Row(section.title.upper(), heading=True))
            made += [_row(fact, now.fresh.get(fact.id)) for fact in kept]
    return made, count - len(chosen)


def _chosen(now: Known, height: int) -> set[str]:
    """Ids of as many facts as fit with their headings."""
    chosen: set[str] = set()
    headings: set[str] = set()
    for first in (True, False):
        for section, fact in _facts(now):
            if (fact.id in now.fresh) is not first:
                continue
            cost = 1 if section.title in headings else 2
            if height < cost:
                break
            height -= cost
            chosen.add(fact.id)
            headings.add(section.title)
    return chosen


def _facts(now: Known) -> Iterable[tuple[Section, Fact]]:
    return ((section, fact) for section in now.sections for fact in section.facts)


def _erased(count: int) -> Row:
    return Row(f"{count} {'fact' if count == 1 else 'facts'} forgotten", mark=Mark.GONE)


def _row(fact: Fact, mark: Mark | None) -> Row:
    polarity = polarity_words(fact)
    special = marks(fact)
    text = f"{polarity} {fact.value}" if polarity else fact.value
    return Row(f"{text} · {special}" if special else text, fact.slot, mark)


def _told(fact: Fact) -> tuple[object, ...]:
    """What of a fact can be seen."""
    return fact.state, fact.value, fact.polarity, fact.locked, fact.pinned, fact.actor
