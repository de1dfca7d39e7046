"""`models list --available`: what one can choose from, what fits, and how fast it would be."""

import argparse
import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pocket_agent.cli.models import learning_file
from pocket_agent.cli.opening import open_home
from pocket_agent.cli.output import narrate, put_json, put_line
from pocket_agent.errors import PocketAgentError
from pocket_agent.llm.fitting import look
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.offers import Offer, offers

if TYPE_CHECKING:
    from pocket_agent.config import Settings
    from pocket_agent.llm.calibration import Calibration
    from pocket_agent.paths import Locations

_LEARNS = "learns from what you say"
_HEADINGS = ("", "name", "size", "memory", "fits", "speed", "licence", "about")


def list_offers(arguments: argparse.Namespace) -> int:
    """Print the models here and those of the catalogue."""
    locations, settings = open_home(arguments)
    shelf, memory = ModelShelf(locations), look()
    speed = _speed(shelf, locations, settings)
    found = offers(shelf, settings.chat_tokens, memory, speed, learning_file(arguments))
    if arguments.json:
        put_json([_record(offer) for offer in found])
        return 0
    rows = [_HEADINGS, *(_row(offer) for offer in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADINGS))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        put_line("  ".join(cells).rstrip())
    if memory is not None:
        narrate(f"free memory: {_gb(memory.available)} of {_gb(memory.total)}")
    narrate("* answers, + here; get another: pocket-agent models pull NAME")
    return 0


def _speed(shelf: ModelShelf, locations: "Locations", settings: "Settings") -> "Calibration | None":
    from pocket_agent.llm.calibration import calibrate, known

    how = (settings.gpu_layers, settings.threads)
    if found := known(locations.cache, *how):
        return found
    narrate("measuring how fast this computer is (once)")
    try:
        return asyncio.run(calibrate(shelf, locations.cache, *how))
    except PocketAgentError as error:
        narrate(f"it can't be measured: {error}")
        return None


def _row(offer: Offer) -> tuple[str, ...]:
    known = offer.known
    return (
        "*" if offer.chosen else "+" if offer.here else " ",
        offer.name,
        f"{offer.size / 1e6:,.0f} MB",
        _gb(offer.need) if offer.need else "?",
        offer.broken or offer.fit.value,
        f"~{offer.tokens_s:.0f} tok/s"
        if offer.tokens_s >= 1
        else ""
        if not offer.tokens_s
        else "<1",
        known.licence if known else "",
        " · ".join(filter(None, (_LEARNS if offer.learns else "", known.about if known else ""))),
    )


def _record(offer: Offer) -> dict[str, Any]:
    known = asdict(offer.known) if offer.known else {}
    keep = ("repo", "file", "parameters", "licence", "context", "prompt")
    return {
        "name": offer.name,
        "size": offer.size,
        "memory": offer.need,
        "fits": offer.fit.value,
        "tokens_s": round(offer.tokens_s, 1) or None,
        "here": offer.here,
        "chosen": offer.chosen,
        "learns": offer.learns,
        "broken": offer.broken or None,
        **{key: known.get(key) for key in keep},
    }


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
