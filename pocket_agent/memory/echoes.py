"""Replies elsewhere that repeat what is to be forgotten, because they were made from it.

`contexts` knows what each reply was made from. Of these replies, those count that say a word of
what goes which no turn of the person's that stays says too.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from pocket_agent.memory.covering import UNSPACED
from pocket_agent.memory.query import STOP_WORDS
from pocket_agent.profile.facts import Event, OpKind
from pocket_agent.profile.redaction import value_of
from pocket_agent.profile.values import key

if TYPE_CHECKING:
    from pocket_agent.memory.erasure import Row

_CONTEXTS = "SELECT name, reply FROM contexts"
_WORD = re.compile(r"[^\W_]+")
_STATING = (OpKind.ADD, OpKind.UPDATE)


def find_echoes(
    connection: Any, rows: Sequence["Row"], chosen: Set[int], events: Iterable[Event]
) -> set[int]:
    """The row numbers of those replies, and of replies made from these that repeat it in turn.

    Args:
        rows: every turn. chosen: row numbers of the turns that go.
    """
    made: dict[str, list[str]] = {}
    for name, reply in connection.execute(_CONTEXTS):
        made.setdefault(name, []).append(reply)
    gone = {row.id: row.text for row in rows if row.n in chosen}
    lost = {**gone, **_facts_on(events, gone.keys())}
    sources = {name: words_of(text) for name, text in lost.items() if name in made}
    if not sources:
        return set()
    staying = (row.text for row in rows if row.role == "user" and row.n not in chosen)
    stays = frozenset[str]().union(*map(words_of, staying))
    known = {row.id: row for row in rows if row.n not in chosen}
    return _spread({name: words - stays for name, words in sources.items()}, made, known)


def _spread(
    sources: dict[str, frozenset[str]],
    made: Mapping[str, Sequence[str]],
    known: Mapping[str, "Row"],
) -> set[int]:
    found: set[int] = set()
    waiting = list(sources.items())
    while waiting:
        name, words = waiting.pop()
        replies = [known[reply] for reply in made.get(name, ()) if reply in known]
        for row in replies:
            repeated = words & words_of(row.text)
            if repeated and row.n not in found:
                found.add(row.n)
                waiting.append((row.id, repeated))
    return found


def _facts_on(events: Iterable[Event], gone: Set[str]) -> dict[str, str]:
    """The values, by id, of facts that rest on turns that go and on nothing else."""
    stating = [event for event in events if event.op.kind in _STATING]
    lost = {event.id for event in stating if event.source and event.source.turn in gone}
    kept = {value_of(e.op.slot, e.op.value) for e in stating if e.id not in lost}
    return {
        event.id: event.op.value
        for event in stating
        if event.id in lost and value_of(event.op.slot, event.op.value) not in kept
    }


def words_of(text: str) -> frozenset[str]:
    """The words that tell something; of a script without spaces, each two characters in a row."""
    found: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        if UNSPACED.search(word):
            found.update(word[at : at + 2] for at in range(len(word) - 1))
        elif word not in STOP_WORDS and (len(word) > 2 or not word.isascii()):
            found.add(key(word))
    return frozenset(found)
