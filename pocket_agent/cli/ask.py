"""`pocket-agent ask`: one question, one answer."""

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pocket_agent.cli import options
from pocket_agent.cli.ask_schema import Form
from pocket_agent.cli.opening import (
    Narrator,
    choose_model,
    no_profile,
    open_home,
    profile_name,
    read_pipe,
    tell_plain,
    typed,
)
from pocket_agent.cli.output import ReaderGoneError, narrate, narrate_text, put_json
from pocket_agent.cli.passphrases import passphrase_for
from pocket_agent.cli.rendering import NoPaper, Paper, paper
from pocket_agent.errors import PocketAgentError, UsageError

if TYPE_CHECKING:
    from pocket_agent.assistant.assistant import Assistant
    from pocket_agent.assistant.events import AssistantEvent, ContextReady, Learnt, ReplyDone
    from pocket_agent.assistant.opening import Opened

INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `ask`."""
    parser.add_argument("text", nargs="*", help="the question; what is piped in follows it")
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object: the answer, what was recalled for it, what was learnt from it",
    )
    parser.add_argument(
        "-s", "--system", metavar="TEXT", default="", help="instructions for the model"
    )
    parser.add_argument(
        "-c",
        "--continue",
        dest="go_on",
        action="store_true",
        help="go on with the last conversation",
    )
    parser.add_argument(
        "--schema",
        metavar="FILE|JSON",
        help="answer with JSON that matches this JSON Schema",
    )
    parser.add_argument(
        "--no-profile",
        action="store_true",
        help="read nothing that is known of you for this, and learn nothing from it",
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, help="the same number gives the same answer again"
    )
    parser.add_argument(
        "--max-tokens",
        metavar="N",
        type=options.count,
        default=512,
        help="cut the answer after so many tokens (default: 512)",
    )
    parser.add_argument(
        "--show-context",
        action="store_true",
        help="print the very text that the model is sent to the standard error",
    )
    options.add_model(parser)
    options.add_incognito(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    parts = (typed(arguments.text), read_pipe())
    text = "\n\n".join(part.strip("\n") for part in parts if part.strip())
    if not text:
        raise UsageError("There is nothing to ask", 'Try: pocket-agent ask "What is a monad?"')
    form = None if arguments.schema is None else Form(typed([arguments.schema]))
    return asyncio.run(_ask(arguments, text, form))


async def _ask(arguments: argparse.Namespace, text: str, form: Form | None) -> int:
    async with _open(arguments, form) as opened:
        if arguments.go_on:
            newest = await asyncio.to_thread(opened.store.sessions, 1, archived=False)
            await opened.assistant.open_session(newest[0].id if newest else None)
        where = NoPaper() if form or arguments.json else paper()
        answer = _Answer(opened.assistant, where, shows_context=arguments.show_context)
        code = await _until_interrupted(answer, text)
        if form and code == 0:
            value = form.value(answer.result["reply"], answer.result["finish"])
            put_json({**answer.result, "value": value} if arguments.json else value)
        elif arguments.json:
            put_json(answer.result)
        if answer.failure:
            raise answer.failure
    return code


@asynccontextmanager
async def _open(arguments: argparse.Namespace, form: Form | None) -> "AsyncIterator[Opened]":
    from pocket_agent.assistant.assistant import AssistantOptions
    from pocket_agent.assistant.opening import open_profile
    from pocket_agent.llm.protocol import CHAT, GREEDY

    locations, settings = open_home(arguments)
    name, blank = profile_name(arguments, settings), arguments.blank
    if name != settings.profile and not blank and not locations.profile(name).exists():
        if arguments.incognito:
            raise no_profile(name)
        narrate(f"making the profile {name!r}")
    is_new = not locations.profile(name).exists()
    key = None if blank else passphrase_for(arguments, settings, locations.profile(name))
    seed = settings.seed if arguments.seed is None else arguments.seed
    system = typed([arguments.system])
    behaviour = AssistantOptions(
        system=f"{system}\n{form.wish}" if form else system,
        # Under a grammar: the penalties would fall on the brackets and names that must come again.
        sampling=replace(GREEDY if form else CHAT, seed=seed, max_tokens=arguments.max_tokens),
        learn=settings.learn and not arguments.no_profile,
        profile=not arguments.no_profile,
        learn_imported=False,  # nobody waits for that here
        grammar=form.grammar if form else "",
        remember=not options.leaves_no_trace(arguments),
    )
    opened = await open_profile(
        locations,
        name,
        choice=choose_model(arguments, settings),
        options=behaviour,
        key=key,
        progress=Narrator(),
        by_meaning=False,
        blank=blank,
    )
    if is_new and key is None and behaviour.remember:
        tell_plain(name, settings)
    try:
        yield opened
    finally:
        await opened.close()


async def _until_interrupted(answer: "_Answer", text: str) -> int:
    """Run the answer; Ctrl-C stops the reply, keeping what is there, or what comes after it."""
    running = asyncio.ensure_future(answer.run(text))
    loop = asyncio.get_running_loop()
    interrupted: list[asyncio.Task[None]] = []

    def interrupt() -> None:
        if answer.replying and not interrupted:
            interrupted.append(asyncio.ensure_future(answer.stop()))
        else:
            running.cancel()

    with contextlib.suppress(NotImplementedError):  # Windows: asyncio.run cancels this task
        loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        await asyncio.wait([running])
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.wait([running])
        raise
    finally:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
    if running.cancelled():
        return INTERRUPTED
    running.result()
    return INTERRUPTED if interrupted else 0


class _Answer:
    """Writes an answer as it comes, and gathers all there is to know of it in `result`.

    Args:
        assistant: answers. where: what it is written on.
        shows_context: print the prompt too, beside the data.
    """

    def __init__(self, assistant: "Assistant", where: Paper, *, shows_context: bool) -> None:
        self.result: dict[str, Any] = {"reply": "", "session": None, "turn": None}
        self.result |= {"reply_turn": None, "finish": "cancelled", "usage": None}
        self.result |= {"facts": [], "recalled": [], "dropped_turns": 0, "ops": []}
        self.replying = True
        self.failure: PocketAgentError | None = None
        """What went wrong after the reply: the answer is there, and nothing was learnt from it."""
        self._assistant = assistant
        self._paper = where
        self._stopped = False
        self._shows_context = shows_context

    async def stop(self) -> None:
        """End the reply; what there is of it stays."""
        self._stopped = True
        await self._assistant.stop()

    async def run(self, text: str) -> None:
        """Take in every event of one message.

        Raises:
            ReaderGoneError: nobody reads the output any more; the reply was stopped.
        """
        from pocket_agent.assistant import events as events_of

        gone: ReaderGoneError | None = None
        async with aclosing(self._events(text)) as events:
            async for event in events:
                try:
                    await self._take(event)
                except ReaderGoneError as error:
                    gone, self._paper = error, NoPaper()
                    await self.stop()
                if self._stopped and isinstance(event, events_of.ReplyDone):
                    break
        if gone:
            raise gone

    async def _events(self, text: str) -> "AsyncGenerator[AssistantEvent, None]":
        """Those of the assistant; what fails once the reply is over is kept in `failure`."""
        async with aclosing(self._assistant.send(text)) as events:
            try:
                async for event in events:
                    yield event
            except PocketAgentError as error:
                if self.replying:
                    raise
                self.failure = error

    async def _take(self, event: "AssistantEvent") -> None:
        from pocket_agent.assistant import events
        from pocket_agent.assistant.phrases import no_room

        match event:
            case events.UserSaved():
                self.result |= {"session": event.turn.session or None, "turn": event.turn.id}
            case events.ContextReady():
                self.result |= _context_record(event)
                if event.dropped_turns:
                    narrate(_left_out(event.dropped_turns))
                if self._shows_context:
                    narrate_text(str(self._assistant.last_context))
                if event.left_out:
                    narrate(no_room(event.left_out))
            case events.ReplyDelta():
                self._paper.write(event.text)
            case events.ReplyDone():
                self.replying = False
                self.result |= _reply_record(event)
                self._paper.end()
                if event.finish == "length":
                    narrate("the answer is cut short here; --max-tokens sets how long it may be")
            case events.Learnt():
                self.result["ops"].append(_op_record(event))
                narrate(_told(event))


def _context_record(event: "ContextReady") -> dict[str, Any]:
    facts = [{"slot": f.slot, "value": f.value, "polarity": f.polarity} for f in event.facts]
    recalled = [
        {"turn": r.turn.id, "at": r.turn.at, "text": r.turn.text, "score": round(r.score, 4)}
        for r in event.recalled
    ]
    return {"facts": facts, "recalled": recalled, "dropped_turns": event.dropped_turns}


def _left_out(turns: int) -> str:
    gone = "turn was" if turns == 1 else f"{turns} turns were"
    return f"the context is full: the oldest {gone} not sent; the conversation stays saved whole"


def _reply_record(event: "ReplyDone") -> dict[str, Any]:
    usage = asdict(event.usage) if event.usage else None
    reply = {"reply": event.turn.text, "reply_turn": event.turn.id, "finish": event.finish}
    return {**reply, "usage": usage}


def _told(event: "Learnt") -> str:
    """The line of an edit, and how to answer where it asks."""
    if not event.waits:
        return event.line
    return f"{event.line} (pocket-agent profile confirm {event.waits[-8:]}, or reject)"


def _op_record(learnt: "Learnt") -> dict[str, Any]:
    event, op, source = learnt.event, learnt.event.op, learnt.event.source
    record = {"op": op.kind, "slot": op.slot, "value": op.value, "old": op.old}
    record |= {"polarity": op.polarity, "quote": source.quote if source else ""}
    said_in = source.turn if source else ""
    return {"seq": event.seq, "turn": said_in, **record, "line": learnt.line, "waits": learnt.waits}
