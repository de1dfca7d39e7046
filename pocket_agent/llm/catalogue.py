"""The models that can be pulled by name: data, read from `catalogue.toml`, smallest first."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("catalogue.toml")
_UNITS = {"M": 10**6, "B": 10**9}
_BYTES_A_WEIGHT = 34 / 32
"""Of Q8_0, in which every model is that has no `size` in the catalogue."""


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model that can be pulled by name.

    Args:
        repo: the hub's repository, such as "owner/name". file: the file in it.
        parameters: how many weights, such as "1.5B".
        context: tokens that it was trained for.
        cache: bytes of memory that each token of the context takes.
        prompt: the name of the format in which it is spoken to; the file holds the template.
        size: bytes; 0 if only the hub knows. sha256: of the file; empty if only the hub knows.
    """

    name: str
    repo: str
    file: str
    parameters: str
    licence: str
    context: int
    cache: int
    prompt: str
    about: str
    size: int = 0
    sha256: str = ""

    @property
    def likely_size(self) -> int:
        """Bytes of the file; computed from its weights where they are not known for certain."""
        weights = float(self.parameters[:-1]) * _UNITS[self.parameters[-1]]
        return self.size or int(weights * _BYTES_A_WEIGHT)


@cache
def catalogue() -> tuple[CatalogueModel, ...]:
    """All models of the catalogue, the smallest first."""
    entries = tomllib.loads(_FILE.read_text("utf-8"))["model"]
    models = (CatalogueModel(**entry) for entry in entries)
    return tuple(sorted(models, key=lambda model: model.likely_size))


def find(name: str) -> CatalogueModel | None:
    """The model of that name, or None."""
    return next((model for model in catalogue() if model.name == name), None)
