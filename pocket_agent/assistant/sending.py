"""What the model is sent of a conversation: the turns that are still in it, just as they were sent.

`context.assemble` puts one prompt together; this keeps what that takes, from message to message.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pocket_agent.assistant.context import (
    REPLY_TOKENS,
    STYLE_TOTAL,
    TEMPLATE_TOKENS,
    AssembledPrompt,
    Budget,
    Material,
    assemble,
    style_that_fits,
    system_text,
    texts_to_count,
)
from pocket_agent.assistant.events import ContextReady, ContextUse
from pocket_agent.assistant.phrases import Hearsay
from pocket_agent.assistant.relevance import relevant
from pocket_agent.assistant.shown import Note, Shown
from pocket_agent.assistant.summary import Summariser
from pocket_agent.llm.protocol import Engine, Message, Role
from pocket_agent.memory.records import Recalled, Turn
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Fact
from pocket_agent.profile.slots import STYLE

if TYPE_CHECKING:
    from pocket_agent.assistant.assistant import AssistantOptions

Place = tuple[list[Turn], int]
"""Where a conversation stands: the turns that are sent, and how many have left before them."""


class Recall(Protocol):
    """What finds past turns; `memory.recall.Recaller` is one."""

    def embed(self, query: str) -> bytes | None:
        """The query's vector; None where there is none now, or not in time."""

    def recall_vector(
        self,
        query: str,
        vector: bytes | None,
        k: int = 5,
        *,
        exclude_turns: Sequence[str] = (),
    ) -> list[Recalled]:
        """The past turns nearest to the query, best first; without a vector, by words alone."""

    def near_facts(self, vector: bytes) -> dict[str, float]:
        """How near the facts are in meaning: id to cosine."""


@dataclass(frozen=True, slots=True)
class _Query:
    """What a message asks of the profile and of the past.

    Args:
        vector: of its text; None where facts and turns are found by words alone.
        facts: those that bear on it, and wishes of style that are only told.
        crowded: pinned wishes that found no room.
    """

    turn: Turn
    vector: bytes | None
    facts: list[Fact]
    crowded: list[Fact]


class Sending:
    """The model's side of one conversation at a time.

    Args:
        store: the profile's file. engine: counts tokens; whatever makes a prompt needs it loaded.
        recaller: finds past turns, or None. options: how the assistant behaves.
    """

    def __init__(
        self, store: Store, engine: Engine, recaller: Recall | None, options: "AssistantOptions"
    ):
        self._store = store
        self._engine = engine
        self._recaller = recaller
        self._options = options
        self.history: list[Turn] = []
        """The turns that are sent, oldest first, with those said since the last prompt."""
        self.dropped = 0
        """How many turns of the conversation have left before them."""
        self.last: AssembledPrompt | None = None
        """The newest prompt of a reply; None before the first."""
        self.summary = Summariser(engine)
        self._asked = ""
        self._sent: dict[str, str] = {}
        self._notes: dict[str, Note] = {}
        self._style: list[Fact] = []
        self._refused: list[str] = []
        self._sizes: dict[str, int] = {}

    # --- which conversation, and where in it ------------------------------------------------

    def forget(self) -> None:
        """Another conversation comes: nothing of it was sent yet. `take_up` says which turns."""
        self._sent, self._notes, self._refused = {}, {}, []
        self.summary.forget()
        self.take_up(self.history)

    def take_up(self, history: list[Turn], dropped: int = 0) -> None:
        """Go on behind these turns of the conversation, as none was sent since."""
        self.history, self.dropped = history, dropped
        self.last, self._asked = None, ""

    def holds(self, turn: Turn) -> bool:
        """Whether a message is one of this conversation: another may have been taken up since."""
        return turn in self.history

    def place(self) -> Place:
        """Where the conversation stands, for `go_back`."""
        return list(self.history), self.dropped

    def go_back(self, place: Place) -> None:
        """Have the conversation stand where it did: what was sent since doesn't count."""
        self.history, self.dropped = place

    def refuse(self, turn: str) -> None:
        """Never recall a message that was too long to be sent: its shorter version says it all."""
        self._refused.append(turn)

    def model_changed(self) -> None:
        """Another model counts otherwise."""
        self._sizes = {}

    # --- how much it is ---------------------------------------------------------------------

    async def use(self) -> ContextUse | None:
        """How full the context is now, as the next message would find it; None without a model."""
        if self._engine.info is None:
            return None
        prompt = await self._before_next(self._style)
        first = prompt.kept[0].id if prompt.kept else ""
        tokens = prompt.tokens - TEMPLATE_TOKENS - self._size("") if prompt.kept else 0
        return ContextUse(tokens, prompt.limit, prompt.dropped, first)

    async def measure(self, text: str) -> tuple[int, int]:
        """How many tokens a message would be, and how many fit the model, which must be loaded."""
        system = system_text(await self._style_now(), self._options.system)
        await self._count([text, system])
        room = self._budget().prompt - 2 * TEMPLATE_TOKENS
        return self._size(text) if text else 0, room - self._size(system)

    # --- prompts ----------------------------------------------------------------------------

    async def prompt(self, turn: Turn, said: str = "") -> AssembledPrompt:
        """The prompt for a reply; for one that is gone on with, if it fits, the very one it had.

        Args:
            turn: the message it answers, the last of the history. said: what there is of the reply.

        Raises:
            ContextOverflowError: the message alone does not fit the model.
        """
        if not said:
            return await self._assemble(turn)
        await self._count([said])
        last, size = self.last, self._size(said)
        held = last is not None and self._asked == turn.id
        if last and held and last.tokens + size + REPLY_TOKENS // 2 <= last.limit:
            return last
        return await self._assemble(turn, size)

    async def read_ahead(self) -> AssembledPrompt:
        """The prompt as it is before the next message, which is still empty."""
        prompt = await self._before_next(await self._style_now())
        # What leaves the context now must not come back with the next message.
        self.history, self.dropped = list(prompt.kept), prompt.dropped
        return prompt

    def ready(self, turn: Turn, prompt: AssembledPrompt) -> ContextReady:
        """What the model can read now: of the profile, of the past, and how much it all is."""
        noted = Shown([*prompt.kept, turn], self._notes)
        facts = {fact.id: fact for fact in (*self._style, *noted.facts)}
        return ContextReady(
            tuple(facts.values()),
            noted.recalled,
            prompt.tokens,
            prompt.limit,
            prompt.dropped,
            prompt.kept[0].id if prompt.kept else turn.id,
            prompt.summary,
            prompt.left_out,
        )

    async def sum_up(self) -> None:
        """Have a summary ready for the turns that leave next, if it is time for one."""
        if self.last is not None:
            await self.summary.prepare(self.last, self.history)

    # --- inside -----------------------------------------------------------------------------

    def _budget(self) -> Budget:
        assert self._engine.info is not None
        return Budget.share(self._engine.info.chat_tokens)

    async def _before_next(self, style: list[Fact]) -> AssembledPrompt:
        """What an empty message would be sent behind."""
        budget = self._budget()
        system = system_text(style, self._options.system)
        history = tuple(self.history)
        material = Material(system, history, self._sent, text="", dropped=self.dropped)
        await self._count(texts_to_count(material))
        return assemble(material, budget, self._size)

    async def _style_now(self) -> list[Fact]:
        active = (await asyncio.to_thread(self._store.profile)).active()
        return (await self._wishes(active))[0]

    async def _wishes(self, active: list[Fact]) -> tuple[list[Fact], list[Fact]]:
        """What of style goes into the system text, and what is only told."""
        doubted = await asyncio.to_thread(self._store.hearsay)
        style = [fact for fact in active if fact.slot in STYLE]
        own = style_that_fits([fact for fact in style if fact.id not in doubted])
        heard = [Hearsay.of(fact) for fact in style if fact.id in doubted]
        return own, style_that_fits(heard, STYLE_TOTAL // 2)

    async def _assemble(self, turn: Turn, begun: int = 0) -> AssembledPrompt:
        """Put the prompt together; `begun` tokens of its reply are there already."""
        budget = self._budget()
        budget = replace(budget, reply=budget.reply + begun)
        history = self.history if self.holds(turn) else [turn]
        profile = await asyncio.to_thread(self._store.profile)
        active = profile.active() if self._options.profile else []
        query = await self._query(turn, active)
        material = await self._material(query, tuple(history[:-1]), self.dropped)
        prompt = assemble(material, budget, self._size)
        while prompt.kept != material.history:  # what left took its notes along: they are due again
            material = await self._material(query, prompt.kept, prompt.dropped)
            prompt = assemble(material, budget, self._size)
        if self.history is not history:  # another conversation was taken up meanwhile
            return prompt
        self.history, self.dropped = [*prompt.kept, turn], prompt.dropped
        self._sent[turn.id] = prompt.user_text
        self._notes[turn.id] = Note.of(prompt)
        self.last, self._asked = prompt, turn.id
        return prompt

    async def _query(self, turn: Turn, active: list[Fact]) -> "_Query":
        """What the message asks of the profile and of the past. Its vector is made only once."""
        recaller, near = self._recaller if self._recalls else None, {}
        vector = await asyncio.to_thread(recaller.embed, turn.text) if recaller else None
        if recaller and vector:
            near = await asyncio.to_thread(recaller.near_facts, vector)
        told = [fact for fact in relevant(active, turn.text, near) if fact.slot not in STYLE]
        self._style, heard = await self._wishes(active)
        named = {fact.id for fact in (*self._style, *heard)}
        crowded = [f for f in active if f.pinned and f.slot in STYLE and f.id not in named]
        return _Query(turn, vector, [*told, *heard], crowded)

    async def _material(self, query: "_Query", history: tuple[Turn, ...], dropped: int) -> Material:
        shown = Shown(history, self._notes)
        material = Material(
            system=system_text(self._style, self._options.system),
            history=history,
            sent=self._sent,
            text=query.turn.text,
            facts=[fact for fact in query.facts if not shown.tells(fact)],
            recalled=await self._recall(query, shown),
            dropped=dropped,
            summary=self.summary.text if dropped > self.dropped else "",
            crowded=query.crowded,
        )
        await self._count(texts_to_count(material))
        return material

    @property
    def _recalls(self) -> bool:
        return self._options.recall > 0 and self._options.profile

    async def _recall(self, query: "_Query", shown: Shown) -> list[Recalled]:
        if self._recaller is None or not self._recalls:
            return []
        options, turn = self._options, query.turn
        found = await asyncio.to_thread(
            self._recaller.recall_vector,
            turn.text,
            query.vector,
            options.recall,
            exclude_turns=(turn.id, *shown.turns, *self._refused, *self._aside(turn)),
        )
        return [memory for memory in found if memory.score >= options.recall_floor]

    def _aside(self, turn: Turn) -> frozenset[str]:
        """What belongs to other branches of this conversation: it was not said in this one."""
        return self._store.aside(turn.id) if self._options.remember else frozenset()

    async def _count(self, texts: list[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._sizes]
        if new:
            counts = await self._engine.count(tuple(Message(Role.USER, text) for text in new))
            self._sizes.update(zip(new, counts, strict=True))

    def _size(self, text: str) -> int:
        return self._sizes.get(text) or len(text.encode()) // 3 + 1
