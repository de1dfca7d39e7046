"""The chat, driven by keys."""

import asyncio

import pytest
from driving import prompt_of, say, screen_text, shows, shows_no, wait_until
from scripted import AT, ScriptedBackend, exchanges, turn
from textual import events

from pocket_agent.errors import DiskFullError, ModelError, StoreBusyError
from pocket_agent.memory.records import TurnRole
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.clipboard import osc52
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.widgets.entries import MemoryLine, ReplyTurn, UserTurn
from pocket_agent.tui.widgets.transcript import SLACK, WINDOW, Transcript

ESC = "\x1b"


def app_with(backend: ScriptedBackend | None = None, **options: object) -> PocketApp:
    return PocketApp(backend or ScriptedBackend(), TuiOptions(**options))  # type: ignore[arg-type]


async def test_it_paints_and_takes_a_message_before_the_model_is_there() -> None:
    hold = asyncio.Event()
    backend = ScriptedBackend(hold_load=hold)
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "first things first")
        await shows(pilot, "You · queued")
        await shows(pilot, "loading SmolLM2-135M-Instruct 40% · 1 queued")
        hold.set()
        await shows(pilot, "Hello there.")
        await shows_no(pilot, "queued")
    assert backend.said == ["first things first"]
    assert backend.closed


async def test_a_reply_is_markdown() -> None:
    reply = ("Some **bo", "ld** and\n\n- a\n", "- list\n\n```python\nx = 1\n", "```\n")
    async with app_with(ScriptedBackend(reply)).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Some bold and")
        await shows(pilot, "• list")
        await shows(pilot, "x = 1")
        assert "**" not in screen_text(pilot.app)
        assert "```" not in screen_text(pilot.app)


async def test_enter_sends_and_the_other_keys_break_the_line() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        await pilot.press("a", "ctrl+j", "b", "shift+enter", "c", "alt+enter", "d")
        assert prompt_of(pilot).text == "a\nb\nc\nd"
        await pilot.press("enter")
        await wait_until(pilot, lambda: backend.said == ["a\nb\nc\nd"], "the message")


async def test_enter_can_be_the_line_break_instead() -> None:
    backend = ScriptedBackend()
    async with app_with(backend, enter_sends=False).run_test(notifications=True) as pilot:
        await pilot.press("a", "enter", "b", "ctrl+j")
        await wait_until(pilot, lambda: backend.said == ["a\nb"], "the message")


async def test_a_pasted_text_of_many_lines_stays_one_message() -> None:
    from textual.events import Paste

    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        prompt_of(pilot).post_message(Paste("one\r\ntwo\nthree"))
        await pilot.pause()
        assert backend.said == []
        await pilot.press("enter")
        await wait_until(pilot, lambda: backend.said == ["one\ntwo\nthree"], "the message")


async def test_alt_enter_of_a_plain_terminal_is_a_line_break() -> None:
    from textual._xterm_parser import XTermParser

    app_with()
    keys = [getattr(event, "key", "") for event in XTermParser().feed("\x1b\r")]
    assert keys == ["ctrl+j"]


async def test_blank_messages_are_not_sent() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        await pilot.press("space", "ctrl+j", "enter")
        await pilot.pause()
        assert backend.said == []


async def test_escape_stops_and_keeps_what_is_there() -> None:
    async with app_with(ScriptedBackend(gate=asyncio.Event())).run_test(
        notifications=True
    ) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Hello")
        await shows(pilot, "● answering")
        await pilot.press("escape")
        await shows(pilot, "Pocket · stopped")
        assert "Hello" in screen_text(pilot.app)


async def test_a_reply_that_is_cut_at_its_limit_says_so() -> None:
    async with app_with(ScriptedBackend(finish="length")).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Pocket · cut at its length limit")


async def test_ctrl_c_stops_too_and_otherwise_says_how_to_leave() -> None:
    async with app_with(ScriptedBackend(gate=asyncio.Event())).run_test(
        notifications=True
    ) as pilot:
        await pilot.press("ctrl+c")
        await shows(pilot, "ctrl+q leaves")
        await say(pilot, "hi")
        await shows(pilot, "Hello")
        await pilot.press("ctrl+c")
        await shows(pilot, "Pocket · stopped")


async def test_messages_queue_while_it_answers_and_escape_gives_them_back_while_it_loads() -> None:
    hold = asyncio.Event()
    async with app_with(ScriptedBackend(hold_load=hold)).run_test(notifications=True) as pilot:
        await say(pilot, "one")
        await say(pilot, "two")
        await shows(pilot, "2 queued")
        await pilot.press("escape")
        await shows(pilot, "1 queued")
        assert prompt_of(pilot).text == "two"
        hold.set()
        await shows(pilot, "○ ready")


async def test_up_and_down_walk_the_history_and_keep_the_draft() -> None:
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "one")
        await say(pilot, "two\nlines")
        await wait_until(pilot, lambda: len(backend.said) == 2, "both")
        await pilot.press("d", "up")
        assert prompt_of(pilot).text == "two\nlines"
        await pilot.press("up")
        assert prompt_of(pilot).text == "two\nlines", "inside the text, up moves the cursor"
        await pilot.press("up")
        assert prompt_of(pilot).text == "one"
        await pilot.press("down", "down", "down")
        assert prompt_of(pilot).text == "d"


async def test_what_is_learnt_is_one_quiet_line_with_undo() -> None:
    backend = ScriptedBackend(learns=("remembered: home · Porto (was Leeds)",))
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "I moved to Porto")
        await shows(pilot, "↳ remembered: home · Porto (was Leeds)   ctrl+u undo")
        await pilot.press("x", "ctrl+u")
        assert prompt_of(pilot).text == ""
        assert backend.undone == [], "with a text in the field, ctrl+u cuts the line"
        await pilot.press("ctrl+u")
        await shows(pilot, "undone")
        await shows_no(pilot, "ctrl+u undo")


async def test_any_line_can_be_undone_by_key_and_by_click() -> None:
    backend = ScriptedBackend(learns=("remembered: first", "remembered: second"))
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "second   ctrl+u undo")
        await shows(pilot, "first   undo")
        rows = [line.row.seq for line in pilot.app.screen.query(MemoryLine)]
        await pilot.press("shift+tab", "shift+tab", "u")
        await wait_until(pilot, lambda: backend.undone == [rows[0]], "the first undone")
        last = pilot.app.screen.query(MemoryLine).last()
        start = len("  ↳ remembered: second   ")
        await pilot.click(last, offset=(start + 2, 0))
        await wait_until(pilot, lambda: backend.undone == rows, "the second undone")


async def test_a_full_context_is_told_in_a_line() -> None:
    async with app_with(ScriptedBackend(dropped=4)).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "The context is full: the oldest 4 turns have left it.")


HOSTILE = f"{ESC}[2J{ESC}]0;owned\a [red]loud[/red] [@click=app.quit]x[/] [/] [[[ \u202egnp"


async def test_hostile_text_changes_nothing_but_itself() -> None:
    backend = ScriptedBackend((HOSTILE,), (f"remembered: {HOSTILE}",))
    async with app_with(backend).run_test(notifications=True, size=(120, 30)) as pilot:
        await say(pilot, HOSTILE)
        await shows(pilot, "remembered")
        text = screen_text(pilot.app)
        assert ESC not in text
        assert "\a" not in text
        assert text.count("␛[2J␛]0;owned␇") == 4, "title, message, reply and memory line show signs"
        assert text.count("[red]loud[/red]") >= 3


async def test_hostile_names_and_errors_are_plain_text() -> None:
    failure = DiskFullError(f"[bold]no{ESC}[31m", "[/]")
    backend = ScriptedBackend(fail=lambda text: failure)
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "✗ [bold]no␛[31m. [/]")
        assert prompt_of(pilot).text == "hi", "what was not saved is not lost"


async def test_a_pasted_escape_sequence_is_shown_as_signs() -> None:
    from textual.events import Paste

    async with app_with().run_test(notifications=True) as pilot:
        prompt_of(pilot).post_message(Paste(f"{ESC}[31mred"))
        await shows(pilot, "␛[31mred")


async def test_a_very_long_paste_is_a_sign_in_the_field_and_whole_when_sent() -> None:
    from textual.events import Paste

    backend = ScriptedBackend()
    whole = "word\n" * 20_000
    async with app_with(backend).run_test(notifications=True) as pilot:
        prompt_of(pilot).insert("See: ")
        prompt_of(pilot).post_message(Paste(whole))
        await shows(pilot, "See: [text 1: 100,000 characters, 20,001 lines]")
        await pilot.press("enter")
        await shows(pilot, "more characters (Enter unfolds)")
        await wait_until(pilot, lambda: backend.said == [f"See: {whole}".strip()], "all of it")
        await pilot.press("up")
        assert "[text 1: 100,004 characters" in prompt_of(pilot).text
        await pilot.press("enter")
        await wait_until(pilot, lambda: len(backend.said) == 2, "it again")
    assert backend.said[0] == backend.said[1]


async def test_a_very_long_message_is_folded() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await say(pilot, "word " * 20_000)
        await shows(pilot, "Hello there.")
        folded = pilot.app.screen.query_one(UserTurn)
        assert folded.size.height < 100
        folded.focus()
        await pilot.press("enter")
        await wait_until(pilot, lambda: folded.size.height > 1000, "the whole text")


async def test_slash_commands() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await say(pilot, "/nosuch thing")
        await shows(pilot, "There is no /nosuch")
        assert prompt_of(pilot).text == "/nosuch thing"
        prompt_of(pilot).clear()
        await pilot.press(*"/pro", "tab")
        assert prompt_of(pilot).text == "/profile"
        await pilot.press("enter")
        await shows(pilot, "Profile · default")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("/help", "what is remembered about you"),
        ("/profile", "I moved to Porto last month"),
        ("/sessions", "Moving to Porto"),
        ("/context", "Nothing has been sent"),
        ("/theme nosuch", "There is no theme"),
        ("/copy", "There is no reply to copy"),
        ("/title X", "Say something first"),
        ("/undo", "undone: home · Porto"),
    ],
)
async def test_each_command_does_what_it_says(command: str, shown: str) -> None:
    async with app_with().run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, command)
        await shows(pilot, shown)


async def test_quit_by_command_and_by_key() -> None:
    for keys in (("/", "q", "u", "i", "t", "enter"), ("ctrl+q",)):
        backend = ScriptedBackend()
        app = app_with(backend)
        async with app.run_test(notifications=True) as pilot:
            await pilot.press(*keys)
        assert backend.closed
        assert app.return_code == 0


async def test_the_last_reply_or_its_code_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    backend = ScriptedBackend(("```\nx = 1\n```\nand ", "words"))
    app = app_with(backend)
    async with app.run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "and words")
        monkeypatch.setattr(app.chat, "_write_to_terminal", written.append)
        await say(pilot, "/copy code")
        await shows(pilot, "Sent the code block")
        await say(pilot, "/copy")
        await shows(pilot, "Sent the reply")
    assert written == ["\x1b]52;c;eCA9IDE=\a", "\x1b]52;c;YGBgCnggPSAxCmBgYAphbmQgd29yZHM=\a"]


async def test_what_the_mouse_selects_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    app = app_with()
    async with app.run_test(notifications=True) as pilot:
        await say(pilot, "hi")
        await shows(pilot, "Hello there.")
        monkeypatch.setattr(app.chat, "_write_to_terminal", written.append)
        reply = app.screen.query_one(ReplyTurn)
        await pilot.mouse_down(reply, offset=(2, 1))
        await pilot.hover(reply, offset=(6, 1))
        await pilot.mouse_up(reply, offset=(6, 1))
        await pilot.press("ctrl+c")
        await shows(pilot, "Sent the selection")
    assert written == [osc52("Hello", {})]


async def test_only_the_last_entries_are_mounted_and_older_ones_come_on_demand() -> None:
    turns = exchanges(60)
    async with app_with(ScriptedBackend(turns=turns), session="s1").run_test(
        notifications=True
    ) as pilot:
        await shows(pilot, "Question 59?")
        await shows_no(pilot, "Question 40?")
        mounted = len(pilot.app.screen.query(".turn"))
        assert mounted <= WINDOW
        await pilot.press(*["pageup"] * 8)
        await wait_until(
            pilot, lambda: len(pilot.app.screen.query(".turn")) > mounted, "older turns"
        )
        transcript = pilot.app.screen.query_one(Transcript)
        for _ in range(80):
            if "Question 0?" in screen_text(pilot.app):
                break
            await pilot.press("pageup")
            await pilot.pause(0.02)
        assert "Question 0?" in screen_text(pilot.app)
        assert len(pilot.app.screen.query(".turn")) == len(turns)
        await pilot.press("ctrl+end")
        await wait_until(pilot, lambda: transcript.following, "the end")
        await say(pilot, "new")
        await shows(pilot, "Hello there.")
        await wait_until(
            pilot,
            lambda: len(pilot.app.screen.query(".turn")) <= WINDOW + SLACK,
            "the window again",
        )


async def test_reading_further_up_is_not_disturbed_by_what_comes() -> None:
    gate = asyncio.Event()
    reply = ("begin\n\n", "more\n\n" * 30)
    backend = ScriptedBackend(reply, turns=exchanges(10), gate=gate)
    async with app_with(backend, session="s1").run_test(notifications=True) as pilot:
        await shows(pilot, "Question 9?")
        await say(pilot, "go")
        await shows(pilot, "begin")
        await pilot.press("pageup")
        await pilot.pause()
        before = pilot.app.screen.query_one(Transcript).scroll_y
        gate.set()
        await shows(pilot, "○ ready")
        assert pilot.app.screen.query_one(Transcript).scroll_y == before


async def test_interrupted_replies_are_marked_when_a_session_comes_back() -> None:
    from pocket_agent.memory.records import TurnStatus

    turns = [
        turn(0, TurnRole.USER, "hello"),
        turn(1, TurnRole.ASSISTANT, "I was say", TurnStatus.INTERRUPTED),
    ]
    async with app_with(ScriptedBackend(turns=turns), session="s1").run_test(
        notifications=True
    ) as pilot:
        await shows(pilot, "Pocket · interrupted")
        assert pilot.app.screen.query_one(ReplyTurn).said.text == "I was say"


async def test_no_model_leaves_the_app_open_with_a_line() -> None:
    backend = ScriptedBackend(fail_load=ModelError("There is no model", "Add one."))
    async with app_with(backend).run_test(notifications=True) as pilot:
        await shows(pilot, "✗ There is no model. Add one.")
        await shows(pilot, "✗ no model")
        await pilot.press("f2")
        await shows(pilot, "Porto")


async def test_a_busy_profile_ends_the_app_with_one_line() -> None:
    backend = ScriptedBackend(fail_open=StoreBusyError("The profile is open elsewhere"))
    app = app_with(backend)
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: app.return_code == 1, "the end")
    assert app.return_value == "The profile is open elsewhere"


async def test_new_conversation_and_title() -> None:
    backend = ScriptedBackend(turns=exchanges(1))
    async with app_with(backend, session="s1").run_test(notifications=True) as pilot:
        await shows(pilot, "default · Moving to Porto")
        await say(pilot, "/title Off to Porto")
        await shows(pilot, "default · Off to Porto")
        await pilot.press("ctrl+n")
        await shows(pilot, "default · New conversation")
        await shows_no(pilot, "Question 0?")
    assert backend.changes == [("rename", "s1", "Off to Porto")]


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


async def test_the_palette_runs_the_same_commands() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("ctrl+p")
        await pilot.press(*"profile")
        await shows(pilot, "what is remembered about you")
        await pilot.press("enter")
        await pilot.press("enter")
        await shows(pilot, "I moved to Porto last month")


async def test_incognito_is_said_at_the_top() -> None:
    async with app_with(incognito=True).run_test(notifications=True) as pilot:
        await shows(pilot, "default · incognito · New conversation")


async def test_a_new_profile_that_was_named_is_told() -> None:
    async with app_with(new_profile=True).run_test(notifications=True) as pilot:
        await shows(pilot, "– a new profile, default, was made")


def test_dates_of_the_script_are_fixed() -> None:
    assert AT.endswith("Z"), "snapshots must not depend on the day they are taken"


async def test_letters_typed_faster_than_they_are_shown_keep_their_order() -> None:
    backend = ScriptedBackend()
    app = app_with(backend)
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
        for letter in "sent":
            app.post_message(events.Key(letter, letter))
        app.post_message(events.Key("enter", "\r"))
        for letter in "next":
            app.post_message(events.Key(letter, letter))
        await wait_until(pilot, lambda: prompt_of(pilot).text == "next", "the letters after it")
        await wait_until(pilot, lambda: backend.said == ["sent"], "the message")


async def test_what_is_typed_before_the_first_picture_is_kept_and_its_enter_sends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def on_load(app: PocketApp) -> None:
        for letter in "early":
            app.post_message(events.Key(letter, letter))
        # Before the terminal is set up, it makes this of Enter.
        app.post_message(events.Key("ctrl+j", "\n"))
        for letter in "next":
            app.post_message(events.Key(letter, letter))

    monkeypatch.setattr(PocketApp, "on_load", on_load, raising=False)
    backend = ScriptedBackend()
    async with app_with(backend).run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: backend.said == ["early"], "the message")
        assert prompt_of(pilot).text == "next"


async def test_what_waits_is_written_down_and_comes_back_after_a_kill() -> None:
    hold = asyncio.Event()
    backend = ScriptedBackend(hold_load=hold)
    async with app_with(backend).run_test(notifications=True) as pilot:
        await say(pilot, "first")
        await say(pilot, "second")
        await wait_until(pilot, lambda: backend.kept == ["first", "second"], "both kept")
        kept = list(backend.kept)
        hold.set()
        await wait_until(pilot, lambda: backend.said == ["first", "second"], "both sent")
        await wait_until(pilot, lambda: backend.kept == [], "nothing kept")
    again = ScriptedBackend()
    again.kept = kept
    async with app_with(again).run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: prompt_of(pilot).text == "first\nsecond", "the draft")
