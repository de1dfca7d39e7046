"""sentence-transformers without what only its training and its scores need.

Importing it pulls in scikit-learn, SciPy and, where they are installed, datasets, pandas, peft and
more: 175 MB that embedding a sentence never touches. Here the optional ones are reported as
missing, and the other two are empty stand-ins. If a release of sentence-transformers does not
bear that, the whole is imported.
"""

import importlib.metadata
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_OPTIONAL = ("accelerate", "datasets", "pandas", "peft", "PIL", "pyarrow", "torchvision", "trl")
_UNUSED = ("scipy", "sklearn")


class _Nothing:
    """Stands for any name of an unused package."""


class _Empty(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


class _Finder(MetaPathFinder, Loader):
    """Finds an empty module for everything in the unused packages."""

    def find_spec(self, fullname: str, *_place: Any, **_target: Any) -> ModuleSpec | None:
        if fullname.partition(".")[0] in _UNUSED:
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


def import_slim() -> Any:
    """The class `SentenceTransformer`, imported as lightly as it will go.

    For a process that does nothing else: the packages stay hidden from it.
    """
    finder, metadata = _Finder(), importlib.metadata.metadata
    sys.meta_path.insert(0, finder)
    sys.modules.update(dict.fromkeys(_OPTIONAL))  # type: ignore[arg-type]  # None: not to be had
    importlib.metadata.metadata = _hide(metadata)
    try:
        from sentence_transformers import SentenceTransformer
    except Exception:
        importlib.metadata.metadata = metadata
        sys.meta_path.remove(finder)
        _forget("sentence_transformers", "transformers", *_OPTIONAL, *_UNUSED)
        from sentence_transformers import SentenceTransformer
    return SentenceTransformer


def _hide(metadata: Any) -> Any:
    def without_optional(name: str) -> Any:
        if name in _OPTIONAL:
            raise importlib.metadata.PackageNotFoundError(name)
        return metadata(name)

    return without_optional


def _forget(*packages: str) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] in packages]:
        del sys.modules[name]
