"""`models pull` as a person sees it: how far it is, what stays of it, and a trial at the end."""

import asyncio
from typing import TYPE_CHECKING

from pocket_agent.cli.output import narrate
from pocket_agent.cli.progress import ProgressLine
from pocket_agent.errors import ModelError
from pocket_agent.llm.hub import Reached, fetch, held, order_for

if TYPE_CHECKING:
    from pocket_agent.llm.models import ModelShelf, ShelfModel


def pull(shelf: "ModelShelf", what: str, name: str) -> "ShelfModel":
    """Bring a model here and put it on the shelf.

    Raises:
        ModelError, DiskFullError: it can't be had, or can't be run here.
        KeyboardInterrupt: stopped; what came so far stays.
    """
    order = order_for(shelf, what, name)
    line = ProgressLine(order.name)

    def show(reached: Reached) -> None:
        if reached.note:
            line.say(reached.note)
        else:
            line.show(reached.done, reached.size)

    try:
        path = asyncio.run(fetch(order, show))
    except KeyboardInterrupt:
        share = 100 * held(order) // line.size if line.size else 0
        line.say(f"stopped at {share} %; to go on from there, run the same again")
        raise
    finally:
        line.end()
    try:
        return shelf.add(path, order.name, trying=lambda: narrate("trying the model out"))
    except ModelError as error:
        raise ModelError(error.what, f"{error.todo} The file stays: {path}".strip()) from error
