"""Which model answers: those here and those that can be pulled, what fits, how fast it would be."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.fitting import Fit, Memory
from pocket_agent.llm.offers import Offer
from pocket_agent.tui.backend import Backend
from pocket_agent.tui.model_room import Pull
from pocket_agent.tui.prose_layout import indented
from pocket_agent.tui.safe_text import one_line
from pocket_agent.tui.screens.listing import MARGIN, Listing

_FIT = {
    Fit.FITS: "fits",
    Fit.TIGHT: "tight: close other programs first",
    Fit.TOO_BIG: "too big for this computer",
}


class ModelsScreen(Listing[Offer]):
    """Choose a model. Answers its name, or None.

    Args:
        pull: what is being pulled; it goes on when the screen is left.
        quiet: whether nothing else is under way, so that the computer's speed can be measured.

    Attributes:
        for_learning: the model that was chosen is to learn, rather than to answer.
    """

    CSS_PATH = "models.tcss"
    TITLE = "Models"
    KEYS = "Enter answer with it · l learn with it · p pull · c stop pulling · / filter · Esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "answer with it"),
        Binding("l", "learn", "learn with it from what you say"),
        Binding("p", "pull", "pull it from the hub (uses the network)"),
        Binding("c", "cancel", "stop pulling; what came so far stays"),
        Binding("slash", "filter", "show only what contains a word", key_display="/"),
        Binding("escape", "back", "back", priority=True),
    ]

    def __init__(self, backend: Backend, pull: Pull, *, quiet: bool = True) -> None:
        super().__init__(backend, "models")
        self._pull, self._quiet = pull, quiet
        self._offers: Sequence[Offer] = ()
        self._memory: Memory | None = None
        self._pulled = ""
        self.for_learning = False

    def heading(self) -> str:
        return "Models"

    def on_mount(self) -> None:
        self._pull.watcher = self._pull_moved
        self._load()

    def on_unmount(self) -> None:
        self._pull.watcher = lambda: None

    def on_resize(self) -> None:
        self._paint()

    @work(group="models", exclusive=True)
    async def _load(self) -> None:
        try:
            await self._show_offers()
            if self._quiet and not self._pull.running:
                self._say("measuring how fast this computer is (once)…")
                news = await self._backend.models.measure()
                self._tell_memory()
                if news:
                    await self._show_offers()
        except PocketAgentError as error:
            self._say(f"✗ {error}")

    async def _show_offers(self) -> None:
        self._offers, self._memory = await self._backend.models.offers()
        self._tell_memory()
        self._paint()

    def _tell_memory(self) -> None:
        if self._pull.running:
            self._say(self._pull.line)
        elif self._memory is not None:
            free, total = self._memory.available / 1e9, self._memory.total / 1e9
            self._say(f"{free:.1f} of {total:.1f} GB of memory are free")

    def _pull_moved(self) -> None:
        if self._pull.running:
            self._say(self._pull.line)
        else:
            self._load()

    def _paint(self) -> None:
        at, needle = self._chosen_id(), self._needle.casefold()
        shown = [offer for offer in self._offers if needle in offer.name]
        here = [self._option(offer) for offer in shown if offer.here]
        others = [self._option(offer) for offer in shown if not offer.here]
        rows = [*_under("ON THIS COMPUTER", here), *_under("TO PULL", others)]
        self._list.set_options(rows or [Option("There is none.", disabled=True)])
        ids = [row.id for row in rows]
        running = next((offer.name for offer in shown if offer.chosen), "")
        wanted = at if at in ids else running
        if ids:
            self._list.highlighted = ids.index(wanted) if wanted in ids else 1

    def _option(self, offer: Offer) -> Option:
        now = " · answers now" if offer.chosen else ""
        now += " · learns from what you say" if offer.learns else ""
        row = Content.assemble(
            (one_line(offer.name, 80), "bold"),
            now,
            "\n",
            indented(Content(_told(offer)), self.size.width - MARGIN, 2),
        )
        return Option(row, id=offer.name)

    @on(OptionList.OptionSelected)
    def _selected(self, _event: OptionList.OptionSelected) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        self._choose(learning=False)

    def action_learn(self) -> None:
        self._choose(learning=True)

    def _choose(self, *, learning: bool) -> None:
        offer = self._chosen()
        if offer is None:
            return
        if offer.broken:
            self._say(f"✗ {offer.broken}")
        elif offer.here:
            self.for_learning = learning
            self.dismiss(offer.name)
        else:
            size = f"{offer.size / 1e6:,.0f} MB"
            self._say(f"{offer.name} is not here: p pulls it ({size}, over the network)")

    def action_pull(self) -> None:
        offer = self._chosen()
        if offer is None or offer.here:
            self._say("That one is here already.")
        elif self._pull.running:
            self._say("One at a time: c stops the other.")
        else:
            self._pull.start(offer.name)

    def action_cancel(self) -> None:
        self._pull.cancel()

    def action_filter(self) -> None:
        self._editing = None
        self._open_field("show only names that contain…", self._needle)

    def refilter(self) -> None:
        self._paint()

    def _chosen(self) -> Offer | None:
        wanted = self._chosen_id()
        return next((offer for offer in self._offers if offer.name == wanted), None)


def _under(heading: str, rows: list[Option]) -> list[Option]:
    return [Option(heading, disabled=True), *rows] if rows else []


def _told(offer: Offer) -> str:
    """What there is to say of a model, on one line."""
    if offer.broken:
        return f"✗ {one_line(offer.broken)}"
    speed = f"about {offer.tokens_s:.0f} tokens/s" if offer.tokens_s >= 1 else ""
    slow = "less than a token a second" if 0 < offer.tokens_s < 1 else ""
    known = offer.known
    parts = (
        f"{offer.size / 1e6:,.0f} MB",
        f"takes {offer.need / 1e9:.1f} GB",
        _FIT.get(offer.fit, ""),
        speed or slow,
        known.licence if known else "",
        known.about if known else "",
    )
    return " · ".join(part for part in parts if part)
