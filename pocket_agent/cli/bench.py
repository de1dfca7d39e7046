"""`pocket-agent bench`: how fast the model runs here, against a bare llama-cpp-python loop."""

import argparse
import asyncio
from dataclasses import asdict

from pocket_agent.cli import options
from pocket_agent.cli.opening import Narrator, choose_model, open_home
from pocket_agent.cli.output import put_json, put_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench`."""
    parser.add_argument("--json", action="store_true")
    options.add_model(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure (about a minute) and print."""
    return asyncio.run(_bench(arguments))


async def _bench(arguments: argparse.Namespace) -> int:
    from pocket_agent.assistant.measure import measure
    from pocket_agent.assistant.opening import load_policy
    from pocket_agent.llm.engine import LlamaEngine

    locations, settings = open_home(arguments)
    engine = LlamaEngine()
    try:
        await load_policy(engine, locations, choose_model(arguments, settings), Narrator())
        speed = await measure(engine)
        assert engine.info is not None
        name, device = engine.info.name, engine.info.device
    finally:
        await engine.close()
    if arguments.json:
        put_json({"model": name, "device": device, **asdict(speed)})
        return 0
    put_line(f"{name} on {device}")
    put_line(
        f"decoding     {speed.decode_tokens_s:.0f} tokens/s, "
        f"{speed.decode_ratio_vs_bare:.2f} × a bare llama-cpp-python loop"
    )
    put_line(
        f"first token  {speed.first_token_s * 1000:.0f} ms at turn 20, "
        f"{speed.first_token_ratio:.2f} × turn 2"
    )
    return 0
