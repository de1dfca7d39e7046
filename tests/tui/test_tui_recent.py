"""What the field goes back to: messages of earlier conversations, commands, and when it is gone."""

from driving import app_with, prompt_of, say, shows, wait_until
from running import Running
from scripted import Encrypted, ScriptedBackend
from textual.pilot import Pilot

from pocket_agent.tui.recent import Recent


def shown(pilot: Pilot[str]) -> list[str]:
    """All that the field would go back to, oldest first."""
    return list(prompt_of(pilot)._history)


def test_each_text_is_there_once_where_it_was_typed_last() -> None:
    recent = Recent()
    recent.stored = ["hello", "who am I?", "hello", "bye"]
    recent.type("/model x")
    recent.type("who am I?")
    assert recent.all(["bye", "here"]) == ("hello", "bye", "here", "/model x", "who am I?")
    recent.forget()
    assert recent.all(["here"]) == ("here",)


async def test_messages_of_earlier_conversations_come_after_those_of_this_one() -> None:
    backend = ScriptedBackend()
    backend.library.messages_said = ["long ago", "yesterday"]
    async with app_with(backend).run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await wait_until(pilot, lambda: shown(pilot) == ["long ago", "yesterday"], "both")
        await say(pilot, "now")
        await say(pilot, "/undo")
        for text in ("/undo", "now", "yesterday", "long ago", "long ago"):
            await pilot.press("up")
            assert prompt_of(pilot).text == text


async def test_an_unknown_command_is_only_given_back() -> None:
    async with app_with().run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "/nosuch")
        assert shown(pilot) == []


async def test_what_was_forgotten_is_not_there_any_more() -> None:
    backend = ScriptedBackend()
    backend.library.messages_said = ["I moved to Porto"]
    async with app_with(backend).run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await wait_until(pilot, lambda: shown(pilot) != [], "the earlier one")
        await say(pilot, "/forget Porto")
        await shows(pilot, "y erase it")
        backend.library.messages_said = []
        await pilot.press("y")
        await shows(pilot, "forgotten: 2 turns, 1 fact")
        assert shown(pilot) == []


async def test_a_lock_takes_it_along() -> None:
    backend = Encrypted()
    backend.library.messages_said = ["secret"]
    running = Running(backend)
    dialogue = running.dialogue
    await dialogue.open(None, "sesame")
    await running.settle()
    dialogue.recent.type("/title secret")
    assert dialogue.recent.all([]) == ("secret", "/title secret")
    late = dialogue._recollect()
    await dialogue.lock()
    await late
    assert dialogue.recent.all([]) == ()
