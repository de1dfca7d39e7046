"""Opening a profile for use: its store, the model, the policy, recall. And closing them again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.offload import Layers
from pocket_agent.llm.protocol import ModelInfo, Progress
from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.indexer import Indexer
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations, shipped_models
from pocket_agent.policy.adapter import find_adapter
from pocket_agent.policy.reader import PolicyReader


@dataclass(frozen=True, slots=True)
class Choice:
    """Which model, and how it is run.

    Args:
        model: name or path; empty for the chosen one.
        gpu_layers: "auto" for as many as fit, "all", or a number.
        device: name of the device that takes them; empty for the usual ones.
        requantize: let a slow file be copied once into a faster form.
        makes_copy: make that copy, if it isn't there yet.
        threads: decode threads; 0 chooses.
        unsure: let the policy propose what its caution holds back.
    """

    model: str = ""
    chat_tokens: int = 4096
    gpu_layers: Layers = "auto"
    device: str = ""
    requantize: bool = True
    makes_copy: bool = True
    threads: int = 0
    unsure: bool = False


def open_store(
    locations: Locations, profile: str, key: str | None, *, remember: bool, blank: bool = False
) -> Store:
    """Open a profile to go on with it, to read it without a trace, or not at all.

    Args:
        remember: make the folders and the file if need be; otherwise change nothing.
        blank: an empty profile in the place of the one of that name, which is not looked at.

    Raises:
        StoreError, StoreBusyError: the profile can't be opened.
    """
    if blank:
        return Store.empty()
    if not remember:
        return Store.open_untouched(locations.profile(profile), key=key)
    locations.prepare()
    return Store.open(locations.profile(profile), key=key)


async def load_policy(
    engine: LlamaEngine, locations: Locations, choice: Choice, progress: Progress | None = None
) -> PolicyReader:
    """Load a model, with the trained policy on it if there is one for that very file.

    Raises:
        ModelError: there is no usable model.
    """
    shelf = ModelShelf(locations)
    base: Path = await asyncio.to_thread(shelf.resolve, choice.model)
    adapter = await asyncio.to_thread(find_adapter, shipped_models(), base)
    spec = shelf.load_spec(
        choice.model,
        chat_tokens=choice.chat_tokens,
        gpu_layers=choice.gpu_layers,
        device=choice.device,
        requantize=choice.requantize,
        makes_copy=choice.makes_copy,
        adapter=adapter.path if adapter else None,
    )
    await engine.load(replace(spec, threads=choice.threads), progress)
    if adapter is None:
        return PolicyReader(engine)
    return PolicyReader(
        engine, adapter.version, trained=True, caution=adapter.caution, unsure=choice.unsure
    )


@asynccontextmanager
async def policy_alone(
    locations: Locations, choice: Choice, progress: Progress | None = None
) -> AsyncIterator[tuple[LlamaEngine, PolicyReader]]:
    """A model with its policy and no profile; the model's process ends with the block.

    Raises:
        ModelError: there is no usable model.
    """
    engine = LlamaEngine()
    try:
        yield engine, await load_policy(engine, locations, choice, progress)
    finally:
        await engine.close()


@dataclass(slots=True)
class Opened:
    """A profile in use by a command."""

    store: Store
    engine: LlamaEngine
    assistant: Assistant
    recaller: Recaller
    embedder: Embedder
    indexer: Indexer | None
    info: ModelInfo

    async def close(self, index_for: float = 0.0) -> None:
        """End the children and close the file.

        Args:
            index_for: seconds to let the newest turns get their vectors first; what is left is
                caught up the next time.
        """
        await self.assistant.close()
        await self.engine.close()
        if self.indexer is not None and index_for:
            self.indexer.wake()
            await asyncio.to_thread(self.indexer.wait_idle, index_for)
        await asyncio.to_thread(self._close_recall)
        await asyncio.to_thread(self.store.close)

    def _close_recall(self) -> None:
        self.embedder.close()  # first: an indexer that waits for it then ends at once
        if self.indexer is not None:
            self.indexer.close()


async def open_profile(
    locations: Locations,
    profile: str,
    *,
    choice: Choice | None = None,
    options: AssistantOptions | None = None,
    key: str | None = None,
    progress: Progress | None = None,
    by_meaning: bool = True,
    blank: bool = False,
) -> Opened:
    """Open everything for one profile. What was opened is closed again if a later part fails.

    Args:
        options: with `remember` off, no file is changed or made.
        blank: read nothing of the profile either.
        by_meaning: start the embedder. It takes seconds of the processor: for a single question,
            recall goes by words alone and the vectors are caught up another time.

    Raises:
        StoreError, StoreBusyError: the profile can't be opened. ModelError: no usable model.
    """
    chosen = options or AssistantOptions()
    store = await asyncio.to_thread(
        open_store, locations, profile, key, remember=chosen.remember, blank=blank
    )
    embedder = Embedder()
    engine = LlamaEngine()
    try:
        if by_meaning:
            embedder.start()
        model = choice or Choice()
        if not chosen.remember:
            model = replace(model, makes_copy=False)
        policy = await load_policy(engine, locations, model, progress)
        assert engine.info is not None
        recaller = Recaller(store, embedder if by_meaning else None)
        assistant = Assistant(store, engine, recaller, policy, chosen)
        indexer = Indexer(store, embedder) if chosen.remember and by_meaning else None
        return Opened(store, engine, assistant, recaller, embedder, indexer, engine.info)
    except BaseException:
        embedder.close()
        await engine.close()
        store.close()
        raise
