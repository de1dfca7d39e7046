"""Opening a profile for use: its store, the model, the policy, recall. And closing them again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pocket_agent.assistant.assistant import Assistant, AssistantOptions
from pocket_agent.errors import ModelError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf, bundled_model
from pocket_agent.llm.offload import Layers
from pocket_agent.llm.protocol import LoadSpec, ModelInfo, Progress
from pocket_agent.memory.embedder import Embedder
from pocket_agent.memory.indexer import Indexer
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations, shipped_models
from pocket_agent.policy.adapter import find_adapter
from pocket_agent.policy.reader import PolicyReader

SAME = "chat"
"""As the policy's model: the one that answers."""
_NO_CHAT = 256
"""Tokens of a chat context that nobody uses."""


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
        policy_model: the model that reads turns; empty for the bundled one, if it is there,
            `SAME` for the one that answers.
    """

    model: str = ""
    chat_tokens: int = 4096
    gpu_layers: Layers = "auto"
    device: str = ""
    requantize: bool = True
    makes_copy: bool = True
    threads: int = 0
    unsure: bool = False
    policy_model: str = ""


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
    engine: LlamaEngine,
    locations: Locations,
    choice: Choice,
    progress: Progress | None = None,
    apart: LlamaEngine | None = None,
) -> PolicyReader:
    """Load a model, with the trained policy on it if there is one for that very file.

    Args:
        apart: where the policy's model is another than the one that answers, it is loaded here, so
            that the trained policy goes on reading whatever answers. Without it, the policy reads
            with `choice.model`.

    Raises:
        ModelError: there is no usable model; or the policy's alone can't be loaded, and `engine`
            is loaded all the same.
    """
    shelf = ModelShelf(locations)
    base: Path = await asyncio.to_thread(shelf.resolve, choice.model)
    reads = policy_file(shelf, choice, base) if apart else base
    adapter = await asyncio.to_thread(find_adapter, shipped_models(), reads)
    spec = replace(
        shelf.load_spec(
            str(base),
            chat_tokens=choice.chat_tokens,
            gpu_layers=choice.gpu_layers,
            device=choice.device,
            requantize=choice.requantize,
            makes_copy=choice.makes_copy,
            adapter=adapter.path if adapter else None,
        ),
        threads=choice.threads,
    )
    reader = engine
    if apart is None or reads == base:
        await _load_once(engine, spec, progress)
    else:
        outcomes = await asyncio.gather(
            _load_once(engine, replace(spec, policy_tokens=0, adapter=None), progress),
            _load_apart(apart, replace(spec, model=reads, chat_tokens=_NO_CHAT)),
            return_exceptions=True,  # the one that answers is loaded even if the other can't be
        )
        for failure in filter(None, outcomes):
            raise failure
        reader = apart
    if apart is not None and reader is engine:
        await apart.close()
    if adapter is None:
        return PolicyReader(reader)
    return PolicyReader(
        reader, adapter.version, trained=True, caution=adapter.caution, unsure=choice.unsure
    )


def policy_file(shelf: ModelShelf, choice: Choice, base: Path) -> Path:
    """The file of the model that reads turns.

    Args:
        base: that of the model that answers.

    Raises:
        ModelError: there is no model of the name that was chosen.
    """
    if choice.policy_model == SAME:
        return base
    file = shelf.resolve(choice.policy_model) if choice.policy_model else bundled_model()
    if file is None or (base.exists() and file.exists() and file.samefile(base)):
        return base
    return file


def policy_model(locations: Locations, choice: Choice) -> str:
    """The path of the model that reads turns.

    Raises:
        ModelError: there is no usable model.
    """
    shelf = ModelShelf(locations)
    named = choice.policy_model not in ("", SAME)
    base = Path() if named else shelf.resolve(choice.model)
    return str(policy_file(shelf, choice, base))


async def _load_once(engine: LlamaEngine, spec: LoadSpec, progress: Progress | None) -> None:
    """Load, unless that very model is loaded: it stays while another one is changed or missing."""
    if engine.info is None or not engine.info.path.exists() or engine.spec != spec:
        await engine.load(spec, progress)


def learning_with(shelf: ModelShelf, name: str) -> str:
    """The value of `policy_model` by which a model of the shelf reads turns, or by `SAME` the one
    that answers. Empty for the bundled one, whose trained policy comes with the program.

    Raises:
        ModelError: there is no such model, or its file is gone.
    """
    if name == SAME:
        return SAME
    return "" if shelf.find(name).bundled else name


async def _load_apart(apart: LlamaEngine, spec: LoadSpec) -> None:
    try:
        await _load_once(apart, spec, None)
    except ModelError as error:
        raise ModelError(
            f"The model that learns from what you say: {error.what}",
            f'{error.todo} Or learn with the one that answers: policy_model = "{SAME}"'.strip(),
        ) from error


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
    apart: LlamaEngine | None = None

    async def close(self, index_for: float = 0.0) -> None:
        """End the children and close the file.

        Args:
            index_for: seconds to let the newest turns get their vectors first; what is left is
                caught up the next time.
        """
        await self.assistant.close()
        await self.engine.close()
        if self.apart is not None:
            await self.apart.close()
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
    engine, apart = LlamaEngine(), LlamaEngine()
    try:
        if by_meaning:
            embedder.start()
        model, learns = choice or Choice(), chosen.learn and chosen.remember
        if not chosen.remember:
            model = replace(model, makes_copy=False)
        policy = await load_policy(engine, locations, model, progress, apart if learns else None)
        assert engine.info is not None
        recaller = Recaller(store, embedder if by_meaning else None)
        assistant = Assistant(store, engine, recaller, policy, chosen)
        indexer = Indexer(store, embedder) if chosen.remember and by_meaning else None
        return Opened(store, engine, assistant, recaller, embedder, indexer, engine.info, apart)
    except BaseException:
        embedder.close()
        await engine.close()
        await apart.close()
        store.close()
        raise
