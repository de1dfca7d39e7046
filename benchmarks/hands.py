"""Random hands on the app: every step draws what it needs from a seed of its own."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from benchmarks.own_app import OwnApp
from benchmarks.ui import until
from pocket_agent.tui.screens.confirm import ConfirmScreen
from pocket_agent.tui.screens.search import SearchScreen
from pocket_agent.tui.screens.sessions import SessionsScreen
from pocket_agent.tui.widgets.prompt import MOST_SHOWN, Prompt

USUAL = (100, 30)
"""Columns and rows in which one can type."""
_LAPS = 10
"""Rounds of the event loop after a key, in which whatever it begins has begun."""

SAYING = {"send": 5, "paste": 1, "stop": 2, "queue": 1, "regenerate": 2, "edit": 2}
"""What has a reply made, and how often."""
DOING = {
    **{"undo": 2, "delete": 1, "forget": 1, "new": 2, "switch": 3, "find": 2, "look": 4},
    **{"profile": 2, "resize": 3, "theme": 2, "scroll": 2, "version": 1},
}
"""What is done between, and how often."""
MEANWHILE = ("resize", "theme", "scroll", "look", "type")
"""What is done while a reply streams."""

_PLACES = "Porto Leeds Bergen Ghent Trieste Cork Lund Basel".split()
_FOODS = "ramen olives figs dumplings rye anchovies okra plums".split()
_HOBBIES = "chess pottery rowing birding origami climbing".split()
_LINES = (
    "I live in {place} now and I love {food}.",
    "My hobby is {hobby}. What should I try in {place}?",
    "I can't stand {food}, please remember that.",
    "Suggest a dinner with {food} for two.",
    "I moved from {place}; I no longer do {hobby}.",
    "Tell me something short about {place}.",
)
_SCREENS = {
    **{"f1": "HelpScreen", "f2": "ProfileScreen", "f3": "SessionsScreen", "f4": "ContextScreen"},
    **{"f5": "SourcesScreen", "f6": "SearchScreen", "ctrl+p": "CommandPalette"},
    **{"/models": "ModelsScreen", "/interview": "InterviewScreen"},
}
_IF_ANY = {"SourcesScreen": "sources", "InterviewScreen": "interview"}
"""Screens that only come where there is something to show, and the worker that looks."""
_PROFILE_KEYS = ("l", "p", "d", "u", "y", "n", "down", "up")
_WALK = ("pageup", "pageup", "pagedown", "ctrl+up", "ctrl+down", "ctrl+end")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and the seed of its dice."""

    name: str
    seed: int


def plan(seed: int, turns: int) -> Iterator[Step]:
    """So many messages and replies, with other things between them; the same for a seed."""
    dice = random.Random(seed)
    for _ in range(turns):
        yield Step(dice.choices(list(SAYING), list(SAYING.values()))[0], dice.getrandbits(32))
        for name in dice.choices(list(DOING), list(DOING.values()), k=dice.randint(0, 3)):
            yield Step(name, dice.getrandbits(32))


class Hands:
    """A person at the app.

    Args:
        pilot: holds the app. patience: seconds that anything may take.
    """

    def __init__(self, app: OwnApp, pilot: Pilot[str], patience: float) -> None:
        self._app, self._pilot, self._patience = app, pilot, patience
        self._chat, self._dialogue = app.chat, app.chat.dialogue

    async def take(self, step: Step) -> None:
        """Do one step, and wait for what it begins.

        Raises:
            TimeoutError: something never came.
        """
        do: Callable[[random.Random], Awaitable[None]] = getattr(self, f"_{step.name}")
        await self._to_chat()
        await do(random.Random(step.seed))

    async def rest(self, *, learnt: bool = True) -> None:
        """Wait until nothing streams or waits and, with `learnt`, nothing is read."""
        dialogue = self._dialogue
        await until(
            lambda: not dialogue.replying and not dialogue.conversation.queue, self._patience
        )
        if learnt:
            await until(lambda: not dialogue.busy and not dialogue.status.doing, self._patience)

    # What has a reply made

    async def _send(self, dice: random.Random) -> None:
        await self._say(_line(dice))
        await self._while_it_streams(dice)

    async def _paste(self, dice: random.Random) -> None:
        lines = [_line(dice) for _ in range(dice.choice((2, 5, 12, MOST_SHOWN // 45)))]
        text = "\n".join(lines) + dice.choice(("", "\x1b[31m", "\t\x00", "👩‍🚀🇵🇹 ظلّ"))
        self._field.focus()
        self._app.post_message(events.Paste(text))
        await until(lambda: bool(self._field.text), self._patience)
        await self._press("enter")
        await self._while_it_streams(dice)

    async def _stop(self, dice: random.Random) -> None:
        await self._say(_line(dice))
        wanted = dice.randint(0, 30)
        await until(
            lambda: not self._dialogue.replying or self._written() >= wanted, self._patience
        )
        await self._press("escape")
        await self.rest(learnt=False)

    async def _queue(self, dice: random.Random) -> None:
        for _ in range(dice.randint(2, 3)):
            await self._say(_line(dice))
        if dice.random() < 0.5:
            await self._press("ctrl+b")
        self._field.clear()
        await self._while_it_streams(dice)

    async def _regenerate(self, dice: random.Random) -> None:
        await self.rest(learnt=False)
        await self._press("ctrl+r")
        await self._while_it_streams(dice)

    async def _edit(self, dice: random.Random) -> None:
        await self.rest(learnt=False)
        await self._press(*["alt+up"] * dice.randint(1, 2))
        self._field.put(_line(dice))
        await self._press("enter")
        await self._while_it_streams(dice)

    async def _while_it_streams(self, dice: random.Random) -> None:
        for name in dice.choices(MEANWHILE, k=dice.randint(0, 2)):
            if self._dialogue.replying:
                await self.take(Step(name, dice.getrandbits(32)))
        await self._to_chat()
        await self.rest(learnt=dice.random() < 0.7)

    # What is done between

    async def _undo(self, _dice: random.Random) -> None:
        await self._press("ctrl+u")
        await self._done("undo")

    async def _delete(self, _dice: random.Random) -> None:
        await self.rest(learnt=False)
        await self._command("/delete")
        await self._agree()

    async def _forget(self, dice: random.Random) -> None:
        await self.rest(learnt=False)
        await self._command(f"/forget {dice.choice((*_PLACES, *_FOODS, *_HOBBIES))}")
        await self._agree()

    async def _new(self, _dice: random.Random) -> None:
        await self._press("ctrl+n")
        await self._done("switch")

    async def _switch(self, dice: random.Random) -> None:
        await self._press("f3")
        await self._shows(SessionsScreen)
        await self._done("sessions")
        await self._press(*["down"] * dice.randint(0, 6), "enter")
        await until(self._has_left_sessions, self._patience)
        await self._done("switch")

    def _has_left_sessions(self) -> bool:
        """Whether a conversation was chosen, or there is none."""
        screen = self._app.screen
        return not isinstance(screen, SessionsScreen) or screen._chosen() is None

    async def _find(self, dice: random.Random) -> None:
        await self._press("f6")
        await self._shows(SearchScreen)
        self._app.screen.query_one(Input).value = dice.choice((*_PLACES, *_FOODS, "a dinner"))
        await self._press("enter")
        await self._done("search")
        if dice.random() < 0.5:
            await self._press("enter")
            await self._done("sources")

    async def _look(self, dice: random.Random) -> None:
        opened, name = dice.choice(list(_SCREENS.items()))
        if opened.startswith("/"):
            await self._command(opened)
        else:
            await self._press(opened)
        # With nothing to ask or to show, some say so in one line.
        asks = _IF_ANY.get(name, "")
        await until(
            lambda: self._screen == name or (asks != "" and not self._runs(asks)), self._patience
        )
        await self._press(*dice.choices(("down", "up", "pagedown"), k=dice.randint(0, 3)))

    async def _profile(self, dice: random.Random) -> None:
        await self._press("f2")
        await self._done("facts")
        for key in dice.choices(_PROFILE_KEYS, k=dice.randint(1, 4)):
            await self._press(key)
            await self._done("change", "facts")
        await self._press("h")
        await self._done("look")

    async def _resize(self, dice: random.Random) -> None:
        await self._pilot.resize_terminal(dice.randint(8, 200), dice.randint(3, 60))

    async def _theme(self, dice: random.Random) -> None:
        await self._command(f"/theme {dice.choice(sorted(self._app.available_themes))}")

    async def _scroll(self, dice: random.Random) -> None:
        await self._press(*dice.choices(_WALK, k=dice.randint(1, 6)))
        await self._done("older")

    async def _version(self, dice: random.Random) -> None:
        await self._press(dice.choice(("alt+left", "alt+right")))
        await self._done("version")

    async def _type(self, dice: random.Random) -> None:
        await self._press(*_line(dice)[:20], "home", "delete", "end", "backspace")
        self._field.clear()

    # How

    @property
    def _field(self) -> Prompt:
        return self._chat.query_one(Prompt)

    def _written(self) -> int:
        """Characters of the reply under way."""
        exchange = self._dialogue._current
        reply = exchange._reply if exchange else None
        return len(reply.text) if reply else 0

    async def _say(self, text: str) -> None:
        self._field.focus()
        self._field.insert(text)
        await self._press("enter")

    async def _command(self, text: str) -> None:
        self._field.clear()
        await self._say(text)

    async def _agree(self) -> None:
        """Say yes, if one is asked."""
        await until(self._was_asked, self._patience)
        if isinstance(self._app.screen, ConfirmScreen):
            await self._press("y")
        await self._done("forget")

    def _was_asked(self) -> bool:
        """Whether a forgetting asks, or has come to its end."""
        return isinstance(self._app.screen, ConfirmScreen) or not self._runs("forget")

    async def _press(self, *keys: str) -> None:
        await self._app._press_keys(keys)
        await self._pilot.pause()
        for _ in range(_LAPS):
            await asyncio.sleep(0)

    async def _shows(self, screen: type[object]) -> None:
        await until(lambda: isinstance(self._app.screen, screen), self._patience)

    async def _done(self, *groups: str) -> None:
        """Wait until no worker of these groups runs."""
        await until(lambda: not any(map(self._runs, groups)), self._patience)
        await self._pilot.pause()

    @property
    def _screen(self) -> str:
        """The kind of the screen on top."""
        return type(self._app.screen).__name__

    def _runs(self, group: str) -> bool:
        return any(each.group == group and not each.is_finished for each in self._app.workers)

    async def _to_chat(self) -> None:
        """Leave whatever is over the chat, in a terminal in which one can type."""
        if self._app.size != USUAL:
            await self._pilot.resize_terminal(*USUAL)
        end = time.monotonic() + self._patience
        while len(self._app.screen_stack) > 1:
            await self._press("escape")
            if time.monotonic() > end:
                raise TimeoutError(f"{self._screen} never closed")
        self._chat.leave_editing()
        self._field.focus()
        self._field.clear()


def _line(dice: random.Random) -> str:
    return dice.choice(_LINES).format(
        place=dice.choice(_PLACES), food=dice.choice(_FOODS), hobby=dice.choice(_HOBBIES)
    )
