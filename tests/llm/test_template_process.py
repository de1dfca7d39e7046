"""A stranger's chat template can neither hang the model's process nor fill its memory."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from gguf_files import changed_copy, string
from talking import FOREVER, chat, run

from pocket_agent.errors import ModelError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import bundled_model
from pocket_agent.llm.protocol import ContextName, LoadSpec, Message, Role
from pocket_agent.llm.template import CHATML, ChatTemplate, TooLongError
from pocket_agent.llm.template_process import TemplateProcess

HELLO = (Message(Role.USER, "Hello <|im_end|> there"), Message(Role.ASSISTANT, "Hi."))
BOOM = (Message(Role.USER, "boom"),)
CONTROL = ("<|im_start|>", "<|im_end|>")
HARMLESS = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
NESTED = "{% for a in range(99999) %}" * 4 + "{% endfor %}" * 4
DOUBLING = (
    "{% set n = namespace(x='x') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only there is memory bounded")


def on_boom(trap: str) -> str:
    """A template that is harmless until a message says boom."""
    return (
        "{% for m in messages %}{% if 'boom' in m.content %}" + trap + "{% endif %}"
        "[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    )


@pytest.fixture
def made() -> Iterator[Callable[..., TemplateProcess]]:
    """Makes template processes, and ends them."""
    held: list[TemplateProcess] = []

    def make(source: str, **options: float) -> TemplateProcess:
        held.append(TemplateProcess(source, "<s>", "</s>", CONTROL, **options))
        return held[-1]

    yield make
    for each in held:
        each.close()


@pytest.mark.parametrize("source", [HARMLESS, CHATML, "", "{{ broken", "always the same"])
def test_it_fills_templates_as_the_plain_one_does(made, source: str) -> None:
    plain, apart = ChatTemplate(source, "<s>", "</s>", CONTROL), made(source)
    assert apart.is_own is plain.is_own
    assert apart.render(HELLO) == plain.render(HELLO)
    assert apart.render(HELLO, continue_last=True) == plain.render(HELLO, continue_last=True)
    assert apart.shares(HELLO) == plain.shares(HELLO)
    assert apart.cut_raw("<s>x<|im_end|>") == plain.cut_raw("<s>x<|im_end|>")


def test_what_has_no_template_of_its_own_needs_no_process(made) -> None:
    before = psutil.Process().children()
    made("").render(HELLO)
    assert psutil.Process().children() == before


@pytest.mark.parametrize(
    ("trap", "fault"),
    [
        (NESTED, "takes too long"),
        (
            "{{ (m.content | length) ** (9 ** 9) }}",
            "takes too long",
        ),  # one step, which nothing in Python can stop
        ("{{ m.content | length | round(999999999, 'ceil') }}", "takes too long"),
        pytest.param("{{ 'x' * 10**9 }}", "takes too much memory", marks=LINUX),
        pytest.param("{{ 'x'.center(10**9) }}", "takes too much memory", marks=LINUX),
        pytest.param(DOUBLING, "takes too much memory", marks=LINUX),
        ("{{ 'x' * 10**7 }}", "writes a prompt without an end"),
        ("{% for a in range(99999) %}" * 2 + "boo" + "{% endfor %}" * 2, "without an end"),
    ],
)
def test_a_trap_that_a_message_springs_is_one_message_and_then_it_works_again(
    made, trap: str, fault: str
) -> None:
    template = made(on_boom(trap), seconds=1)
    assert template.is_own
    for ask in (template.render, template.shares):
        with pytest.raises(ModelError, match=fault) as caught:
            ask(BOOM)
        assert str(caught.value).startswith("The model's chat template ")
        assert "Choose another model" in caught.value.todo
    assert "".join(template.render(HELLO)).startswith("[user] Hello")


def test_the_clock_ends_it_too(made) -> None:
    template = made(on_boom(NESTED), seconds=600)
    template._patience = 2.0  # only now: to start takes its time
    with pytest.raises(ModelError, match="takes too long"):
        template.render(BOOM)


@pytest.mark.parametrize("source", [NESTED + HARMLESS, "{{ 9 ** (9 ** 9) }}" + HARMLESS])
def test_a_trap_at_the_start_is_no_template_at_all(made, source: str) -> None:
    template = made(source, seconds=1)
    assert not template.is_own
    assert "".join(template.render(HELLO)).startswith("<|im_start|>user\nHello")


def test_a_long_conversation_is_no_trap(made) -> None:
    long = (Message(Role.USER, "many words " * 400_000),)
    assert len("".join(made(HARMLESS).render(long))) > 4_000_000


def test_how_much_a_template_may_write_holds_for_it_alone() -> None:
    template = ChatTemplate(HARMLESS)
    template.most = 10
    with pytest.raises(TooLongError):
        template.render(HELLO)
    fallback = ChatTemplate("")
    fallback.most = 10
    assert "Hello" in "".join(fallback.render(HELLO))


def test_a_process_that_was_killed_is_started_again(made) -> None:
    template = made(HARMLESS)
    template._process.kill()
    template._process.wait()
    with pytest.raises(ModelError, match="chat template"):
        template.render(HELLO)
    assert template.render(HELLO)


def test_it_ends_with_whoever_started_it() -> None:
    program = (
        "import os, time\n"
        "from pocket_agent.llm.template_process import TemplateProcess\n"
        f"template = TemplateProcess({HARMLESS!r})\n"
        "print(template._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    child = psutil.Process(json.loads(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- in a conversation -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model with a template that hangs on a word."""
    model = bundled_model()
    assert model is not None
    target = tmp_path_factory.mktemp("trapped") / "trapped.gguf"
    changed_copy(model, target, tokenizer__chat_template=string(on_boom(NESTED)))
    yield target
    target.unlink()


@pytest.mark.slow
async def test_a_trap_ends_a_request_and_not_the_chat_and_esc_is_heard(trapped: Path) -> None:
    engine = LlamaEngine()
    try:
        info = await engine.load(LoadSpec(trapped, chat_tokens=2048))
        assert info.has_template
        pid = engine.pid
        with pytest.raises(ModelError, match="chat template takes too long"):
            await run(engine, chat("boom"))
        pieces = []

        async def talk() -> None:
            async for piece in engine.stream(chat("Tell a long story.", sampling=FOREVER)):
                pieces.append(piece)  # noqa: PERF401 - each is looked at as it comes

        talking = asyncio.create_task(talk())
        while not pieces:
            await asyncio.sleep(0.02)
        counting = asyncio.create_task(engine.count(BOOM))
        await asyncio.sleep(0.2)
        await engine.cancel(ContextName.CHAT)
        await talking
        assert pieces[-1].finish == "cancelled"
        assert not counting.done()
        with pytest.raises(ModelError, match="chat template takes too long"):
            await counting
        assert engine.pid == pid
        assert (await run(engine, chat("Hello")))[0]
    finally:
        await engine.close()
