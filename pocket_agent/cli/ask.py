"""`pocket-agent ask`: one question, one answer."""

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict
from typing import Any

from pocket_agent.cli.opening import (
    narrate,
    open_home,
    passphrase,
    plain,
    profile_name,
    read_pipe,
)
from pocket_agent.errors import UsageError

INDEX_S = 3.0
"""How long the newest turns may take to get their vectors before the command ends."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `ask`."""
    parser.add_argument("text", nargs="*", help="the question; a pipe is put behind it")
    parser.add_argument("--json", action="store_true", help="one object with all there is to know")
    parser.add_argument("--incognito", action="store_true", help="read the profile, write nothing")
    parser.add_argument("-s", "--system", default="", help="text added to the system message")
    parser.add_argument(
        "-c", "--continue", dest="go_on", action="store_true", help="go on with the last session"
    )
    parser.add_argument("--model", default="", help="name or path of a model")
    parser.add_argument("--no-requantize", action="store_true", help="keep no faster copy of it")
    parser.add_argument("--seed", type=int, default=None, help="makes the answer repeatable")
    parser.add_argument("--max-tokens", type=int, default=512, help="length of the answer at most")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    text = "\n\n".join(part for part in (" ".join(arguments.text), read_pipe()) if part.strip())
    if not text.strip():
        raise UsageError("There is nothing to ask", 'Try: pocket-agent ask "What is a monad?"')
    return asyncio.run(_ask(arguments, text))


async def _ask(arguments: argparse.Namespace, text: str) -> int:
    from pocket_agent.assistant.assistant import AssistantOptions
    from pocket_agent.assistant.opening import Choice, open_profile
    from pocket_agent.llm.protocol import Sampling

    locations, settings = open_home(arguments)
    model = arguments.model or settings.model
    requantize = settings.requantize and not arguments.no_requantize
    opened = await open_profile(
        locations,
        profile_name(arguments, settings),
        choice=Choice(model, settings.chat_tokens, settings.offload, requantize),
        options=AssistantOptions(
            system=arguments.system,
            sampling=Sampling(seed=arguments.seed, max_tokens=arguments.max_tokens),
            learn=settings.learn,
            remember=not arguments.incognito,
        ),
        key=passphrase(),
    )
    try:
        if arguments.go_on:
            newest = opened.store.sessions(1)
            await opened.assistant.open_session(newest[0].id if newest else None)
        return await _Answer(opened, arguments.json).run(text)
    finally:
        await opened.close(index_for=0.0 if arguments.incognito else INDEX_S)


class _Answer:
    """Prints an answer as it comes, or gathers it for JSON."""

    def __init__(self, opened: Any, as_json: bool):
        self._opened = opened
        self._json = as_json
        self._stopped = False

    async def run(self, text: str) -> int:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        try:
            result = await self._collect(text)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        if self._json:
            print(json.dumps(result, ensure_ascii=False))
        return 130 if self._stopped else 0

    def _interrupt(self) -> None:
        self._stopped = True
        self._stop_task = asyncio.ensure_future(self._opened.assistant.stop())

    async def _collect(self, text: str) -> dict[str, Any]:
        from pocket_agent.assistant.events import ContextReady, Learnt, ReplyDelta, ReplyDone

        result: dict[str, Any] = {"facts": [], "recalled": [], "ops": []}
        async for event in self._opened.assistant.send(text):
            match event:
                case ContextReady():
                    result["facts"] = [
                        {"slot": f.slot, "value": f.value, "polarity": f.polarity}
                        for f in event.facts
                    ]
                    result["recalled"] = [
                        {"turn": r.turn.id, "text": r.turn.text, "score": round(r.score, 4)}
                        for r in event.recalled
                    ]
                case ReplyDelta():
                    self._say(event.text)
                case ReplyDone():
                    self._say("\n")
                    result["reply"] = event.turn.text
                    result["session"], result["turn"] = event.turn.session, event.turn.id
                    result["finish"] = event.finish
                    result["usage"] = asdict(event.usage) if event.usage else None
                    if self._stopped:
                        return result
                case Learnt():
                    result["ops"].append({"seq": event.event.seq, "line": event.line})
                    narrate(event.line)
        return result

    def _say(self, text: str) -> None:
        if not self._json:
            sys.stdout.write(plain(text))
            sys.stdout.flush()
