"""What of a long conversation is mounted: a window that moves, holds its size, and jumps."""

from driving import app_with, screen_text, shows, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import ScriptedBackend
from textual.pilot import Pilot
from tui_samples import exchanges

from pocket_agent.assistant.events import ContextUse
from pocket_agent.tui.conversation import Entry, Note
from pocket_agent.tui.widgets.transcript import Transcript
from pocket_agent.tui.widgets.window import MOST, SLACK, WINDOW, Window

MOVES = ["older", "newer", "follow", "more", "before", "jump"]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 200), st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 999))))
def test_whatever_is_done_the_window_is_small_and_in_order(
    count: int, moves: list[tuple[str, int]]
) -> None:
    entries: list[Entry] = [Note(str(n)) for n in range(count)]
    window = Window()
    for move, number in moves:
        match move:
            case "older":
                window.older(entries)
            case "newer":
                window.newer(entries)
            case "follow":
                window.follow()
            case "more":
                entries += [Note("new") for _ in range(number % 7)]
            case "before":
                entries[:0] = [Note("old") for _ in range(number % 40)]
            case "jump" if entries:
                at = number % len(entries)
                window.move_to(entries, at)
                bounds = window.bounds(entries, following=False)
                assert at in range(*bounds.indices(len(entries)))
        bounds = window.bounds(entries, following=move == "follow")
        assert 0 <= bounds.start <= bounds.stop <= len(entries)
        assert bounds.stop - bounds.start <= MOST + SLACK
        assert bounds.stop > bounds.start or not entries
        assert window.at_end is (bounds.stop == len(entries))


def test_every_entry_is_reached_both_ways() -> None:
    entries: list[Entry] = [Note(str(n)) for n in range(500)]
    window = Window()
    seen = set(range(500)[window.bounds(entries, following=True)])
    assert seen == set(range(500 - WINDOW, 500))
    while window.older(entries):
        seen |= set(range(500)[window.bounds(entries, following=False)])
    assert seen == set(range(500))
    assert not window.at_end
    while window.newer(entries):
        window.bounds(entries, following=False)
    assert window.at_end


def mounted(pilot: Pilot[str]) -> int:
    return len(pilot.app.screen.query(".turn"))


async def test_a_session_of_a_thousand_messages() -> None:
    """Back to its beginning page by page, a jump into its middle, and its end again."""
    backend = ScriptedBackend(turns=exchanges(500))
    backend.use = ContextUse(3000, 4096, 960, "t960")
    async with app_with(backend, session="s1").run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Question 499?")
        await shows(pilot, "ctx 73% 3,000/4,096")
        transcript = pilot.app.screen.query_one(Transcript)
        most = 0
        for _ in range(120):
            await pilot.press("pageup")
            most = max(most, mounted(pilot))
            if "Question 464?" in screen_text(pilot.app):
                break
        assert transcript.query_one("#newer").display
        chat = pilot.app.chat
        assert any(
            "begins here" in getattr(e, "text", "") for e in chat.dialogue.conversation.entries
        )
        said = await chat.dialogue.find("s1", "t0")
        assert said is not None
        await chat.show_turn(said)
        await shows(pilot, "Question 0?")
        most = max(most, mounted(pilot))
        for _ in range(12):
            before = screen_text(pilot.app)
            await pilot.press("pagedown")
            await wait_until(pilot, lambda b=before: screen_text(pilot.app) != b, "a page on")
            most = max(most, mounted(pilot))
        assert "Question 499?" not in screen_text(pilot.app)
        assert most <= MOST + SLACK
        await pilot.press("ctrl+end")
        await shows(pilot, "Question 499?")
        await wait_until(pilot, lambda: transcript.following, "the end")
        await wait_until(pilot, lambda: mounted(pilot) <= WINDOW + SLACK, "the window again")
