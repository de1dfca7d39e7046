"""Search, archive and export of a scripted backend."""

from typing import TYPE_CHECKING

from pocket_agent.errors import PortableError
from pocket_agent.memory.records import Session
from pocket_agent.tui.library import Hit, Hits

if TYPE_CHECKING:
    from scripted import ScriptedBackend


class ScriptedLibrary:
    """Finds what holds the very words, and notes what it is asked to do."""

    def __init__(self, backend: "ScriptedBackend") -> None:
        self._backend = backend
        self.put_away: list[Session] = []
        self.exported: list[tuple[str, str]] = []
        self.by_meaning = True
        self.messages_said: list[str] = []

    async def search(self, query: str) -> Hits:
        found = [t for t in self._backend._turns if query.casefold() in t.text.casefold()]
        titles = {s.id: s.title for s in self._backend.all_sessions}
        hits = [Hit(t.session, t.id, t.text, titles[t.session], "you, 3 Nov") for t in found]
        return Hits(tuple(hits[:30]), self.by_meaning)

    async def messages(self, limit: int) -> list[str]:
        return self.messages_said[-limit:]

    async def archived(self, limit: int, offset: int = 0) -> list[Session]:
        return self.put_away[offset : offset + limit]

    async def archive(self, session: str, archived: bool) -> None:
        here, there = self._backend.all_sessions, self.put_away
        source, target = (here, there) if archived else (there, here)
        target += [s for s in source if s.id == session]
        source[:] = [s for s in source if s.id != session]

    async def export(self, session: str, file: str) -> str:
        self.exported.append((session, file))
        if file.endswith("/"):
            raise PortableError(f"{file} is a folder", "Name a file in it.")
        return f"exported 2 turns to {file}"

    def check_writes(self) -> None:
        pass

    async def export_all(self, file: str, passphrase: str = "") -> str:
        self.exported.append((passphrase, file))
        return f"exported all of it to {file}"

    async def take_in(self, file: str) -> tuple[str, str]:
        if file == "none.json":
            raise PortableError("none.json can't be read", "Is there such a file?")
        return "s1", "imported 2 turns of 'Bees'"
