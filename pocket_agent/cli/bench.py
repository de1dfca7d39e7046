"""`pocket-agent bench`: how fast the model runs here, against a bare llama-cpp-python loop."""

import argparse
import asyncio
from dataclasses import asdict

from pocket_agent.cli import options
from pocket_agent.cli.opening import Narrator, choose_model, open_home
from pocket_agent.cli.output import put_json, put_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench`."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    options.add_model(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure (about a minute) and print."""
    return asyncio.run(_bench(arguments))


async def _bench(arguments: argparse.Namespace) -> int:
    from pocket_agent.assistant.measure import measure
    from pocket_agent.assistant.opening import policy_alone

    locations, settings = open_home(arguments)
    choice = choose_model(arguments, settings)
    async with policy_alone(locations, choice, Narrator()) as (engine, _):
        speed = await measure(engine)
        assert engine.info is not None
        name, device, placement = engine.info.name, engine.info.device, engine.info.placement
    if arguments.json:
        put_json({"model": name, "device": device, "placement": placement, **asdict(speed)})
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
