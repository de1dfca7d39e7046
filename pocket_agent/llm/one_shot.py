"""Throw-away processes: jobs that may take llama.cpp, and the process with it, down.

`python -m pocket_agent.llm.one_shot requantize SOURCE TARGET` writes a Q8_0 copy;
`python -m pocket_agent.llm.one_shot probe FILE` loads a model and generates a token.
One JSON object goes to stdout.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pocket_agent.errors import ModelError, PocketAgentError
from pocket_agent.llm.lifeline import die_with_parent, end_with_stdin, ignore_interrupts

PROBE_TOKENS = 256
"""Size of the context that a model is tried out in."""


def requantize(source: Path, target: Path) -> dict[str, str]:
    """Write a Q8_0 copy of a model file.

    Raises:
        ModelError: llama.cpp could not do it.
    """
    from pocket_agent.llm.loading import Backend

    backend = Backend()
    lib = backend.lib
    params = lib.llama_model_quantize_default_params()
    params.ftype = lib.LLAMA_FTYPE_MOSTLY_Q8_0
    params.allow_requantize = True
    params.nthread = os.cpu_count() or 1
    if lib.llama_model_quantize(os.fsencode(source), os.fsencode(target), params) != 0:
        raise ModelError(f"{source.name} can't be converted ({backend.log.reason})")
    return {"written": str(target)}


def probe(file: Path) -> dict[str, str]:
    """Load a model and let it generate a token.

    Raises:
        ModelError: it can't be run here.
    """
    from pocket_agent.llm.generation import generate
    from pocket_agent.llm.loading import Backend
    from pocket_agent.llm.offload import Placement
    from pocket_agent.llm.protocol import GREEDY, ContextName, LoadSpec, Message, Request, Role

    spec = LoadSpec(file, chat_tokens=PROBE_TOKENS, policy_tokens=0, gpu_layers=0)
    runtime, info = Backend().load(spec, Placement(), stopped=lambda: False)
    request = Request(ContextName.CHAT, (Message(Role.USER, "Hello"),), sampling=GREEDY)
    produced: list[str] = []
    # The first piece of text is enough: stop there.
    generate(runtime, request, lambda p: produced.append(p.text), lambda: bool(produced))
    return {"name": info.name, "architecture": info.architecture}


def main(arguments: list[str]) -> int:
    """Do the job named by the first argument."""
    die_with_parent()
    end_with_stdin()
    ignore_interrupts()
    answer = os.fdopen(os.dup(1), "w")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    jobs: dict[str, Callable[..., dict[str, str]]] = {"requantize": requantize, "probe": probe}
    try:
        reply, code = jobs[arguments[0]](*map(Path, arguments[1:])), 0
    except PocketAgentError as error:
        reply, code = {"what": error.what, "todo": error.todo}, 1
    print(json.dumps(reply), file=answer, flush=True)
    os._exit(code)  # llama.cpp's teardown has nothing left to say


if __name__ == "__main__":
    main(sys.argv[1:])
