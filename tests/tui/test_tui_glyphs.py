"""Where a terminal lacks our signs, none is drawn: one table holds what stands for each."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import app_with, say, screen_text, shows, wait_until
from rich.cells import cell_len
from scripted import Encrypted, ScriptedBackend
from textual.pilot import Pilot
from tui_samples import FACTS, exchanges

import pocket_agent.tui
from pocket_agent.cli.chat import tui_options
from pocket_agent.cli.main import _parser
from pocket_agent.errors import ModelError
from pocket_agent.tui.glyphs import ASCII
from pocket_agent.tui.terminal import wants_ascii

FOLDER = Path(pocket_agent.tui.__file__).parent
NOT_DRAWN = {"safe_text.py", "glyphs.py"}
"""They hold characters to be recognised."""

REPLY = (
    "# Porto\n\n> a quote\n\n1. one\n   - two\n     - three\n       - four\n\n---\n",
    "\n```python\nprint('tram')\n```\n\n| tram | to |\n|--|--|\n| 1 | Foz |\n",
)


def literals(tree: ast.AST) -> Iterator[str]:
    """The texts of a module, without what documents it."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Expr,)) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_every_sign_of_ours_is_in_the_table(path: Path) -> None:
    if path.name in NOT_DRAWN:
        return
    used = {char for text in literals(ast.parse(path.read_text("utf-8"))) for char in text}
    assert {char for char in used if not char.isascii()} <= set(ASCII)


def test_what_stands_for_a_sign_is_ascii_and_as_wide() -> None:
    for sign, stands in ASCII.items():
        assert stands.isascii(), sign
        assert cell_len(stands) == cell_len(sign), sign


@pytest.mark.parametrize(
    ("setting", "environment", "ascii_only"),
    [
        ("auto", {}, False),
        ("auto", {"TERM": "xterm-256color", "LANG": "de_DE.UTF-8"}, False),
        ("auto", {"TERM": "xterm", "LC_ALL": "C.utf8", "LANG": "C"}, False),
        ("auto", {"TERM": "linux", "LANG": "en_GB.UTF-8"}, True),
        ("auto", {"LANG": "de_DE.ISO-8859-1"}, True),
        ("auto", {"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, True),
        ("auto", {"LC_CTYPE": "C.UTF-8", "LANG": "C"}, True),
        ("auto", {"LC_CTYPE": "UTF-8"}, False),
        ("unicode", {"TERM": "linux"}, False),
        ("ascii", {"LANG": "de_DE.UTF-8"}, True),
    ],
)
def test_when(setting: str, environment: dict[str, str], ascii_only: bool) -> None:
    assert wants_ascii(setting, environment) is ascii_only


def plain(pilot: Pilot[str]) -> None:
    """Every line that is painted is ASCII."""
    for line in screen_text(pilot.app).splitlines():
        assert line.isascii(), line


async def test_the_chat_draws_none() -> None:
    backend = ScriptedBackend(
        REPLY,
        ("remembered: home - Porto",),
        turns=exchanges(40),
        dropped=6,
        draws=tuple(FACTS[:2]),
        fail=lambda text: ModelError("The model is gone", "Again.") if text == "x" else None,
    )
    app = app_with(backend, ascii=True, panel=True, session="s1")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shows(pilot, "o ready")
        await say(pilot, "Where to?")
        await shows(pilot, "> remembered: home - Porto")
        await shows(pilot, "ctrl+u undo")
        plain(pilot)
        await say(pilot, "x")
        await shows(pilot, "x The model is gone")
        for key in ("pageup", "pageup", "pageup"):
            await pilot.press(key)
        await pilot.pause()
        plain(pilot)


@pytest.mark.parametrize("size", [(120, 40), (40, 20)])
@pytest.mark.parametrize(
    ("keys", "sign"),
    [
        (("f1",), "Commands"),
        (("f2",), "IDENTITY"),
        (("f2", "down", "down", "e"), "new value of home"),
        (("f2", "down", "down", "x"), "This erases"),
        (("f3",), "Untitled"),
        (("f4",), "Nothing has been sent"),
        (("f6",), "Enter searches"),
        (("ctrl+p",), "Search"),
        ((*"/models", "enter"), "ON THIS COMPUTER"),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, tuple) else None,
)
async def test_no_screen_draws_one(keys: tuple[str, ...], sign: str, size: tuple[int, int]) -> None:
    async with app_with(ascii=True).run_test(size=size) as pilot:
        await shows(pilot, "o ready")
        await pilot.press(*keys)
        await shows(pilot, sign)
        plain(pilot)


async def test_neither_do_the_questions_of_a_start() -> None:
    app = app_with(ascii=True, offers_encryption=True, introduces=True)
    async with app.run_test(size=(80, 24)) as pilot:
        for sign in ("Welcome to", "be called?", "Which model", "Encrypt what"):
            await shows(pilot, sign)
            plain(pilot)
            await pilot.press("enter")
    async with app_with(Encrypted(), ascii=True).run_test() as pilot:
        await shows(pilot, "passphrase")
        plain(pilot)


async def test_with_unicode_they_are_drawn_and_words_of_people_are_left_alone() -> None:
    async with app_with().run_test() as pilot:
        await shows(pilot, "○ ready")
    async with app_with(ascii=True).run_test() as pilot:
        await shows(pilot, "o ready")
        await say(pilot, "déjà vu in São Bento")
        await wait_until(pilot, lambda: "déjà vu" in screen_text(pilot.app), "the words")


def test_the_setting_reaches_the_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TERM", "linux")

    def given() -> bool:
        return tui_options(_parser("").parse_args(["--home", str(home)]))[2].ascii

    assert given()
    (home / "config.toml").write_text('glyphs = "unicode"\n')
    assert not given()
