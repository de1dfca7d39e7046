"""Finding the last checkpoint that was written to its end."""

import json
import shutil
from pathlib import Path

_STATE = "trainer_state.json"
_ADAPTER = ("adapter_config.json", "adapter_model.safetensors")


def last_whole(run: Path) -> Path | None:
    """The newest complete checkpoint of a run, or None.

    A run that is killed while it saves leaves half a checkpoint, which would be resumed from and
    fail: the trainer writes its own state last, so one without it is removed here.
    """
    for folder in sorted(run.glob("checkpoint-*"), key=_step, reverse=True):
        if _is_whole(folder):
            return folder
        if _step(folder) >= 0:
            shutil.rmtree(folder, ignore_errors=True)
    return None


def restore_finished(run: Path, steps: int, adapter: Path) -> bool:
    """Whether a run has done all its steps; its adapter is then there, if need be once more.

    Transformers would do one step more before it noticed.
    """
    last = last_whole(run)
    if last is None or _step(last) < steps:
        return False
    adapter.mkdir(parents=True, exist_ok=True)
    for file in _ADAPTER:
        if not (adapter / file).is_file():
            part = adapter / f"{file}.part"
            shutil.copyfile(last / file, part)
            part.replace(adapter / file)
    return True


def _step(folder: Path) -> int:
    number = folder.name.removeprefix("checkpoint-")
    return int(number) if number.isdecimal() else -1


def _is_whole(folder: Path) -> bool:
    try:
        state = json.loads((folder / _STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and state.get("global_step") == _step(folder)
