"""llama.cpp for training: the checked binding, with its log kept off the terminal."""

from functools import cache
from typing import Any

from pocket_agent.llm.binding import load_binding
from pocket_agent.llm.native import NativeLog


@cache
def quiet_llama() -> tuple[Any, NativeLog]:
    """The module `llama_cpp` and its log; made once, for llama.cpp keeps calling into the log.

    Raises:
        ModelError: the binding is missing or of another version.
    """
    lib = load_binding()
    lib.llama_backend_init()
    return lib, NativeLog(lib, echo=False)
