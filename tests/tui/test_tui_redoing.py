"""Another reply, more of one, messages said anew, versions, and messages that wait."""

import asyncio
from collections.abc import AsyncIterator

from driving import app_with, prompt_of, say, shows, shows_no, wait_until
from running import Running
from scripted import ScriptedBackend
from tui_samples import exchanges, turn

from pocket_agent.assistant.events import AssistantEvent, PolicyIdle
from pocket_agent.errors import ModelError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Turn, TurnRole, TurnStatus
from pocket_agent.tui.backend import Page
from pocket_agent.tui.conversation import Conversation, Remembered, Said, SaidState

USER, POCKET = TurnRole.USER, TurnRole.ASSISTANT


def texts(conversation: Conversation) -> list[str]:
    return [e.text for e in conversation.entries if isinstance(e, Said)]


async def test_another_reply_takes_the_place_of_the_first_and_what_was_learnt_stays() -> None:
    backend = ScriptedBackend(learns=("remembered: home · Porto",), turns=exchanges(1))
    running = Running(backend)
    assert running.dialogue.regenerate() == "The model is still being loaded."
    await running.dialogue.open("s1")
    await running.dialogue.load()
    running.dialogue.submit("I live in Porto")
    await running.settle()
    backend._learns, backend._reply = (), ("Another ", "one.")
    assert running.dialogue.regenerate() == ""
    assert running.dialogue.regenerate() == "A reply is being written: Esc stops it."
    await running.settle()
    assert texts(running.dialogue.conversation)[2:] == ["I live in Porto", "Another one."]
    kinds = [type(entry) for entry in running.dialogue.conversation.entries[2:]]
    assert kinds == [Said, Said, Remembered]
    assert backend.redone[-1] == ("regenerate", "")


async def test_another_reply_is_shown_though_what_the_first_taught_was_still_being_learnt() -> None:
    class Learning(ScriptedBackend):
        """Learns until a reply is asked for, as the policy does."""

        def __init__(self) -> None:
            super().__init__()
            self.asked = asyncio.Event()

        async def send(self, text: str, instead_of: str = "") -> AsyncIterator[AssistantEvent]:
            async for event in super().send(text, instead_of):
                if isinstance(event, PolicyIdle):
                    await self.asked.wait()
                    return
                yield event

        async def regenerate(self) -> AsyncIterator[AssistantEvent]:
            self.asked.set()
            await asyncio.sleep(0.01)
            async for event in super().regenerate():
                yield event

    backend = Learning()
    running = Running(backend)
    await running.start()
    running.dialogue.submit("Hello")
    while running.dialogue.status.doing != "learning":
        await asyncio.sleep(0)
    backend._reply = ("Another ", "one.")
    assert running.dialogue.regenerate() == ""
    await running.settle()
    assert texts(running.dialogue.conversation) == ["Hello", "Another one."]
    assert running.said[-1] == (POCKET, "Another one.", SaidState.COMPLETE)


async def test_where_it_fails_the_reply_stays() -> None:
    backend = ScriptedBackend(fail=lambda t: ModelError("gone") if t == "regenerate" else None)
    running = Running(backend)
    await running.start()
    assert running.dialogue.regenerate() == "There is no message yet to reply to."
    running.dialogue.submit("Hello")
    await running.settle()
    running.dialogue.regenerate()
    await running.settle()
    assert texts(running.dialogue.conversation) == ["Hello", "Hello there."]
    assert running.notes == ["gone"]


async def test_a_cut_reply_grows_on_and_is_shown_as_one_also_when_read_again() -> None:
    backend = ScriptedBackend(("One, ", "two,"), finish="length")
    running = Running(backend)
    await running.start()
    running.dialogue.submit("Count")
    await running.settle()
    backend._reply, backend._finish = (" three", "."), "stop"
    assert running.dialogue.go_on() == ""
    await running.settle()
    assert running.said[1:] == [(POCKET, "One, two, three.", SaidState.COMPLETE)]
    assert "nothing to go on with" in running.dialogue.go_on()
    shown = Conversation()
    pieces: list[Turn] = [
        turn(1, USER, "Count"),
        turn(2, POCKET, "One,", TurnStatus.CUT),
        turn(3, POCKET, " two", TurnStatus.STOPPED),
        turn(4, POCKET, ", three."),
    ]
    shown.restore(Page(tuple(pieces)))
    assert texts(shown) == ["Count", "One, two, three."]
    reply = shown.said("t4")
    assert reply is not None
    assert (reply.turn, reply.rest, reply.state) == ("t2", ["t3", "t4"], SaidState.COMPLETE)


async def test_a_message_said_anew_hides_what_followed_and_offers_to_undo_what_it_taught() -> None:
    backend = ScriptedBackend(learns=("remembered: home · Leeds", "remembered: pet · a cat"))
    running = Running(backend)
    await running.start()
    running.dialogue.submit("I live in Leeds with a cat")
    await running.settle()
    backend._learns = ("remembered: hobby · chess",)
    running.dialogue.submit("I play chess")
    await running.settle()
    backend._learns = ()
    conversation = running.dialogue.conversation
    old = conversation.entries[0]
    assert isinstance(old, Said)
    first = [e.seq for e in conversation.entries if isinstance(e, Remembered)][:2]
    assert running.dialogue.say_anew(old, "I live in Porto") == ""
    await running.settle()
    assert backend.redone[-1] == ("send", old.turn)
    assert texts(conversation) == ["I live in Porto", "Hello there."]
    (row,) = [e for e in conversation.entries if isinstance(e, Remembered)]
    assert row.line == "still remembered from your old message: home · Leeds; pet · a cat"
    await running.dialogue.undo()
    assert backend.undone == first[::-1]
    assert row.undone
    assert running.dialogue.say_anew(old, "again") == "That message is no longer here."


async def test_versions_are_counted_and_chosen() -> None:
    backend = ScriptedBackend(turns=exchanges(2))
    backend.all_versions = {"t3": ["t9", "t3", "t11"]}
    running = Running(backend)
    await running.dialogue.open("s1")
    await running.dialogue.load()
    newest = running.dialogue.newest_with_versions()
    assert newest is not None
    assert (newest.turn, newest.version) == ("t3", (2, 3))
    assert await running.dialogue.show_version(newest, 1) == ""
    assert backend.redone == [("choose", "t11")]
    newest = running.dialogue.newest_with_versions()
    assert newest is not None
    assert await running.dialogue.show_version(newest, -1) == ""
    assert backend.redone[-1] == ("choose", "t9")
    assert await running.dialogue.show_version(newest, 2) == "That is the last version."


async def test_a_waiting_message_is_seen_edited_and_sent_next() -> None:
    gate = asyncio.Event()
    backend = ScriptedBackend(("One ", "two"), gate=gate)
    async with app_with(backend).run_test(notifications=True, size=(80, 30)) as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "first")
        await shows(pilot, "One")
        for text in ("second", "third", "fourth"):
            await say(pilot, text)
        await shows(pilot, "You · queued")
        await pilot.press("ctrl+b")
        assert prompt_of(pilot).text == "fourth"
        await pilot.press(*" and more", "enter")
        queued = pilot.app.chat.dialogue.conversation.queue
        assert [said.text for said in queued] == ["second", "third", "fourth and more"]
        await pilot.press("shift+tab", "shift+tab", "delete")  # third goes, unsent
        await wait_until(pilot, lambda: len(queued) == 2, "the third is gone")
        await pilot.press("shift+tab", "e")
        assert prompt_of(pilot).text in ("second", "fourth and more")
        await pilot.press("enter")
        gate.set()
        await wait_until(pilot, lambda: len(backend.said) == 3, "all are sent")
    assert sorted(backend.said) == ["first", "fourth and more", "second"]


async def test_keys_and_commands_of_a_chat_that_goes_back() -> None:
    backend = ScriptedBackend(turns=exchanges(2))
    app = app_with(backend, session="s1")
    async with app.run_test(notifications=True, size=(90, 34)) as pilot:
        await shows(pilot, "○ ready")
        await shows(pilot, "Answer 1")
        await say(pilot, "/continue")
        await shows(pilot, "nothing to go on with")
        prompt_of(pilot).insert("a draft")
        await pilot.press("alt+up")
        assert prompt_of(pilot).text == "Question 1?"
        await pilot.press("alt+up")
        assert prompt_of(pilot).text == "Question 0?"
        await pilot.press("escape")
        assert prompt_of(pilot).text == "a draft"
        prompt_of(pilot).clear()
        backend.all_versions = {"t101": ["t0", "t101"]}
        await pilot.press("alt+up", "alt+up", *" Now", "enter")
        await shows(pilot, "You · ‹ 2 of 2 ›")
        await shows_no(pilot, "Answer 1")
        assert backend.redone == [("send", "t0")]
        await pilot.press("ctrl+r")
        await wait_until(pilot, lambda: len(backend.redone) == 2, "another reply")
        await shows(pilot, "○ ready")
        await say(pilot, "/branch")
        await wait_until(pilot, lambda: ("choose", "t0") in backend.redone, "the first version")
        await say(pilot, "/delete")
        await shows(pilot, "This erases")
        await pilot.press("y")
        await shows(pilot, "forgotten: 2 turns, 1 fact")
        assert backend.wishes[0].turn
    assert isinstance(backend.wishes[0], Wish)


async def test_a_focused_message_is_copied_or_only_its_next_code_block() -> None:
    code = "First:\n\n```py\none = 1\n```\n\nthen\n\n```\ntwo\n```\n"
    backend = ScriptedBackend(turns=[turn(1, USER, "Code?"), turn(2, POCKET, code)])
    app = app_with(backend, session="s1")
    async with app.run_test(notifications=True, size=(90, 30)) as pilot:
        await shows(pilot, "one = 1")
        await pilot.press("shift+tab", "b")
        await shows(pilot, "code block 1 of 2")
        await pilot.press("b")
        await shows(pilot, "code block 2 of 2")
        await pilot.press("c")
        await shows(pilot, "the message")
        await pilot.press("escape")
        await say(pilot, "/copy code")
        await wait_until(pilot, lambda: app.chat._copied[1] == 1, "the first again")
