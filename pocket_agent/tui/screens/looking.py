"""Ways to what was said: from a reply to what it was made from, and by search."""

from typing import TYPE_CHECKING, cast

from textual import on, work

from pocket_agent.tui.backend import SourceRow
from pocket_agent.tui.conversation import Said, Sources
from pocket_agent.tui.dialogue import Dialogue
from pocket_agent.tui.screens.frame import Frame
from pocket_agent.tui.widgets.entries import SourcesLine

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp


class Looking(Frame):
    """The part of the chat that shows what its replies were made from, and searches."""

    dialogue: Dialogue
    _looked: tuple[str, int] = ("", 0)

    def looks_back(self, fact: str) -> int:
        """How often the words of a fact were gone to before, one after the other."""
        named, times = self._looked
        self._looked = (fact, times + 1 if named == fact else 0)
        return self._looked[1]

    def is_open(self) -> bool:
        """Whether the profile is open; says so if it isn't."""
        raise NotImplementedError

    async def show_turn(self, said: Said) -> None:
        """Scroll to a turn of this conversation."""
        raise NotImplementedError

    @on(SourcesLine.LookWanted)
    def _look(self, message: SourcesLine.LookWanted) -> None:
        self._show_sources(message.sources)

    def action_sources(self) -> None:
        sources = self.dialogue.conversation.last_sources()
        if sources is None:
            self.tell("The last reply was made from no fact and no past turn.")
        elif self.is_open():
            self._show_sources(sources)

    @work(group="sources", exclusive=True)
    async def _show_sources(self, sources: Sources) -> None:
        from pocket_agent.tui.screens.sources import choose_source

        backend = self.dialogue.backend
        await self.dialogue.attempt(
            choose_source(cast("PocketApp", self.app), backend, sources.drawn, self.go_to)
        )

    async def go_to(self, row: SourceRow) -> None:
        """A fact on the profile screen, or a past turn where it was said."""
        if row.fact:
            from pocket_agent.tui.screens.profile import ProfileScreen

            self.app.push_screen(ProfileScreen(self.dialogue.backend, row.fact))
        else:
            await self._go_to_turn(row.session, row.turn)

    async def _go_to_turn(self, session: str, turn: str) -> None:
        """Show a turn where it was said."""
        if said := await self.dialogue.find(session, turn):
            await self.show_turn(said)

    @work(group="sources", exclusive=True)
    async def go_to_turn(self, session: str, turn: str) -> None:
        """Show a turn where it was said, as soon as may be."""
        await self.dialogue.attempt(self._go_to_turn(session, turn))

    def action_find(self, argument: str = "") -> None:
        # At once, so that what is typed next goes to its field.
        if self.is_open():
            from pocket_agent.tui.screens.search import SearchScreen

            screen = SearchScreen(self.dialogue.backend.library, argument)

            def found(chosen: str | None) -> None:
                if chosen is not None:
                    hit = screen.found.hits[int(chosen)]
                    self.go_to_turn(hit.session, hit.turn)

            self.app.push_screen(screen, found)
