"""How fast this computer reads a model's weights: measured once in a few seconds, then estimated.

A token is decoded by reading every weight once. So what one model does, in bytes a second, tells
about how many tokens a second another file would come to.
"""

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pocket_agent.errors import ModelError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import BUNDLED, ModelShelf, bundled_model
from pocket_agent.llm.offload import Layers
from pocket_agent.llm.protocol import (
    ContextName,
    Message,
    Request,
    Role,
    Sampling,
)
from pocket_agent.whole_file import replacing

_FILE = "speed.json"
_TOKENS = 48
_WINDOW = 8
"""Tokens timed together; the quickest window counts, since other programs only slow it down."""
_HOLDS_S = 30 * 24 * 3600
_CONTEXT = 256
_PROMPT = "Tell a long story about a lighthouse and the sea."


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured.

    Args:
        bytes_s: bytes of weights read in a second. device: what read them.
        key: what it was measured with; with anything else it counts no longer.
    """

    bytes_s: float
    device: str
    key: str

    def tokens_s(self, size: int) -> float:
        """About how many tokens a second a file of that size comes to."""
        return self.bytes_s / size if size else 0.0


def known(cache: Path, gpu_layers: Layers, threads: int) -> Calibration | None:
    """What an earlier run has measured in the same circumstances, or None."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        file = cache / _FILE
        made = Calibration(**json.loads(file.read_text("utf-8")))
        if time.time() - file.stat().st_mtime > _HOLDS_S:
            return None
        if made.key == _key(gpu_layers, threads) and made.bytes_s > 0:
            return made
    return None


async def calibrate(
    shelf: ModelShelf, cache: Path, gpu_layers: Layers, threads: int, *, keep: bool = True
) -> Calibration:
    """Measure with a small model, in a process of its own, and note what came out.

    Args:
        keep: write it down for the next time.

    Raises:
        ModelError: there is no model that runs.
    """
    name = BUNDLED if bundled_model() else ""
    spec = shelf.load_spec(name, chat_tokens=_CONTEXT, gpu_layers=gpu_layers, makes_copy=keep)
    engine = LlamaEngine()
    try:
        info = await engine.load(replace(spec, policy_tokens=0, threads=threads))
        rate = await _decode(engine)
        size = info.path.stat().st_size
    finally:
        await engine.close()
    made = Calibration(rate * size, info.device, _key(gpu_layers, threads))
    if keep:
        with contextlib.suppress(OSError, ModelError), replacing(cache / _FILE) as file:
            file.write(json.dumps(asdict(made)).encode())
    return made


async def _decode(engine: LlamaEngine) -> float:
    """Tokens a second."""
    request = Request(
        ContextName.CHAT,
        (Message(Role.USER, _PROMPT),),
        sampling=Sampling(temperature=0.0, repeat_penalty=1.0, max_tokens=_TOKENS),
    )
    came = [time.perf_counter() async for _ in engine.stream(request)]
    windows = [late - early for early, late in zip(came, came[_WINDOW:], strict=False)]
    if not windows or min(windows) <= 0:
        raise ModelError("The model produced too little to measure")
    return _WINDOW / min(windows)


def _key(gpu_layers: Layers, threads: int) -> str:
    try:
        made = version("llama-cpp-python")
    except PackageNotFoundError:
        made = "none"
    return f"{made}, {os.cpu_count()} cores, {gpu_layers} layers, {threads} threads"
