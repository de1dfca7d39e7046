"""A profile that is changed in place; what is asked of it at every event is looked up, not sought.

A replay makes one profile after another and keeps the last alone. Copying each would make a long
log quadratic.
"""

from collections.abc import Iterable

from pocket_agent.profile.facts import Fact, FactState, Profile
from pocket_agent.profile.values import key

_INDEXED = (FactState.ACTIVE, FactState.CANDIDATE)


class Draft(Profile):
    """As `Profile`, but `with_facts` and `with_alias` change it and return it.

    What was changed since `keep` can be taken back.
    """

    __slots__ = ("_aliased", "_changed", "_live", "_places", "_saying")

    def __init__(self) -> None:
        super().__init__({}, {})
        fields: dict[str, object] = {
            "_aliased": [],  # names since `keep`
            "_changed": {},  # facts as they were at `keep`; None where there was none
            "_live": {},  # ids by state and slot
            "_places": {},  # the place of each fact among all
            "_saying": {},  # ids by what the facts say
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    _aliased: list[str]
    _changed: dict[str, Fact | None]
    _live: dict[tuple[FactState, str], set[str]]
    _places: dict[str, int]
    _saying: dict[tuple[str, str], list[str]]

    def done(self) -> Profile:
        """The profile as it now is. The draft is not to be changed any more."""
        return Profile(self.facts, self.aliases)

    def keep(self) -> None:
        """Let what was changed stand."""
        self._changed.clear()
        self._aliased.clear()

    def take_back(self) -> None:
        """Undo what was changed since `keep`."""
        for name, old in reversed(self._changed.items()):
            self._index(self.facts[name], old)
            if old is None:
                self._saying[_words(self.facts[name])].remove(name)
                del self.facts[name], self._places[name]
            else:
                self.facts[name] = old
        for name in self._aliased:
            del self.aliases[name]
        self.keep()

    def changed(self) -> list[tuple[Fact | None, Fact]]:
        """The facts that were changed since `keep`, before and now, in the order of the facts."""
        names = sorted(self._changed, key=self._places.__getitem__)
        return [(self._changed[name], self.facts[name]) for name in names]

    def with_facts(self, changed: Iterable[Fact]) -> "Draft":
        for fact in changed:
            old = self.facts.get(fact.id)
            self._changed.setdefault(fact.id, old)
            if old is None:
                self._places[fact.id] = len(self._places)
                self._saying.setdefault(_words(fact), []).append(fact.id)
            self._index(old, fact)
            self.facts[fact.id] = fact
        return self

    def with_alias(self, name: str, fact: str) -> "Draft":
        if name not in self.aliases:
            self._aliased.append(name)
        self.aliases[name] = fact
        return self

    def saying(self, slot: str, value: str) -> list[Fact]:
        return [self.facts[name] for name in self._saying.get((slot, key(value)), ())]

    def _select(self, state: FactState, slot: str | None) -> list[Fact]:
        if slot is None or state not in _INDEXED:
            return super()._select(state, slot)
        names = sorted(self._live.get((state, slot), ()), key=self._places.__getitem__)
        return [self.facts[name] for name in names]

    def _index(self, old: Fact | None, new: Fact | None) -> None:
        if old is not None and old.state in _INDEXED:
            self._live[old.state, old.slot].discard(old.id)
        if new is not None and new.state in _INDEXED:
            self._live.setdefault((new.state, new.slot), set()).add(new.id)


def _words(fact: Fact) -> tuple[str, str]:
    return fact.slot, key(fact.value)
