"""What mem0's `get_all` gives: a list of memories, bare or under `results`."""

from collections.abc import Iterator
from typing import Any

from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.found import OTHER, Found, Statement, text_of, wrong
from pocket_agent.portable.importers.json_items import values
from pocket_agent.profile.facts import Polarity


class Mem0:
    """Reads mem0's memories. They are whole sentences, so all of them go to the slot `other`."""

    name = "mem0"
    title = "mem0"

    def knows(self, entry: Any) -> bool:
        """Whether it is a memory, or what holds a list of them."""
        if not isinstance(entry, dict):
            return False
        results = entry.get("results")
        held = results[0] if isinstance(results, list) and results else entry
        return (isinstance(held, dict) and isinstance(held.get("memory"), str)) or results == []

    def read(self, file: ImportFile) -> Iterator[Found]:
        """The memories, as statements."""
        number = 0
        for text in file.texts():
            for entry in values(text):
                for memory in _memories(entry):
                    number += 1
                    yield _statement(number, memory)


def _memories(entry: Any) -> list[Any]:
    results = entry.get("results") if isinstance(entry, dict) else None
    return results if isinstance(results, list) else [entry]


def _statement(number: int, memory: Any) -> Statement:
    if not isinstance(memory, dict) or not isinstance(memory.get("memory"), str):
        raise wrong(number, "it is no memory of mem0's (no text `memory`)")
    said = text_of(memory, "memory")
    return Statement(OTHER, said, Polarity.LIKES, said)
