"""What is to be forgotten, and all that goes with it: found here, erased in `forgetting`."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from pocket_agent.errors import StoreError
from pocket_agent.memory import branches
from pocket_agent.memory.covering import Cover, Needle
from pocket_agent.memory.dates import moment
from pocket_agent.memory.echoes import find_echoes
from pocket_agent.memory.hearsay import HEARSAY
from pocket_agent.memory.identity import PROFILE_ID
from pocket_agent.memory.records import UNFINISHED
from pocket_agent.profile.edits import refiles
from pocket_agent.profile.facts import Event, Source
from pocket_agent.profile.redaction import Scope, Value, value_of
from pocket_agent.profile.values import key

WORDLESS = (PROFILE_ID, HEARSAY)
"""Settings that hold no words of anybody's, but ids and hashes."""
_ROWS = "SELECT n, id, session, role, speaker, text, at, status FROM turns ORDER BY session, n"
_TITLES = "SELECT id, title, started FROM sessions"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants forgotten. Exactly one is given, of a span one end or both.

    Args:
        slot, value: a fact. keep_turns: leave its words in the turns, and forget the fact alone.
        turn: id of a turn. session: id of a conversation.
        turns, facts: what was chosen of a topic: ids of turns, and slots and values of facts.
        matching: whatever holds these words, in any case. substring: inside of words too.
        keep_replies: leave replies elsewhere that repeat a turn that goes.
        since, until: what was said or learnt from the one moment up to before the other.
        everything: the whole profile.
    """

    slot: str = ""
    value: str = ""
    keep_turns: bool = False
    turn: str = ""
    session: str = ""
    turns: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    matching: str = ""
    substring: bool = False
    keep_replies: bool = False
    since: datetime | None = None
    until: datetime | None = None
    everything: bool = False

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """The facts that are named, each by its slot and value."""
        return ((self.slot, self.value),) if self.value else self.facts

    def holds_moment(self, at: str) -> bool:
        """Whether `at` lies in the span; what is no date never does."""
        then = moment(at)
        if then is None or (self.since is None and self.until is None):
            return False
        after = self.since is None or then >= self.since
        return after and (self.until is None or then < self.until)


@dataclass(frozen=True, slots=True)
class Row:
    """A turn as it is weighed."""

    n: int
    id: str
    session: str
    role: str
    speaker: str
    text: str
    at: str
    status: str


@dataclass(frozen=True, slots=True)
class Targets:
    """Everything that goes or changes, facts and events aside, which follow from the scope.

    Args:
        gone: turns to delete. echoes: those of them that are replies elsewhere which repeat the
            others. covered: row numbers of turns that stay, and their text without
            the words. touched: row numbers of turns that stay, whose neighbour goes or changes.
        behind: those of them that come right after, whose vectors know it.
        sessions: ids of conversations that go. titles: new titles of those that stay.
        meta: settings of the file with what they are to hold; None deletes one.
        scope: what goes from the log.
    """

    gone: tuple[Row, ...] = ()
    echoes: tuple[Row, ...] = ()
    covered: dict[int, str] = field(default_factory=dict)
    touched: frozenset[int] = frozenset()
    behind: frozenset[int] = frozenset()
    sessions: frozenset[str] = frozenset()
    titles: dict[str, str] = field(default_factory=dict)
    meta: dict[str, str | None] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)


def find_targets(connection: Any, events: Sequence[Event], wish: Wish) -> Targets:
    """All that a wish means for this store.

    Raises:
        StoreError: there is no such turn or session, or a reply that is still written would go.
    """
    rows = [Row(*row) for row in connection.execute(_ROWS)]
    titles = {name: (title, started) for name, title, started in connection.execute(_TITLES)}
    if not wish.values:
        return _of_turns(connection, rows, titles, events, wish)
    of_facts = _of_facts(connection, rows, titles, events, wish)
    if not wish.turns:
        return of_facts
    return _together(_of_turns(connection, rows, titles, events, wish), of_facts)


def _of_turns(
    connection: Any,
    rows: Sequence[Row],
    titles: dict[str, tuple[str, str]],
    events: Sequence[Event],
    wish: Wish,
) -> Targets:
    needle = Needle(wish.matching, substring=wish.substring)
    parents = branches.parents(connection, ((row.session, row.id) for row in rows))
    named = _with_replies(rows, _chosen(rows, wish, needle), parents)
    echoes: set[int] = set()
    if not wish.keep_replies:
        echoes = find_echoes(connection, rows, named, events)
    chosen = _with_replies(rows, named | echoes, parents)
    _check(rows, titles, chosen, wish)
    gone = tuple(row for row in rows if row.n in chosen)
    kept = {row.session for row in rows if row.n not in chosen}
    emptied = {row.session for row in gone} - kept
    sessions = frozenset(emptied | ({wish.session} if wish.session else set()))
    holds = needle.within if needle else _holds_nothing
    return Targets(
        gone=gone,
        echoes=tuple(row for row in gone if row.n not in named),
        touched=_touched(rows, chosen),
        behind=_behind(rows, chosen),
        sessions=sessions,
        titles=_retitled(titles, gone, sessions, holds, wish),
        meta=_without(connection, holds),
        scope=Scope(
            turns=frozenset(row.id for row in gone),
            asked=_asked(rows, chosen, parents),
            seqs=frozenset(event.seq for event in events if wish.holds_moment(event.at)),
            holds=holds,
        ),
    )


def targets_by_name(
    connection: Any,
    gone: Set[str],
    covered: Mapping[str, str],
    titles: Mapping[str, str],
) -> Targets:
    """What another store has erased, of this one; the log aside.

    Args:
        gone: ids of turns. covered: new texts of turns by id. titles: new titles by session.

    A conversation that has lost its last turn goes too.
    """
    rows = [Row(*row) for row in connection.execute(_ROWS)]
    chosen = {row.n for row in rows if row.id in gone}
    texts = {row.n: covered[row.id] for row in rows if row.id in covered and row.n not in chosen}
    emptied = {row.session for row in rows if row.n in chosen}
    emptied -= {row.session for row in rows if row.n not in chosen}
    near = {*chosen, *texts}
    return Targets(
        gone=tuple(row for row in rows if row.n in chosen),
        covered=texts,
        touched=_touched(rows, near),
        behind=_behind(rows, near),
        sessions=frozenset(emptied),
        titles={name: title for name, title in titles.items() if name not in emptied},
    )


def _chosen(rows: Iterable[Row], wish: Wish, needle: Needle) -> set[int]:
    named = {wish.turn, *wish.turns}

    def goes(row: Row) -> bool:
        if needle:
            return needle.within(row.text) or needle.within(row.speaker)
        return row.id in named or row.session == wish.session or wish.holds_moment(row.at)

    return {row.n for row in rows if goes(row)}


def _with_replies(rows: Sequence[Row], chosen: set[int], parents: dict[str, str]) -> set[int]:
    """With a turn of the person's go its replies, which are likely to repeat it.

    With a reply that ended early goes what it went on with.
    """
    known = {row.id: row for row in rows}
    found = set(chosen)
    for row in rows:
        before = known.get(parents[row.id])
        if before is None or before.n not in found or row.role != "assistant":
            continue
        if before.role == "user" or before.status in UNFINISHED:
            found.add(row.n)
    return found


def _asked(rows: Sequence[Row], chosen: set[int], parents: dict[str, str]) -> frozenset[str]:
    """The turns that may answer one that goes."""
    known = {row.id: row.n for row in rows}
    behind = {row.id for before, row in _neighbours(rows) if before.n in chosen}
    return frozenset(behind | {name for name in known if known.get(parents[name]) in chosen})


def _check(rows: Iterable[Row], titles: dict[str, Any], chosen: set[int], wish: Wish) -> None:
    missing = {wish.turn, *wish.turns} - {"", *(row.id for row in rows)}
    if missing:
        raise StoreError(f"There is no turn {min(missing)}", "`memory search --json` shows ids.")
    if wish.session and wish.session not in titles:
        raise StoreError(f"There is no session {wish.session}", "`memory search --json` shows ids.")
    if any(row.status == "open" for row in rows if row.n in chosen):
        raise StoreError("A reply is still being written", "Stop it first, or wait for its end.")


def _neighbours(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    return [(one, other) for one, other in pairwise(rows) if one.session == other.session]


def _touched(rows: Sequence[Row], chosen: set[int]) -> frozenset[int]:
    both = [(a.n, b.n) for a, b in _neighbours(rows) if a.n in chosen or b.n in chosen]
    return frozenset(n for pair in both for n in pair if n not in chosen)


def _behind(rows: Sequence[Row], chosen: set[int]) -> frozenset[int]:
    pairs = _neighbours(rows)
    return frozenset(b.n for a, b in pairs if a.n in chosen and b.n not in chosen)


def _retitled(
    titles: dict[str, tuple[str, str]],
    gone: Iterable[Row],
    sessions: frozenset[str],
    holds: Callable[[str], bool],
    wish: Wish,
) -> dict[str, str]:
    """Titles that hold what goes, or are made of the first words of a turn that goes."""
    said = [(row.session, row.text) for row in gone]
    lost = {name for name, (title, _) in titles.items() if title and holds(title)}
    lost |= {
        session
        for session, text in said
        if (title := Needle(titles[session][0], substring=True)) and title.within(text)
    }
    lost |= {name for name, (title, began) in titles.items() if title and wish.holds_moment(began)}
    return dict.fromkeys(lost - sessions, "")


def _together(of_turns: Targets, of_facts: Targets) -> Targets:
    """What goes where both turns and facts were chosen."""
    lost = {row.n for row in of_turns.gone}
    titles = {**of_facts.titles, **of_turns.titles}
    scope = of_facts.scope
    return replace(
        of_turns,
        covered={n: text for n, text in of_facts.covered.items() if n not in lost},
        touched=(of_turns.touched | of_facts.touched) - lost,
        behind=(of_turns.behind | of_facts.behind) - lost,
        titles={name: new for name, new in titles.items() if name not in of_turns.sessions},
        meta={**of_turns.meta, **of_facts.meta},
        scope=replace(of_turns.scope, values=scope.values, cover=scope.cover),
    )


def _of_facts(
    connection: Any,
    rows: Sequence[Row],
    titles: dict[str, tuple[str, str]],
    events: Sequence[Event],
    wish: Wish,
) -> Targets:
    """Facts: their words become illegible in the turns, but where another fact needs them."""
    values = _with_refiled(frozenset(value_of(*each) for each in wish.values), events)
    said = [(value_of(e.op.slot, e.op.value), e.op.value, e) for e in events]
    named = [value for _, value in wish.values]
    cover = Cover([*named, *(raw for other, raw, _ in said if other in values)])
    if wish.keep_turns:
        return Targets(scope=Scope(values=values))
    needing = [
        event.source.turn
        for other, raw, event in said
        if other not in values and event.source is not None and raw and cover.within(raw)
    ]
    needed = frozenset(needing)

    def covered(source: Source) -> Source:
        if source.turn in needed:
            return source
        return replace(source, quote=cover(source.quote), question=cover(source.question))

    texts = {
        row.n: cover(row.text)
        for row in rows
        if row.id not in needed and row.status != "open" and cover.within(row.text)
    }
    changed = set(texts)
    pairs = [(a.n, b.n) for a, b in _neighbours(rows) if a.n in changed or b.n in changed]
    return Targets(
        covered=texts,
        touched=frozenset(n for pair in pairs for n in pair),
        behind=frozenset(b for a, b in pairs if a in changed),
        titles={name: cover(title) for name, (title, _) in titles.items() if cover.within(title)},
        meta=_without(connection, cover.within),
        scope=Scope(values=values, cover=covered),
    )


def _with_refiled(values: frozenset[Value], events: Sequence[Event]) -> frozenset[Value]:
    """With what the same words were filed under before a hand put them elsewhere, or after it."""
    known = {event.id: event.op for event in events}
    pairs = [
        {value_of(event.op.slot, event.op.value), value_of(old.slot, old.value)}
        for event in events
        if refiles(event.op) and (old := known.get(event.op.fact)) is not None
        if key(old.value) == key(event.op.value)
    ]
    found = values
    while more := frozenset[Value]().union(*(p for p in pairs if p & found)) - found:
        found |= more
    return found


def _without(connection: Any, holds: Callable[[str], bool]) -> dict[str, str | None]:
    """Settings without what goes: of a list (messages that wait) the items that hold it."""
    found: dict[str, str | None] = {}
    for name, text in connection.execute("SELECT key, value FROM meta"):
        if name.startswith("forget.") or name in WORDLESS:
            continue
        items = _items(text)
        if items is not None:
            left = [item for item in items if not holds(item)]
            if left != items:
                found[name] = json.dumps(left)
        elif holds(text):
            found[name] = None
    return found


def _items(text: str) -> list[str] | None:
    try:
        held = json.loads(text)
    except ValueError:
        return None
    return [str(item) for item in held] if isinstance(held, list) else None


def _holds_nothing(_text: str) -> bool:
    return False
