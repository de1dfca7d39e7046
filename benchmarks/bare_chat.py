"""A bare llama-cpp-python chat in a process of its own: the yardstick for first tokens.

`python -m benchmarks.bare_chat MODEL THREADS CONTEXT` reads a JSON object a line, `{"messages":
[{"role", "content"}], "tokens": n}`, and writes one: `first_s` (from the request to the first
text), `text`, and `decode_s`, seconds a token after the first. It keeps what llama-cpp-python
keeps by itself: the longest prefix that the last prompt had too.
"""

import json
import os
import sys
import time
from typing import Any

REPEAT_PENALTY = 1.05
"""As our own sampling has it."""


def answer(llama: Any, request: dict[str, Any]) -> dict[str, Any]:
    """One reply, greedily."""
    began = time.perf_counter()
    first = last = 0.0
    text, count = "", 0
    for chunk in llama.create_chat_completion(
        messages=request["messages"],
        stream=True,
        temperature=0.0,
        repeat_penalty=REPEAT_PENALTY,
        max_tokens=request["tokens"],
    ):
        if piece := chunk["choices"][0]["delta"].get("content"):
            last = time.perf_counter()
            first = first or last
            text, count = text + piece, count + 1
    decode = (last - first) / (count - 1) if count > 1 else 0.0
    return {"first_s": first - began, "text": text, "decode_s": decode}


def main(arguments: list[str]) -> int:
    """Load the model, say so, and answer line after line."""
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    from llama_cpp import Llama

    path, threads, context = arguments[0], int(arguments[1]), int(arguments[2])
    llama = Llama(path, n_ctx=context, n_threads=threads, verbose=False)
    print("{}", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(llama, json.loads(line))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
