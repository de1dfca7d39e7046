"""The walk of the assistant's events, without any screen."""

import asyncio
from dataclasses import replace

from running import Running
from scripted import ScriptedBackend
from tui_samples import exchanges

from pocket_agent.assistant.events import UserSaved
from pocket_agent.errors import ContextOverflowError, DiskFullError, ModelError
from pocket_agent.memory.records import TurnRole
from pocket_agent.tui.backend import Readiness, Stage
from pocket_agent.tui.conversation import SaidState

USER, POCKET = TurnRole.USER, TurnRole.ASSISTANT


async def test_a_message_before_anything_is_open_waits_and_is_then_sent() -> None:
    backend = ScriptedBackend()
    running = Running(backend)
    running.dialogue.submit("first")
    assert running.dialogue.status.queued == 1
    await running.dialogue.open(None)
    assert backend.said == []
    await running.dialogue.load()
    await running.settle()
    assert backend.said == ["first"]
    assert running.dialogue.status.queued == 0
    assert running.said[-1] == (POCKET, "Hello there.", SaidState.COMPLETE)


async def test_messages_are_answered_one_after_the_other() -> None:
    gate = asyncio.Event()
    backend = ScriptedBackend(gate=gate)
    running = Running(backend)
    await running.start()
    running.dialogue.submit("one")
    running.dialogue.submit("two")
    await asyncio.sleep(0.01)
    assert backend.said == ["one"]
    assert running.dialogue.status.queued == 1
    gate.set()
    await running.settle()
    assert backend.said == ["one", "two"]
    assert [text for _, text, _ in running.said] == ["one", "Hello there.", "two", "Hello there."]


async def test_stopping_keeps_the_partial_reply() -> None:
    running = Running(ScriptedBackend(gate=asyncio.Event()))
    await running.start()
    running.dialogue.submit("one")
    while not running.listener.grown:
        await asyncio.sleep(0)
    await running.dialogue.stop()
    await running.settle()
    assert running.said[-1] == (POCKET, "Hello ", SaidState.STOPPED)
    assert not running.dialogue.replying


async def test_stopping_before_it_has_begun_stops_it_too() -> None:
    running = Running(ScriptedBackend())
    await running.start()
    running.dialogue.submit("one")
    await running.dialogue.stop()  # nothing of it has run yet
    await running.settle()
    assert running.said == [(USER, "one", SaidState.COMPLETE), (POCKET, "", SaidState.STOPPED)]
    assert running.dialogue.conversation.history == ["one"]


async def test_another_session_waits_for_the_reply_that_it_stops() -> None:
    backend = ScriptedBackend()
    running = Running(backend)
    await running.start()
    running.dialogue.submit("one")
    await running.dialogue.switch("s1")
    assert not running.dialogue.replying
    assert backend.said == ["one"]
    assert running.said == []


async def test_stopping_with_nothing_under_way_gives_the_waiting_message_back() -> None:
    running = Running(ScriptedBackend())
    running.dialogue.submit("one")
    running.dialogue.submit("two")
    await running.dialogue.stop()
    assert running.listener.drafts == ["two"]
    assert [text for _, text, _ in running.said] == ["one"]


async def test_a_message_that_could_not_be_saved_comes_back_as_a_draft() -> None:
    full = DiskFullError("The disk is full", "Make room.")
    running = Running(ScriptedBackend(fail=lambda text: full))
    await running.start()
    running.dialogue.submit("precious")
    await running.settle()
    assert running.notes == ["The disk is full. Make room."]
    assert running.listener.drafts == ["precious"]
    assert running.said == [(USER, "precious", SaidState.UNSAVED)]


async def test_after_a_failure_the_next_message_is_answered() -> None:
    failure = ContextOverflowError("Too long", "Shorten it.")
    backend = ScriptedBackend(fail=lambda text: failure if "long" in text else None)
    running = Running(backend)
    await running.start()
    running.dialogue.submit("a long one")
    running.dialogue.submit("a short one")
    await running.settle()
    assert backend.said == ["a short one"]
    assert running.said[-1] == (POCKET, "Hello there.", SaidState.COMPLETE)


async def test_a_defect_becomes_a_line_too() -> None:
    class Broken(ScriptedBackend):
        async def send(self, text: str):
            raise ZeroDivisionError("oops")
            yield

    running = Running(Broken())
    await running.start()
    running.dialogue.submit("hello")
    await running.settle()
    assert running.notes == ["Something went wrong (ZeroDivisionError: oops)"]
    assert not running.dialogue.replying


async def test_without_a_model_the_failure_is_a_line() -> None:
    backend = ScriptedBackend(fail_load=ModelError("There is no model", "Add one."))
    running = Running(backend)
    await running.start()
    assert running.dialogue.status.readiness.stage is Stage.FAILED
    assert running.notes == ["There is no model. Add one."]


async def test_each_message_after_a_failed_load_is_tried_and_fails_with_the_line() -> None:
    class NoModel(ScriptedBackend):
        async def send(self, text: str):
            self.said.append(text)
            yield UserSaved(self._next(USER, text))
            await self.load(running.dialogue._report)

    backend = NoModel(fail_load=ModelError("There is no model", "Add one."))
    running = Running(backend)
    await running.start()
    running.dialogue.submit("one")
    running.dialogue.submit("two")
    await running.settle()
    assert backend.said == ["one", "two"]
    assert running.dialogue.status.readiness.stage is Stage.FAILED
    assert running.dialogue.status.queued == 0
    assert running.notes == ["There is no model. Add one."] * 3
    assert running.listener.drafts == [], "what is saved is no draft"


async def test_switching_sessions_shows_the_other_one() -> None:
    backend = ScriptedBackend(turns=exchanges(2), gate=asyncio.Event())
    running = Running(backend)
    await running.start()
    running.dialogue.submit("under way")
    running.dialogue.submit("waiting")
    await asyncio.sleep(0.01)
    await running.dialogue.switch("s1")
    await running.settle()
    assert [text for _, text, _ in running.said] == [t.text for t in exchanges(2)]
    assert running.listener.drafts == ["waiting"]
    assert not running.dialogue.replying


async def test_older_turns_come_on_demand() -> None:
    turns = exchanges(40)
    running = Running(ScriptedBackend(turns=turns))
    await running.dialogue.open("s1")
    held = len(running.said)
    assert held < len(turns)
    while await running.dialogue.load_older():
        pass
    assert len(running.said) == len(turns)


GPU = Readiness(
    Stage.READY, "", None, "one", "Vulkan0, 12/31 layers", 4096, placement="12 of 31 layers fit"
)
FALLEN = replace(GPU, device="CPU, 2 threads", placement="no room: the model runs on the CPU")


async def test_where_the_layers_went_is_told_once() -> None:
    backend = ScriptedBackend()
    backend.ready = GPU
    running = Running(backend)
    await running.start()
    backend.restarts_as = replace(GPU, placement="12 of 31 layers fit in a little more")
    for text in ("one", "two"):
        running.dialogue.submit(text)
        await running.settle()
    assert running.notes == ["12 of 31 layers fit"]
    assert running.dialogue.status.readiness.device == "Vulkan0, 12/31 layers"


async def test_it_is_told_of_another_model_and_of_a_restart_that_changed_it() -> None:
    backend = ScriptedBackend()
    backend.ready = GPU
    running = Running(backend)
    await running.start()
    await running.dialogue.use_model("two")
    backend.restarts_as = replace(FALLEN, model="two")
    running.dialogue.submit("hello")
    await running.settle()
    assert running.notes == [
        "12 of 31 layers fit",
        "12 of 31 layers fit",
        "two answers from now on",
        "no room: the model runs on the CPU",
    ]


async def test_a_plain_cpu_is_not_told() -> None:
    running = Running(ScriptedBackend())
    await running.start()
    running.dialogue.submit("one")
    await running.settle()
    assert running.notes == []
