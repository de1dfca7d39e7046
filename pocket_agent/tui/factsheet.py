"""The facts of a profile in the order and the words they are shown in. No Textual in here."""

from collections.abc import Iterable
from dataclasses import dataclass

from pocket_agent.assistant.phrases import Hearsay
from pocket_agent.profile.facts import Actor, Fact, FactState, Polarity
from pocket_agent.profile.slots import BY_NAME, Group
from pocket_agent.tui.dates import day
from pocket_agent.tui.safe_text import one_line

WAITING = "waiting for your yes or no"
"""The heading over the candidates and doubts."""

_WAITS = (FactState.CANDIDATE, FactState.DOUBT)

_RANK = {name: at for at, name in enumerate(BY_NAME)}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its facts."""

    title: str
    facts: tuple[Fact, ...]


def sections(facts: Iterable[Fact], needle: str = "") -> list[Section]:
    """The facts under the headings of their groups, candidates first; empty headings left out.

    Args:
        needle: shows only facts in whose slot, value or quote it occurs.
    """
    found = sorted(
        (fact for fact in facts if _matches(fact, needle.casefold())),
        key=lambda fact: _RANK.get(fact.slot, len(_RANK)),
    )
    made = [Section(WAITING, _of(found, None))]
    made += [Section(group.value, _of(found, group)) for group in Group]
    return [section for section in made if section.facts]


def polarity_words(fact: Fact) -> str:
    """`♥ likes` or `⊘ avoids` where the slot takes a polarity."""
    if fact.polarity is Polarity.AVOIDS:
        return "⊘ avoids"
    slot = BY_NAME.get(fact.slot)
    return "♥ likes" if slot and slot.polar and slot.group is not Group.OTHER else ""


def marks(fact: Fact) -> str:
    """What is special about a fact, in words."""
    named = (
        ("no longer true?", fact.state is FactState.DOUBT),
        ("locked", fact.locked),
        ("pinned", fact.pinned),
        ("by hand", fact.actor is Actor.USER),
        ("from a file: told, not obeyed until you pin or lock it", isinstance(fact, Hearsay)),
        ("imported", fact.actor is Actor.IMPORT),
    )
    return " · ".join(word for word, holds in named if holds)


def origin(fact: Fact) -> str:
    """The words the fact rests on, where they come from if imported, and the day."""
    source = next((source for source in reversed(fact.sources) if source.quote), None)
    came = (
        f"imported from {one_line(source.imported_from)}" if source and source.imported_from else ""
    )
    parts = (f"“{one_line(source.quote)}”" if source else "", came, day(fact.learnt))
    return " · ".join(part for part in parts if part)


def _of(facts: list[Fact], group: Group | None) -> tuple[Fact, ...]:
    if group is None:
        return tuple(fact for fact in facts if fact.state in _WAITS)
    return tuple(fact for fact in facts if fact.state is FactState.ACTIVE and _group(fact) is group)


def _group(fact: Fact) -> Group:
    slot = BY_NAME.get(fact.slot)
    return slot.group if slot else Group.OTHER


def _matches(fact: Fact, needle: str) -> bool:
    texts = (fact.slot, fact.value, *(source.quote for source in fact.sources))
    return not needle or any(needle in text.casefold() for text in texts)
