"""The picker: what is here and what can be pulled; a pull in the background; another model."""

import asyncio
import json
import shutil

import pytest
from driving import lines_told, say, screen_text, shows, shows_no, wait_until
from scripted import ScriptedBackend
from textual.pilot import Pilot
from tui_samples import exchanges

from pocket_agent.errors import ModelError
from pocket_agent.llm.models import ModelShelf, bundled_model
from pocket_agent.memory.records import TurnRole
from pocket_agent.paths import Locations
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.chat import ChatScreen
from pocket_agent.tui.screens.models import ModelsScreen

LONG = 250.0


async def opened(pilot: Pilot[str]) -> None:
    await shows(pilot, "○ ready")
    await say(pilot, "/models")
    await shows(pilot, "ON THIS COMPUTER")


async def test_the_picker_says_what_fits_and_chooses() -> None:
    backend = ScriptedBackend(turns=exchanges(2))
    async with PocketApp(backend).run_test(size=(100, 60)) as pilot:
        await opened(pilot)
        text = screen_text(pilot.app)
        for part in (
            "smollm2-135m-instruct · answers now",
            "[b]gone[/b]",
            "✗ There is no file",
            "TO PULL",
            "4.0 of 16.0 GB of memory are free",
            "tight: close other programs first",
            "Llama 3.2 Community License",
        ):
            assert part in text
        await shows(pilot, "about 138 tokens/s")
        await pilot.press("slash", *"qwen")
        await shows_no(pilot, "llama-3.2")
        await pilot.press("enter", "enter")
        await shows(pilot, "is not here: p pulls it")
        await pilot.press("escape")
        await shows(pilot, "llama-3.2")
        await pilot.press("home", "down", "down", "enter")
        await shows(pilot, "✗ There is no file")
        await pilot.press("up", "enter")
        await shows(pilot, "mine answers from now on")
        assert isinstance(pilot.app.screen, ChatScreen)
    assert backend.changes == [("model", "mine")]


async def test_a_pull_goes_on_in_the_background_and_can_be_stopped() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test(size=(100, 60)) as pilot:
        await opened(pilot)
        await pilot.press("slash", *"phi", "enter", "p")
        await shows(pilot, "40% · 400 of 1,000 MB")
        await pilot.press("p")
        await shows(pilot, "One at a time")
        await pilot.press("c")
        await shows(pilot, "of memory are free")
        await pilot.press("p")
        await shows(pilot, "40%")
        await pilot.press("escape", "escape")
        await shows(pilot, "stopped at 40%; another pull goes on from there")
        backend.models.gate.set()
        await shows(pilot, "phi-4-mini-instruct is here: /model phi-4-mini-instruct answers")
        await say(pilot, "/model phi-4-mini-instruct")
        await shows(pilot, "phi-4-mini-instruct answers from now on")
        backend.models.fail = ModelError("hub.example has a fault of its own (500)", "Later.")
        await opened(pilot)
        await pilot.press("slash", *"qwen3", "enter", "p", "escape", "escape")
        await shows(pilot, "✗ hub.example has a fault of its own (500). Later.")


async def test_a_model_that_can_not_be_loaded_is_one_line_and_the_chat_goes_on() -> None:
    backend = ScriptedBackend()
    backend.fail_model = ModelError("There is no model called 'x'", "See the list.")
    async with PocketApp(backend).run_test() as pilot:
        await shows(pilot, "○ ready")
        await say(pilot, "/model x")
        await shows(pilot, "✗ There is no model called 'x'. See the list.")
        await say(pilot, "hello")
        await shows(pilot, "Hello there.")


async def test_while_a_reply_streams_no_model_is_changed() -> None:
    backend = ScriptedBackend(gate=asyncio.Event())
    async with PocketApp(backend).run_test(notifications=True) as pilot:
        await say(pilot, "hello")
        await shows(pilot, "Hello")
        await say(pilot, "/model mine")
        await shows(pilot, "still under way")
    assert backend.changes == []


async def test_a_file_of_the_hub_is_pulled_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    backend, file = ScriptedBackend(), "someone/small-GGUF/small-Q8_0.gguf"
    told = lines_told(monkeypatch)
    async with PocketApp(backend).run_test(size=(120, 30)) as pilot:
        await shows(pilot, "○ ready")
        for command, line in (
            ("/models get", "/models, /models pull NAME, or /models pull OWNER/REPO/FILE"),
            (f"/models pull  {file}", f"Pulling {file}: /models shows how far it is."),
            ("/models pull other", f"One at a time: {file} is being pulled."),
        ):
            await say(pilot, command)
            await wait_until(pilot, lambda line=line: line in told, line)
        backend.models.gate.set()
        await shows(pilot, f"{file} is here: /model {file} answers")


async def test_a_key_of_the_picker_has_another_model_learn() -> None:
    backend = ScriptedBackend()
    async with PocketApp(backend).run_test(size=(100, 60)) as pilot:
        await opened(pilot)
        both = "smollm2-135m-instruct · answers now · learns from what you say"
        await shows(pilot, both)
        await pilot.press("end", "l")
        await shows(pilot, "is not here: p pulls it")
        await pilot.press("home", "down", "l")
        await shows(pilot, "mine learns from what you say from now on")
        await opened(pilot)
        await shows(pilot, "mine · learns from what you say")
        await shows_no(pilot, both)
    assert backend.changes == [("learn", "mine")]
    assert backend.models.running == "smollm2-135m-instruct"


@pytest.mark.parametrize("size", [(80, 24), (40, 20)])
async def test_the_picker_fits_its_terminal(size: tuple[int, int]) -> None:
    async with PocketApp(ScriptedBackend()).run_test(size=size) as pilot:
        await opened(pilot)
        assert isinstance(pilot.app.screen, ModelsScreen)
        for line in screen_text(pilot.app).splitlines():
            assert len(line) <= size[0]
        await shows(pilot, "Esc back")


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_another_model_goes_on_with_the_same_conversation(locations: Locations) -> None:
    bundled = bundled_model()
    assert bundled is not None
    other = locations.models / "other.gguf"
    shutil.copyfile(bundled, other)
    record = {"name": "other", "path": str(other), "size": 1, "sha256": "0" * 64}
    listed = json.dumps({"use": "", "models": [record]})
    (locations.models / "models.json").write_text(listed)
    options = TuiOptions(seed=1, chat_tokens=1024, requantize=False)
    app = PocketApp(LiveBackend(locations, "default", options), options)
    async with app.run_test(size=(100, 30)) as pilot:
        await say(pilot, "My name is Anna. Say hello.")
        dialogue = app.chat.dialogue
        await wait_until(pilot, lambda: len(dialogue.conversation.entries) > 1, "a reply", LONG)
        await wait_until(pilot, lambda: not dialogue.busy, "the assistant at rest", LONG)
        await say(pilot, "/model other")
        await shows(pilot, "other answers from now on", LONG)
        await shows(pilot, "other · CPU", LONG)
        await wait_until(pilot, lambda: not dialogue.busy, "the assistant at rest", LONG)
        await say(pilot, "And now say: bye.")
        await wait_until(pilot, lambda: dialogue.replying, "the question", LONG)
        await wait_until(pilot, lambda: not dialogue.busy, "the answer", LONG)
        parts = dialogue.backend._open
        turns = await asyncio.to_thread(parts.store.turns, dialogue.backend.session.id)
        roles = [turn.role for turn in turns]
        assert roles == [TurnRole.USER, TurnRole.ASSISTANT] * 2
        sent = await dialogue.backend.sent_prompt()
        assert sent is not None
        assert [part.text for part in sent.parts][1:3] == [turns[0].text, turns[1].text]
        assert parts.engine.info.path == other
        assert parts.policy.version.startswith("sft")
        await say(pilot, "/model nobody")
        await shows(pilot, "There is no model called 'nobody'")
        assert parts.engine.info.path == other
        other.write_bytes(b"GGUF")
        await say(pilot, f"/model {other}")
        await shows(pilot, "cut short", LONG)
    assert ModelShelf(locations).models()[1].chosen
