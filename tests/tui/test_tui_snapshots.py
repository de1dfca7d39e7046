"""Pictures of every screen, looked at by people. To renew them: pytest --snapshot-update."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from driving import say, shows, wait_until
from scripted import Encrypted, ScriptedBackend
from textual.pilot import Pilot
from tui_samples import FACTS, exchanges, fact, turn

from pocket_agent.assistant.events import ContextUse
from pocket_agent.errors import ModelError
from pocket_agent.memory.records import TurnRole
from pocket_agent.profile.facts import Fact
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.widgets.entries import ReplyTurn

Compare = Callable[..., bool]
Steps = Callable[[Pilot[str]], Awaitable[None]]

REPLY = (
    "Porto is lovely in autumn:\n\n",
    "1. the **river** at night\n   - from the *upper* deck of the bridge\n",
    "2. the tiles at `São Bento`\n",
    "\n```python\nfor tram in (1, 18, 22):\n    print(f'ride the {tram}')\n```\n",
    "\n| tram | goes to |\n|-----:|---------|\n| 1 | Foz |\n| 22 | Batalha |\n",
)
NEWER = [fact("f8", "place", "the bridge at night", "I love the bridge at night")]
SIZES = {"wide": (160, 45), "usual": (80, 24), "narrow": (40, 20)}


def chat() -> ScriptedBackend:
    return ScriptedBackend(REPLY, ("remembered: home · Porto (was Leeds)",))


async def talk(pilot: Pilot[str]) -> None:
    await say(pilot, "I moved to Porto last month.\nWhat should I see?")
    await shows(pilot, "ctrl+u undo")
    await shows(pilot, "○ ready")
    await wait_until(
        pilot, lambda: all(t._coloured for t in pilot.app.screen.query(ReplyTurn)), "the colours"
    )
    await pilot.pause()


async def ready(pilot: Pilot[str]) -> None:
    await shows(pilot, "○ ready")


def after(*keys: str, sign: str) -> Steps:
    async def steps(pilot: Pilot[str]) -> None:
        await ready(pilot)
        await pilot.press(*keys)
        await shows(pilot, sign)

    return steps


@pytest.mark.parametrize("size", SIZES)
def test_chat(snap_compare: Compare, size: str) -> None:
    assert snap_compare(PocketApp(chat()), run_before=talk, terminal_size=SIZES[size])


@pytest.mark.parametrize("theme", ["pocket-light", "textual-light", "gruvbox"])
def test_chat_in_other_colours(snap_compare: Compare, theme: str) -> None:
    app = PocketApp(chat(), TuiOptions(theme=theme))
    assert snap_compare(app, run_before=talk, terminal_size=SIZES["usual"])


def test_chat_without_colours(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(PocketApp(chat()), run_before=talk, terminal_size=SIZES["usual"])


@pytest.mark.parametrize("size", SIZES)
def test_start_while_the_model_loads(snap_compare: Compare, size: str) -> None:
    async def queue(pilot: Pilot[str]) -> None:
        await say(pilot, "first things first")
        await pilot.press(*"and then")
        await shows(pilot, "1 queued")

    app = PocketApp(ScriptedBackend(hold_load=asyncio.Event()))
    assert snap_compare(app, run_before=queue, terminal_size=SIZES[size])


def test_empty_chat(snap_compare: Compare) -> None:
    app = PocketApp(ScriptedBackend())
    assert snap_compare(app, run_before=ready, terminal_size=SIZES["usual"])


def test_full_context_failure_and_undone(snap_compare: Compare) -> None:
    backend = ScriptedBackend(
        ("Sure.",),
        ("remembered: pet · a tabby called Miso",),
        dropped=6,
        turns=exchanges(2),
        fail=lambda text: ModelError("The model is gone", "Start again.") if "x" in text else None,
    )

    async def steps(pilot: Pilot[str]) -> None:
        await say(pilot, "My tabby is called Miso")
        await shows(pilot, "ctrl+u undo")
        await pilot.press("ctrl+u")
        await shows(pilot, "undone")
        await say(pilot, "x")
        await shows(pilot, "The model is gone")

    app = PocketApp(backend, TuiOptions(session="s1"))
    assert snap_compare(app, run_before=steps, terminal_size=SIZES["usual"])


@pytest.mark.parametrize("size", SIZES)
def test_profile(snap_compare: Compare, size: str) -> None:
    app = PocketApp(ScriptedBackend())
    steps = after("f2", sign="IDENTITY")
    assert snap_compare(app, run_before=steps, terminal_size=SIZES[size])


def test_profile_edit(snap_compare: Compare) -> None:
    app = PocketApp(ScriptedBackend())
    steps = after("f2", "down", "down", "e", sign="new value of home")
    assert snap_compare(app, run_before=steps, terminal_size=SIZES["narrow"])


def test_forget_asks(snap_compare: Compare) -> None:
    app = PocketApp(ScriptedBackend())
    steps = after("f2", "down", "down", "x", sign="This erases")
    assert snap_compare(app, run_before=steps, terminal_size=SIZES["usual"])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_sessions(snap_compare: Compare, size: str) -> None:
    steps = after("f3", sign="Untitled")
    assert snap_compare(PocketApp(ScriptedBackend()), run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", SIZES)
def test_models(snap_compare: Compare, size: str) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await ready(pilot)
        await say(pilot, "/models")
        await shows(pilot, "about 138 tokens/s")

    assert snap_compare(PocketApp(ScriptedBackend()), run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_search(snap_compare: Compare, size: str) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await shows(pilot, "○ ready")
        await pilot.press("f6")
        await shows(pilot, "Enter searches")
        await pilot.press(*"question 1", "enter")
        await shows(pilot, "11 found")

    app = PocketApp(ScriptedBackend(turns=exchanges(20)))
    assert snap_compare(app, run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_where_what_the_model_reads_begins(snap_compare: Compare, size: str) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await shows(pilot, "begins here")
        await shows(pilot, "ctx 73%")

    backend = ScriptedBackend(turns=exchanges(4))
    backend.use = ContextUse(3000, 4096, 6, "t6")
    app = PocketApp(backend, TuiOptions(session="s1"))
    assert snap_compare(app, run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_context(snap_compare: Compare, size: str) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await talk(pilot)
        await pilot.press("f4")
        await shows(pilot, "512 of 4,096 tokens")

    assert snap_compare(PocketApp(chat()), run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_help(snap_compare: Compare, size: str) -> None:
    steps = after("f1", sign="Commands")
    assert snap_compare(PocketApp(ScriptedBackend()), run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_passphrase(snap_compare: Compare, size: str) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await shows(pilot, "It needs its passphrase")
        await pilot.press(*"sesam")

    assert snap_compare(PocketApp(Encrypted()), run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_offer_to_encrypt(snap_compare: Compare, size: str) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await shows(pilot, "Tab chooses a passphrase")

    app = PocketApp(ScriptedBackend(), TuiOptions(offers_encryption=True))
    assert snap_compare(app, run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_choosing_a_passphrase(snap_compare: Compare, size: str) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await shows(pilot, "Tab chooses a passphrase")
        await pilot.press("tab", *"lamps", "enter", *"lam")
        await shows(pilot, "That is short")

    app = PocketApp(ScriptedBackend(), TuiOptions(offers_encryption=True))
    assert snap_compare(app, run_before=steps, terminal_size=SIZES[size])


PAST = turn(0, TurnRole.USER, "We looked at [b]flats[/b] near the river in Porto")


def informed() -> ScriptedBackend:
    memories = ("remembered: home · Porto (was Leeds)",)
    return ScriptedBackend(REPLY[:1], memories, draws=tuple(FACTS[:3]), recalls=(PAST,))


async def be_informed(pilot: Pilot[str]) -> None:
    await say(pilot, "Where was that flat again?")
    await shows(pilot, "with 3 facts, 1 past turn")
    await shows(pilot, "ctrl+u undo")
    await shows(pilot, "○ ready")


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_what_a_reply_was_made_from(snap_compare: Compare, size: str) -> None:
    assert snap_compare(PocketApp(informed()), run_before=be_informed, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", ["usual", "narrow"])
def test_sources(snap_compare: Compare, size: str) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await be_informed(pilot)
        await pilot.press("f5")
        await shows(pilot, "Enter goes there")

    assert snap_compare(PocketApp(informed()), run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("mode", ["incognito", "blank"])
def test_a_chat_that_leaves_no_trace(snap_compare: Compare, mode: str) -> None:
    options = TuiOptions(incognito=True, blank=mode == "blank")
    app = PocketApp(ScriptedBackend(), options)
    assert snap_compare(app, run_before=ready, terminal_size=SIZES["usual"])


def test_too_small(snap_compare: Compare) -> None:
    async def look(pilot: Pilot[str]) -> None:
        await shows(pilot, "Too small")

    assert snap_compare(PocketApp(chat()), run_before=look, terminal_size=(28, 6))


@pytest.mark.parametrize("size", ["usual", "narrow"])
@pytest.mark.parametrize("step", ["welcome", "name", "model"])
def test_first_start(snap_compare: Compare, size: str, step: str) -> None:
    signs = {"welcome": "Welcome to", "name": "be called?", "model": "Which model"}

    async def steps(pilot: Pilot[str]) -> None:
        for name, sign in signs.items():
            await shows(pilot, sign)
            if name == step:
                return
            await pilot.press("enter")

    app = PocketApp(ScriptedBackend(), TuiOptions(offers_encryption=True, introduces=True))
    assert snap_compare(app, run_before=steps, terminal_size=SIZES[size])


@pytest.mark.parametrize("columns", [120, 160])
def test_panel(snap_compare: Compare, columns: int) -> None:
    class Learning(ScriptedBackend):
        async def facts(self) -> list[Fact]:
            return [*FACTS, *NEWER] if self.said else FACTS

    async def steps(pilot: Pilot[str]) -> None:
        await talk(pilot)
        await shows(pilot, "+ place")

    backend = Learning(REPLY, ("remembered: place · the bridge at night",))
    app = PocketApp(backend, TuiOptions(panel=True))
    assert snap_compare(app, run_before=steps, terminal_size=(columns, 30))


@pytest.mark.parametrize("rows", [12, 30])
def test_panel_of_a_long_profile(snap_compare: Compare, rows: int) -> None:
    async def steps(pilot: Pilot[str]) -> None:
        await shows(pilot, "more: F2")
        await shows(pilot, "○ ready")

    facts = [*FACTS, *(fact(f"m{n}", "hobby", f"thing {n}", "") for n in range(40))]
    app = PocketApp(ScriptedBackend(facts=facts), TuiOptions(panel=True))
    assert snap_compare(app, run_before=steps, terminal_size=(100, rows))
