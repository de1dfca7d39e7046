"""The facts of a scripted backend: what is known, where it was said, and changes by hand."""

from collections.abc import Sequence

from tui_samples import AT, fact

from pocket_agent.assistant.phrases import label
from pocket_agent.errors import UsageError
from pocket_agent.memory.records import Drawn, Turn
from pocket_agent.profile.facts import Fact
from pocket_agent.tui.backend import Answered, Change, SourceRow
from pocket_agent.tui.factsheet import origin


class ScriptedFacts:
    """The part of a `ScriptedBackend` about facts; `changes` notes what it is asked to do."""

    changes: list[tuple[str, ...]]
    imports: int
    _facts: list[Fact]
    _turns: list[Turn]
    _recalls: Sequence[Turn]

    async def sources(self, drawn: Drawn) -> list[SourceRow]:
        held = {f.id: f for f in self._facts}
        facts = [SourceRow(label(held[f]), origin(held[f]), fact=f) for f in drawn.facts]
        told = {t.id: t for t in (*self._turns, *self._recalls)}
        return [
            *facts,
            *(SourceRow(told[t].text, "you", session=told[t].session, turn=t) for t in drawn.turns),
        ]

    async def said_at(self, fact: str, back: int = 0) -> SourceRow | None:
        held = next(f for f in self._facts if f.id == fact)
        if not held.sources:
            return None
        return SourceRow("Question 0?", "you", session="s1", turn=held.sources[0].turn)

    async def history(self, fact: str) -> list[Change]:
        return [
            Change(AT, "policy", "add home: Leeds", "I live in [b]Leeds[/b]", undone=True),
            Change(AT, "user", "update home: Leeds > Porto"),
        ]

    async def facts_at(self, day: str) -> list[Fact]:
        if not day.startswith("20"):
            raise UsageError(f"{day!r} is no date", "Write 2026-11-03.")
        return [fact("old", "home", "Leeds", "I live in Leeds")]

    async def add_fact(self, text: str) -> str:
        self.changes.append(("add", text))
        return f"remembered: {text}"

    async def facts(self) -> list[Fact]:
        return self._facts

    async def edit_fact(self, fact: str, value: str) -> str:
        self.changes.append(("edit", fact, value))
        return f"remembered: {value}"

    async def remove_fact(self, fact: str) -> str:
        self.changes.append(("remove", fact))
        gone = next(f for f in self._facts if f.id == fact)
        self._facts.remove(gone)
        return f"forgot: {gone.slot} · {gone.value}"

    async def lock_fact(self, fact: str, locked: bool) -> str:
        self.changes.append(("lock" if locked else "unlock", fact))
        return "locked" if locked else "unlocked"

    async def pin_fact(self, fact: str, pinned: bool) -> str:
        self.changes.append(("pin" if pinned else "unpin", fact))
        return "pinned" if pinned else "unpinned"

    async def answer_fact(self, fact: str, yes: bool) -> Answered:
        self.changes.append(("confirm" if yes else "reject", fact))
        return Answered(900, f"{'remembered' if yes else 'left out'}: hobby · pottery")

    async def answer_imports(self, yes: bool) -> Answered:
        self.changes.append(("confirm" if yes else "reject", "imports"))
        return Answered(901, f"{'remembered' if yes else 'left out'}: 2 imported facts")

    async def unseen_imports(self) -> int:
        return self.imports
