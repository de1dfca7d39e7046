"""Sizes, themes and colour: what the chat looks like on the terminal that is there."""

import pytest
from driving import app_with, prompt_of, say, screen_text, shows, wait_until
from rich.cells import cell_len
from rich.color import ColorType
from scripted import ScriptedBackend
from textual.app import App


async def test_a_terminal_too_small_gets_one_clear_line() -> None:
    async with app_with().run_test(notifications=True, size=(80, 24)) as pilot:
        await shows(pilot, "○ ready")
        for size in ((29, 24), (80, 7), (5, 2)):
            await pilot.resize_terminal(*size)
            await shows(pilot, "Too")
            rest = screen_text(pilot.app).splitlines()[1:]
            assert not any(line.strip() for line in rest)
        await pilot.resize_terminal(30, 8)
        await shows(pilot, "Message…")


async def test_the_keys_come_back_when_the_terminal_is_large_enough_again() -> None:
    async with app_with().run_test(notifications=True, size=(80, 24)) as pilot:
        await shows(pilot, "○ ready")
        await pilot.resize_terminal(24, 8)
        await shows(pilot, "Too small")
        await pilot.resize_terminal(80, 24)
        await shows(pilot, "Message…")
        await pilot.pause()
        await pilot.press(*"hello")
        assert prompt_of(pilot).text == "hello"


@pytest.mark.parametrize("size", [(80, 24), (40, 20), (30, 8), (160, 45)])
async def test_every_size_shows_status_and_field(size: tuple[int, int]) -> None:
    async with app_with().run_test(notifications=True, size=size) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "○ ready")
        await shows(pilot, "Hello there.")
        await shows(pilot, "Message…")
        widest = max(len(line) for line in screen_text(pilot.app).splitlines())
        assert widest <= size[0]


async def test_a_chosen_theme_is_saved_and_an_unknown_one_falls_back() -> None:
    saved: list[tuple[str, str]] = []
    app = app_with(theme="no-such-theme", save=lambda *setting: saved.append(setting))
    async with app.run_test(notifications=True) as pilot:
        assert app.theme == "pocket"
        await say(pilot, "/theme nord")
        await wait_until(pilot, lambda: saved == [("theme", "nord")], "the theme")


async def test_a_theme_that_can_not_be_saved_is_told() -> None:
    def refuse(name: str, value: str) -> None:
        raise OSError("read-only")

    async with app_with(save=refuse).run_test(notifications=True) as pilot:
        await say(pilot, "/theme nord")
        await shows(pilot, "could not be saved")


async def test_no_color_paints_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with app_with(ScriptedBackend(("`code` and **bold**",))).run_test(
        notifications=True
    ) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "code and bold")
        for strip in pilot.app.screen._compositor.render_strips():
            for segment in strip:
                assert segment.style is None or not _coloured(segment.style)


WIDE = "東京に住んでいます。猫の名前はみそです。" * 6
HEBREW = "אני גר בתל אביב ושם החתולה שלי מיסו"
ARABIC = "أعيش في بيروت، واسم قطتي ميسو"


@pytest.mark.parametrize("width", [40, 80, 160])
async def test_wide_and_right_to_left_text_is_whole_at_every_width(width: int) -> None:
    backend = ScriptedBackend((f"{WIDE}\n\n- {HEBREW}\n- `{ARABIC}`\n\n| 場所 | {HEBREW[:8]} |\n",))
    async with app_with(backend).run_test(notifications=True, size=(width, 45)) as pilot:
        await say(pilot, f"{WIDE} {ARABIC}")
        await shows(pilot, "○ ready")
        await shows(pilot, HEBREW.split()[-1])
        await pilot.pause()
        lines = screen_text(pilot.app).splitlines()
        assert all(cell_len(line) <= width for line in lines)
        said = "".join("".join(lines).split()).replace("▌", "")
        for text in (WIDE, HEBREW, ARABIC):
            letters = "".join(text.split())
            assert letters in said
        assert "\ufffd" not in said


@pytest.mark.parametrize("theme", ["terminal", "ansi-dark", "ansi-light"])
async def test_the_terminals_own_palette_is_all_that_is_painted(theme: str) -> None:
    reply = "`code` and **bold**\n\n```python\nfor a in b:\n    print(1)\n```\n\n> quoted\n"
    backend = ScriptedBackend((reply,), ("remembered: home · Porto",))
    async with app_with(backend, theme=theme).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "code and bold")
        await shows(pilot, "ctrl+u undo")
        for key in (None, "f1", "f2", "f3"):
            if key:
                await pilot.press(key)
                await pilot.pause()
            _check_palette(pilot.app)
            if key:
                await pilot.press("escape")
                await pilot.pause()


async def test_the_chosen_row_is_seen_without_a_colour_of_its_own() -> None:
    async with app_with(theme="terminal").run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("f2")
        await shows(pilot, "IDENTITY")
        await pilot.press("down")
        await pilot.pause()
        strips = pilot.app.screen._compositor.render_strips()
        marked = [s.text for strip in strips for s in strip if s.style and s.style.underline]
        assert any(text.strip() for text in marked)


async def test_nothing_moves_by_itself() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "○ ready")
        assert pilot.app.animation_level == "none"
        assert not prompt_of(pilot).cursor_blink
        before = screen_text(pilot.app)
        await pilot.pause(0.7)  # longer than a cursor's blink
        assert screen_text(pilot.app) == before


def _check_palette(app: App[str]) -> None:
    """Only the sixteen colours, and no text in the colour of its ground."""
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            style = segment.style
            if style is None:
                continue
            for colour in (style.color, style.bgcolor):
                assert colour is None or colour.type in (ColorType.DEFAULT, ColorType.STANDARD)
            if segment.text.strip() and style.color and not style.color.is_default:
                assert style.color != style.bgcolor, segment.text


def _coloured(style: object) -> bool:
    return any(
        colour is not None and not colour.is_default
        for colour in (getattr(style, "color", None), getattr(style, "bgcolor", None))
    )
