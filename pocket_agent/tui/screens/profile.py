"""What is remembered: facts under headings, each with the words it rests on; edit, delete, undo."""

from collections.abc import Coroutine, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from pocket_agent.errors import PocketAgentError
from pocket_agent.memory.erasure import Wish
from pocket_agent.profile.edits import is_waiting
from pocket_agent.profile.facts import Actor, Fact, FactState
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.factsheet import Section, marks, origin, polarity_words, sections
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.safe_text import one_line, printable
from pocket_agent.tui.screens.confirm import YES, Asked, ConfirmScreen, forget_asking
from pocket_agent.tui.screens.listing import MARGIN, Listing
from pocket_agent.tui.status import NARROW
from pocket_agent.tui.widgets.bars import Heading

if TYPE_CHECKING:
    from pocket_agent.tui.app import PocketApp

_EMPTY = "Nothing is remembered yet. What you tell about yourself in the chat comes here."
_SLOT = 12
_CHANGES = ("edit", "add", "remove", "undo", "lock", "pin", "answer", "answer_imports", "forget")


class _Wish(Enum):
    """What the field is open for, where it is no fact that is edited."""

    ADD = "a new fact, as food: ramen or avoid food: olives"
    DATE = "as it was on a day: 2026-11-03"


class ProfileScreen(Listing[Fact | _Wish]):
    """See and change what is remembered.

    Args:
        at: id of the fact to begin with.
    """

    CSS_PATH = "profile.tcss"
    TITLE = "Profile"
    KEYS = (
        "e edit · a add · d delete · u undo · l lock · p pin · y yes · n no · Y N all imported · "
        "x forget · "
        "w words · h history · t date · / filter · Esc back"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e,enter", "edit", "edit the value"),
        Binding("a,plus", "add", "add a fact by hand: food: ramen"),
        Binding(
            "w,g", "words", "go to your words: the turn that a fact rests on; again, the one before"
        ),
        Binding("h", "history", "everything that became of a fact"),
        Binding("t", "date", "the profile as it was on a day"),
        Binding("d,delete", "remove", "delete (undo brings it back)"),
        Binding("u,ctrl+u", "undo", "undo the last change"),
        Binding("l", "lock", "lock or unlock: only you change a locked fact"),
        Binding("p", "pin", "pin or unpin: the model is always told a pinned fact"),
        Binding("y,c", "answer(True)", "say yes to what waits"),
        Binding("n", "answer(False)", "say no to what waits: it is not asked again"),
        Binding("Y", "answer_imports(True)", "say yes to all that was imported and waits (asks)"),
        Binding("N", "answer_imports(False)", "say no to all of it (asks)"),
        Binding("x", "forget", "forget for good, in the conversations too (asks)"),
        Binding("slash", "filter", "show only what contains a word", key_display="/"),
        Binding("escape", "back", "back", priority=True),
    ]

    def __init__(self, backend: Backend, at: str = "") -> None:
        super().__init__(backend, "facts")
        self._wanted = at
        self._facts: dict[str, Fact] = {}
        self._day = ""  # the day whose profile is shown; empty for now

    def heading(self) -> str:
        then = f" · as it was on {one_line(self._day)}" if self._day else ""
        return f"Profile · {self._backend.profile_name}{then}"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self._day and action in _CHANGES:
            return False  # the past is to be looked at
        return super().check_action(action, parameters)

    def on_mount(self) -> None:
        self._reload()

    def on_resize(self) -> None:
        self._paint()

    @work(group="facts", exclusive=True)
    async def _reload(self) -> None:
        try:
            day = self._day
            facts = await (self._backend.facts_at(day) if day else self._backend.facts())
        except PocketAgentError as error:
            self._day = ""
            self._say(str(error))
            return
        self.query_one(Heading).show(self.heading())
        self._facts = {fact.id: fact for fact in facts}
        self._paint()

    def _paint(self) -> None:
        """Show the facts that match, keeping the cursor on the fact it was on."""
        chosen = self._chosen()
        at = self._list.highlighted
        shown = sections(self._facts.values(), self._needle)
        width = self.size.width - MARGIN
        options = [option for section in shown for option in _options(section, width)]
        self._list.set_options(options or [Option(self._nothing(), disabled=True)])
        self._highlight(options, self._wanted or (chosen.id if chosen else ""), at)
        if self._facts:
            self._wanted = ""

    def _highlight(self, options: list[Option], fact: str, at: int | None) -> None:
        ids = [option.id for option in options]
        enabled = [number for number, option in enumerate(options) if not option.disabled]
        if fact in ids:
            self._list.highlighted = ids.index(fact)
        elif enabled:
            wanted = at or 0
            self._list.highlighted = min(enabled, key=lambda number: abs(number - wanted))

    def _nothing(self) -> str:
        return f"Nothing contains “{one_line(self._needle)}”." if self._needle else _EMPTY

    def _chosen(self) -> Fact | None:
        return self._facts.get(self._chosen_id())

    def action_back(self) -> None:
        if self._day and not (self._field.has_focus or self._needle):
            self._day = ""
            self._say("")
            self._reload()
            return
        super().action_back()

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.action_edit()

    def action_edit(self) -> None:
        fact = self._chosen()
        if fact is not None and fact.state is not FactState.DOUBT and not self._day:
            self._editing = fact
            hint = f"new value of {fact.slot}, or slot: value"
            self._open_field(hint, printable(fact.value))

    def action_filter(self) -> None:
        self._editing = None
        self._open_field("show only what contains…", self._needle)

    def refilter(self) -> None:
        self._paint()

    def action_add(self) -> None:
        self._editing = _Wish.ADD
        self._open_field(_Wish.ADD.value, "")

    def action_date(self) -> None:
        self._editing = _Wish.DATE
        self._open_field(_Wish.DATE.value, self._day)

    @work(group="look", exclusive=True)
    async def action_words(self) -> None:
        """Leave for the turn that the fact rests on."""
        fact = self._chosen()
        if fact is None:
            return
        chat = cast("PocketApp", self.app).chat
        try:
            row = await self._backend.said_at(fact.id, chat.looks_back(fact.id))
        except PocketAgentError as error:
            self._say(str(error))
            return
        if row is None:
            self._say("It rests on no turn that is here.")
            return
        self.dismiss(None)
        if " of " in row.about:
            chat.tell(f"{row.about}; w on the fact again goes to the one before")
        chat.run_worker(chat.dialogue.attempt(chat.go_to(row)), group="sources", exclusive=True)

    @work(group="look", exclusive=True)
    async def action_history(self) -> None:
        from pocket_agent.tui.screens.history import HistoryScreen

        if fact := self._chosen():
            try:
                changes = await self._backend.history(fact.id)
            except PocketAgentError as error:
                self._say(str(error))
                return
            self.app.push_screen(HistoryScreen(f"{fact.slot} · {fact.value}", changes))

    def edited(self, item: Fact | _Wish, value: str) -> None:
        if item is _Wish.ADD:
            self._change(self._backend.add_fact(value))
        elif item is _Wish.DATE:
            self._day = value
            self._reload()
        elif isinstance(item, Fact) and value != item.value:
            self._change(self._backend.edit_fact(item.id, value))

    def action_remove(self) -> None:
        if fact := self._chosen():
            waits = is_waiting(fact)
            gone = self._answer(fact, False) if waits else self._backend.remove_fact(fact.id)
            self._change(gone)

    def action_undo(self) -> None:
        self._change(self._backend.undo())

    def action_lock(self) -> None:
        if (fact := self._chosen()) and fact.state is not FactState.DOUBT:
            self._change(self._backend.lock_fact(fact.id, not fact.locked))

    def action_pin(self) -> None:
        if (fact := self._chosen()) and fact.state is not FactState.DOUBT:
            self._change(self._backend.pin_fact(fact.id, not fact.pinned))

    @work(group="change")
    async def action_forget(self) -> None:
        if fact := self._chosen():
            wish = Wish(slot=fact.slot, value=fact.value)
            self._say(await forget_asking(cast("PocketApp", self.app), self._backend, wish))
            self._reload()

    def action_answer(self, yes: bool) -> None:
        fact = self._chosen()
        if fact is not None and is_waiting(fact):
            self._change(self._answer(fact, yes))

    @work(group="change")
    async def action_answer_imports(self, yes: bool) -> None:
        waits = [f for f in self._facts.values() if is_waiting(f) and f.actor is Actor.IMPORT]
        if not waits:
            self._say("Nothing that was imported waits.")
            return
        asked = Asked(
            "All that was imported",
            f"This says {'yes' if yes else 'no'} to {len(waits)}: ",
            "One undo takes it back.",
            f"y say {'yes' if yes else 'no'} to all · Esc leave them waiting",
        )
        lines = [f"{fact.slot} · {fact.value}" for fact in waits]
        screen = ConfirmScreen("facts that wait" if len(waits) > 1 else "fact", lines, asked)
        if await self.app.push_screen_wait(screen) == YES:
            self._change(self._answer_imports(yes))

    async def _answer_imports(self, yes: bool) -> str:
        return (await self._backend.answer_imports(yes)).line

    async def _answer(self, fact: Fact, yes: bool) -> str:
        return (await self._backend.answer_fact(fact.id, yes)).line

    @work(group="change")
    async def _change(self, change: Coroutine[Any, Any, str]) -> None:
        try:
            line = await change
        except PocketAgentError as error:
            self._say(f"✗ {error}")
            return
        self._say(f"{line} · u undo")
        self._reload()


def _options(section: Section, width: int) -> Iterator[Option]:
    yield Option(Content.styled(section.title.upper(), "bold"), disabled=True)
    for fact in section.facts:
        yield Option(_row(fact, width), id=fact.id)


def _row(fact: Fact, width: int) -> Content:
    """A fact: what it says, and under it the words it rests on, laid out for a width."""
    polarity, special = polarity_words(fact), marks(fact)
    said = Content.assemble(
        f"{polarity} " if polarity else "",
        (one_line(fact.value), "bold"),
        (f"   {special}", "italic") if special else "",
    )
    slot = Content.styled(fact.slot, "dim")
    body = indented(said, width, _SLOT)
    why = indented(Content.styled(origin(fact), "dim"), width, _SLOT if width >= NARROW else 2)
    return Content("\n").join([slot + body[slot.cell_length :], why])
