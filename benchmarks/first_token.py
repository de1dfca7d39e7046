"""How long the first token takes: deep in a conversation, behind a long history, after a restart.

    python -m benchmarks.first_token [--turns 2 20 50] [--tokens 3000] [--rounds 3] [--out FILE]

Rounds of ours alternate with rounds of a bare llama-cpp-python chat (`benchmarks.bare_chat`) with
the same file and as many threads, in one run; figures are medians, so read the ratios. Measured are

- turns of one conversation with equal new text (each with the replies that it got itself);
- 30 new tokens behind a history of so many tokens that the model has read: the same prompts;
- the app's own backend, opened anew on a stored conversation with that history: `ahead_s`, where
  the history was read while the person types, and `cold_s`, where they had typed already. The bare
  chat has no way but to read all of it.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from benchmarks.fresh_engine import fresh_engine
from benchmarks.made_session import SESSION, talk, write_session
from benchmarks.own_app import BriefBackend
from benchmarks.promise import Promise, keep
from pocket_agent.assistant.context import REPLY_TOKENS
from pocket_agent.assistant.events import ContextReady, ReplyDelta
from pocket_agent.assistant.measure import NEW_TEXT, first_tokens
from pocket_agent.config import Settings
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.protocol import ContextName, Message, ModelInfo, Request, Role, Sampling
from pocket_agent.paths import Locations, locate
from pocket_agent.tui.options import TuiOptions

HISTORY_LIMIT_S, RESTART_LIMIT_S, LATE_LIMIT = 0.35, 1.0, 1.3
NEW_TOKENS = 30
REPLY = 24
"""Tokens of a reply, as `assistant.measure` has them."""
_NEAR = 3
"""Turns whose median stands for one: turn 20 is turns 20 to 22."""
_ASKED = 4
"""Different messages behind the history; the first is the one that finds it unread."""
_ROOM = 500
"""Tokens of the app's own text, its notes and the new message."""
_WORDS = "and what did the captain say of the storm that was to come in the evening at home".split()


class Bare:
    """The bare chat's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def first_token(self, messages: Sequence[Message], most: int) -> tuple[float, str]:
        """Seconds to the first text, and the whole reply."""
        said = [{"role": m.role.value, "content": m.text} for m in messages]
        found = await self.ask({"messages": said, "tokens": most})
        return found["first_s"], found["text"]

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request, one answer.

        Raises:
            RuntimeError: the process has ended.
        """
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        """The next line of the process."""
        assert self._process.stdout
        if not (line := await self._process.stdout.readline()):
            raise RuntimeError("the bare chat could not run the model")
        return cast("dict[str, Any]", json.loads(line))


@asynccontextmanager
async def bare_chat(info: ModelInfo) -> AsyncIterator[Bare]:
    """A bare chat with the same file, threads and context as a loaded engine's."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.bare_chat",
        *(str(info.path), str(info.threads), str(info.chat_tokens)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    bare = Bare(process)
    try:
        await bare.answer()
        yield bare
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def measure(turns: Sequence[int], tokens: int, rounds: int) -> dict[str, Any]:
    """Everything, as one record.

    Args:
        turns: of one conversation. tokens: of the history.
    """
    chat_tokens = max(Settings().chat_tokens, tokens + REPLY_TOKENS + _ROOM)
    found: dict[str, list[float]] = {}
    async with fresh_engine(chat_tokens) as engine:
        assert engine.info is not None
        history = await _history(engine, tokens)
        news = [await _new_text(engine, number) for number in range(_ASKED)]
        (size,) = await engine.count((Message(Role.USER, news[0]),))
        for number in range(rounds):
            _note(found, "ours", turns, await first_tokens(engine, max(turns) + _NEAR - 1))
            found.setdefault("ours history", []).extend(await _ours(engine, history, news))
            async with bare_chat(engine.info) as bare:
                cold, *warm = await _bares(bare, history, news)
                found.setdefault("bare restart", []).append(cold)
                found.setdefault("bare history", []).extend(warm)
                _note(found, "bare", turns, await _bare_turns(bare, max(turns) + _NEAR - 1))
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
        counted = sum(await engine.count(history))
    resumed = await _restarts([m.text for m in history], news[0], chat_tokens, rounds)
    return {
        "chat_tokens": chat_tokens,
        "history_tokens": counted,
        "new_tokens": size,
        "turns": {str(turn): _pair(found, f"turn {turn}") for turn in turns},
        "history": _pair(found, "history"),
        "restart": resumed | {"bare_s": _median(found["bare restart"])},
    }


def _note(
    found: dict[str, list[float]], whose: str, turns: Sequence[int], seconds: Sequence[float]
) -> None:
    for turn in turns:
        found.setdefault(f"{whose} turn {turn}", []).extend(seconds[turn - 1 : turn - 1 + _NEAR])


def _pair(found: dict[str, list[float]], what: str) -> dict[str, float]:
    ours, bare = found[f"ours {what}"], found[f"bare {what}"]
    ratio = round(_median(ours) / _median(bare), 3)
    return {"ours_s": _median(ours), "bare_s": _median(bare), "ours_over_bare": ratio}


def _median(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds), 4)


async def _history(engine: LlamaEngine, tokens: int) -> tuple[Message, ...]:
    """A conversation of so many tokens, which the assistant had the last word of."""
    said: list[Message] = []
    size = 0
    for text in talk():
        said.append(Message(Role.ASSISTANT if len(said) % 2 else Role.USER, text))
        size += sum(await engine.count((said[-1],)))
        if size >= tokens and not len(said) % 2:
            break
    return tuple(said)


async def _new_text(engine: LlamaEngine, number: int) -> str:
    """A message of `NEW_TOKENS` that differs from the others at its very beginning."""
    text = f"{number + 1}:"
    for word in (*_WORDS, *_WORDS):
        (size,) = await engine.count((Message(Role.USER, text),))
        if size >= NEW_TOKENS:
            break
        text = f"{text} {word}"
    return text


async def _ours(
    engine: LlamaEngine, history: tuple[Message, ...], news: Sequence[str]
) -> list[float]:
    """Seconds to the first token of each message but the first, behind the same history."""
    found = []
    for new in news:
        messages = (*history, Message(Role.USER, new))
        sampling = Sampling(temperature=0.0, max_tokens=REPLY)
        request = Request(ContextName.CHAT, messages, sampling=sampling)
        began, first = time.perf_counter(), 0.0
        async for _ in engine.stream(request):
            first = first or time.perf_counter() - began
        found.append(first)
    return found[1:]


async def _bares(bare: Bare, history: tuple[Message, ...], news: Sequence[str]) -> list[float]:
    return [(await bare.first_token((*history, Message(Role.USER, new)), REPLY))[0] for new in news]


async def _bare_turns(bare: Bare, turns: int) -> list[float]:
    """The conversation of `assistant.measure.first_tokens`, had by the bare chat."""
    messages = [Message(Role.SYSTEM, f"You are brief. Round {time.perf_counter()}.")]
    found = []
    for _ in range(turns):
        messages.append(Message(Role.USER, NEW_TEXT))
        seconds, reply = await bare.first_token(messages, REPLY)
        messages.append(Message(Role.ASSISTANT, reply))
        found.append(seconds)
    return found


async def _restarts(
    texts: Sequence[str], new: str, chat_tokens: int, rounds: int
) -> dict[str, float]:
    """Medians of the app's backend opened anew, with the history read ahead and without."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        locations = Locations(Path(folder), locate().cache)
        locations.prepare()
        for number in range(rounds):
            for ahead in (True, False):
                profile = f"{'ahead' if ahead else 'cold'}{number}"
                write_session(locations.profile(profile), texts)
                one = await _restart(locations, profile, new, chat_tokens, ahead)
                for name, value in one.items():
                    found.setdefault(name, []).append(value)
    return {name: _median(values) for name, values in found.items()}


async def _restart(
    locations: Locations, profile: str, new: str, chat_tokens: int, ahead: bool
) -> dict[str, float]:
    options = TuiOptions(seed=1, chat_tokens=chat_tokens)
    backend = BriefBackend(locations, profile, options, REPLY)
    began = time.perf_counter()
    try:
        await backend.open(SESSION, lambda _: None)
        await backend.load(lambda _: None)
        loaded = time.perf_counter()
        if not ahead:
            return {"cold_s": (await _send(backend, new))[0]}
        await backend._open.assistant.warming.done()
        read = time.perf_counter()
        first, prompt, dropped = await _send(backend, new)
        times = {"load_s": loaded - began, "reading_ahead_s": read - loaded, "ahead_s": first}
        return times | {"prompt_tokens": prompt, "dropped_turns": dropped}
    finally:
        await backend.close()


async def _send(backend: BriefBackend, text: str) -> tuple[float, int, int]:
    """Seconds to the first text, tokens of the prompt, and turns that did not fit in it.

    Raises:
        RuntimeError: there was no reply.
    """
    began, prompt, dropped = time.perf_counter(), 0, 0
    async with aclosing(cast("Any", backend.send(text))) as events:
        async for event in events:
            match event:
                case ContextReady():
                    prompt, dropped = event.tokens, event.dropped_turns
                case ReplyDelta():
                    return time.perf_counter() - began, prompt, dropped
    raise RuntimeError("no reply came")


def promises(found: dict[str, Any]) -> list[Promise]:
    """What the figures are held to."""
    turns, tokens = found["turns"], found["history_tokens"]
    first, *later = turns
    ratios = {turn: turns[turn]["ours_s"] / turns[first]["ours_s"] for turn in later}
    return [
        *(
            Promise(f"first token, turn {turn} × turn {first}", ratio, LATE_LIMIT)
            for turn, ratio in ratios.items()
        ),
        Promise(
            f"first token, {tokens} tokens of history and {found['new_tokens']} new ones, s",
            found["history"]["ours_s"],
            HISTORY_LIMIT_S,
        ),
        Promise(
            "first token after a restart, the history read ahead, s",
            found["restart"]["ahead_s"],
            RESTART_LIMIT_S,
        ),
    ]


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.first_token",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--turns", type=int, nargs="+", default=[2, 20, 50])
    parser.add_argument("--tokens", type=int, default=3000, help="of the history")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/first_token.json"))
    options = parser.parse_args()
    found = asyncio.run(measure(options.turns, options.tokens, options.rounds))
    keep(options.out, promises(found), found)
    for name in ("turns", "history", "restart"):
        print(f"     {name}: {found[name]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
