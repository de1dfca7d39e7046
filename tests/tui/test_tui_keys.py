"""Keys that a person changed: they work, the usual ones don't, and everything that tells keys
tells them."""

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import app_with, lines_told, prompt_of, say, screen_text, shows, wait_until
from scripted import ScriptedBackend
from tui_samples import FACTS, exchanges

from pocket_agent import tui
from pocket_agent.keys import DEFAULT_KEYS, key_for, key_name
from pocket_agent.tui.screens.help import blocks
from pocket_agent.tui.widgets.transcript import Transcript


async def test_changed_keys_work_and_are_told_everywhere() -> None:
    keys = {
        "regenerate": "f8",
        "help": "f9",
        "undo": "alt+z",
        "profile": "ctrl+g",
        "continue": "f2",
    }
    backend = ScriptedBackend(learns=("remembered: home · Porto",))
    app = app_with(backend, keys=keys)
    async with app.run_test(notifications=True, size=(110, 34)) as pilot:
        await shows(pilot, "○ ready")
        assert "F9 help" in screen_text(app)
        assert "F1" not in screen_text(app)
        await say(pilot, "Hello")
        await shows(pilot, "alt+z undo")
        await shows(pilot, "○ ready")
        await pilot.press("ctrl+r")
        await pilot.press("f8")
        await wait_until(pilot, lambda: len(backend.redone) == 2, "another reply")
        await shows(pilot, "○ ready")
        assert backend.redone == [("send", ""), ("regenerate", "")]
        await pilot.press("alt+z")
        await shows(pilot, "undone")
        await pilot.press("ctrl+g")
        await shows(pilot, "Profile · default")
        await pilot.press("escape", "f9")
        await shows(pilot, "Commands")
        await pilot.press("escape", "ctrl+p", *"regen")
        await shows(pilot, "another reply to your last message (F8)")


async def test_every_hint_tells_the_key_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        "quit": "alt+q",
        "stop": "f10",
        "regenerate": "f8",
        "context": "f7",
        "profile": "ctrl+g",
        "continue": "f2",
        "help": "f12",
        "page_up": "alt+u",
        "end": "alt+e",
    }
    gate = asyncio.Event()
    fact = FACTS[0]
    backend = ScriptedBackend(turns=exchanges(60), gate=gate, draws=(fact,))
    backend.imports = 2
    app = app_with(backend, keys=keys, session="s1")
    told = lines_told(monkeypatch)
    async with app.run_test(size=(110, 34)) as pilot:

        async def until_told(line: str) -> None:
            await wait_until(pilot, lambda: line in told, line)

        await shows(pilot, "wait for your yes or no: ctrl+g")
        await shows(pilot, "F12 help")
        await say(pilot, "/yes")
        await shows(pilot, "nothing here asks for a yes or no; ctrl+g shows what waits")
        await pilot.press("ctrl+c")
        await until_told("alt+q leaves.")
        await say(pilot, "/branch")
        await until_told("Nothing here has another version yet: F8 makes another reply.")
        await say(pilot, "Hello")
        await wait_until(pilot, lambda: app.chat.dialogue.replying, "a reply")
        await say(pilot, "/regenerate")
        await until_told("A reply is being written: F10 stops it.")
        await say(pilot, "/model two")
        await until_told("Something is still under way: wait for it, or stop it with F10.")
        gate.set()
        await shows(pilot, "○ ready")
        await pilot.press("alt+up")
        await wait_until(pilot, lambda: told[-1].endswith("; F10 leaves it."), "how to leave")
        await pilot.press("f10")
        await pilot.press("f5")
        await shows(pilot, "F7 the very prompt of the last reply")
        await shows(pilot, "F12 help")
        await pilot.press("f7")
        await shows(pilot, "Context · what the last reply was made from")
        await pilot.press("escape", "escape")


async def test_the_edges_of_the_window_tell_their_keys() -> None:
    app = app_with(keys={"end": "alt+e", "page_up": "alt+u"})
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        await shows(pilot, "○ ready")
        transcript = app.chat.query_one(Transcript)
        transcript._show_edges(2, 3)
        assert str(transcript.query_one("#older").render()) == "▲ 2 older · alt+u shows them"
        assert str(transcript.query_one("#newer").render()) == "▼ 3 newer · alt+e goes to the end"


def test_no_hint_names_a_key_by_itself() -> None:
    """Keys that can be changed stand in the bindings alone; hints ask for those in force."""
    names = {key_name(key) for key in DEFAULT_KEYS.values()} - {"Esc"}  # Esc leaves screens too
    told = re.compile("|".join(rf"(?<![\w+]){re.escape(name)}(?![\w+])" for name in names))
    for path in sorted(Path(tui.__file__).parent.rglob("*.py")):
        for text in _told(ast.parse(path.read_text("utf-8"))):
            allowed = "arrows, PageUp, PageDown scroll" in text  # of a field that can't be changed
            assert allowed or not told.search(text), f"{path.name}: {text}"


def _told(tree: ast.Module) -> Iterator[str]:
    """The texts in a module that hold words, its docstrings aside."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    held = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in docs]
    yield from (node.value for node in held if isinstance(node.value, str) and " " in node.value)


def test_the_help_tells_the_keys_in_force() -> None:
    told = {about: key for _, rows in blocks({"regenerate": "f9"}) for key, about in rows}
    assert told["another reply to your last message"] == "F9"
    assert told["new conversation"] == "ctrl+n"


async def test_the_keys_for_a_new_line_and_many_lines_pasted() -> None:
    backend = ScriptedBackend(turns=exchanges(1))
    async with app_with(backend, session="s1").run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("a", "shift+enter", "b", "alt+enter", "c", "ctrl+j", "d")
        assert prompt_of(pilot).text == "a\nb\nc\nd"
        assert backend.said == []
        await pilot.press("enter")
        await shows(pilot, "○ ready")
    assert backend.said == ["a\nb\nc\nd"]


def test_the_key_of_an_action_as_it_is_printed() -> None:
    assert key_for("stop", {}) == "Esc"
    assert key_for("stop", {"stop": "f10"}) == "F10"
    assert key_for("", {}, "delete") == "Delete"
