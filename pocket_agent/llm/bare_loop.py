"""The yardstick: a bare llama-cpp-python loop, in a process of its own.

Run as `python -m pocket_agent.llm.bare_loop MODEL THREADS TOKENS`; prints seconds a token.
"""

import os
import sys
import time

PROMPT = "Tell me a long story about a ship, a storm and a lighthouse."


def main(arguments: list[str]) -> int:
    """Decode greedily and print how long a token took, the first left out."""
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    from llama_cpp import Llama

    path, threads, tokens = arguments[0], int(arguments[1]), int(arguments[2])
    llama = Llama(path, n_ctx=4096, n_threads=threads, flash_attn=True, verbose=False)
    text = f"<|im_start|>user\n{PROMPT}<|im_end|>\n<|im_start|>assistant\n"
    start, count = 0.0, 0
    for _ in llama.generate(llama.tokenize(text.encode(), special=True), temp=0.0):
        count += 1
        if count == 1:
            start = time.perf_counter()
        if count > tokens:
            break
    print((time.perf_counter() - start) / (count - 1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
