"""What one can choose from: the models that are here, and those of the catalogue that are not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pocket_agent.errors import ModelError
from pocket_agent.llm.calibration import Calibration
from pocket_agent.llm.catalogue import CatalogueModel, catalogue, find
from pocket_agent.llm.fitting import Fit, Memory, cache_of, judge, need
from pocket_agent.llm.gguf_header import check_model
from pocket_agent.llm.models import ModelShelf, ShelfModel


@dataclass(frozen=True, slots=True)
class Offer:
    """A model as one chooses it.

    Args:
        size: bytes of its file; need: bytes of memory it takes, 0 if that can't be told.
        tokens_s: about how fast it would answer; 0 if nothing was measured yet.
        here: it is on the shelf. chosen: it is what runs when none is named.
        learns: it is what learns from what is said.
        broken: why it can't run; empty if nothing is known against it.
        known: what the catalogue says of it, or None.
    """

    name: str
    size: int
    need: int
    fit: Fit
    tokens_s: float
    here: bool
    chosen: bool = False
    broken: str = ""
    known: CatalogueModel | None = None
    learns: bool = False


def offers(
    shelf: ModelShelf,
    chat_tokens: int,
    memory: Memory | None,
    speed: Calibration | None,
    learns: Path | None = None,
) -> list[Offer]:
    """The models that are here, then those that can be pulled, the smallest first.

    Args:
        learns: the file of the model that learns from what is said.

    Raises:
        ModelError: the list of models is damaged.
    """
    here = [
        replace(_here(model, chat_tokens, memory, speed), learns=model.path == learns)
        for model in shelf.models()
    ]
    return here + list(_to_pull({o.name for o in here}, chat_tokens, memory, speed))


def _to_pull(
    taken: set[str], chat_tokens: int, memory: Memory | None, speed: Calibration | None
) -> Iterator[Offer]:
    for model in catalogue():
        if model.name in taken:
            continue
        size = model.likely_size
        needed = need(size, model.cache, min(chat_tokens, model.context))
        rate = speed.tokens_s(size) if speed else 0.0
        yield Offer(model.name, size, needed, judge(needed, memory), rate, here=False, known=model)


def _here(
    model: ShelfModel, chat_tokens: int, memory: Memory | None, speed: Calibration | None
) -> Offer:
    rate = speed.tokens_s(model.size) if speed else 0.0
    try:
        header = check_model(model.path)
    except ModelError as error:
        needed, broken = 0, error.what
    else:
        trained = header.trained_tokens or chat_tokens
        needed, broken = need(model.size, cache_of(header), min(chat_tokens, trained)), ""
    return Offer(
        model.name,
        model.size,
        needed,
        judge(needed, memory),
        rate,
        here=True,
        chosen=model.chosen,
        broken=broken,
        known=find(model.name),
    )
