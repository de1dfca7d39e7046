"""Sizes, themes and colour: what the chat looks like on the terminal that is there."""

import pytest
from driving import app_with, prompt_of, say, screen_text, shows, wait_until
from scripted import ScriptedBackend


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
    saved: list[str] = []
    app = app_with(theme="no-such-theme", save_theme=saved.append)
    async with app.run_test(notifications=True) as pilot:
        assert app.theme == "pocket"
        await say(pilot, "/theme nord")
        await wait_until(pilot, lambda: saved == ["nord"], "the theme")


async def test_a_theme_that_can_not_be_saved_is_told() -> None:
    def refuse(name: str) -> None:
        raise OSError("read-only")

    async with app_with(save_theme=refuse).run_test(notifications=True) as pilot:
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


def _coloured(style: object) -> bool:
    return any(
        colour is not None and not colour.is_default
        for colour in (getattr(style, "color", None), getattr(style, "bgcolor", None))
    )
