"""`ask --schema`, `--no-profile`, and how an answer looks on a terminal and in a pipe."""

import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from cli_checks import complaint
from rich.console import Console

from pocket_agent.assistant.events import AssistantEvent, ContextReady, ReplyDone
from pocket_agent.cli.ask import _Answer
from pocket_agent.cli.ask_schema import Form
from pocket_agent.cli.rendering import MarkdownPaper, NoPaper
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.store import Store

Opener = Callable[[], Store]
SCHEMA = {
    "type": "object",
    "properties": {
        "colour": {"enum": ["red", 'sky "blue"', "back\\slash"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "names": {"type": "array", "items": {"type": "string", "maxLength": 8}, "maxItems": 2},
    },
    "required": ["colour", "count"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def _small(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("chat_tokens = 1024\n")


@pytest.mark.slow
def test_an_answer_matches_the_schema_or_is_an_error(
    run: Any, home: Path, tmp_path: Path, store: Opener
) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA))
    run("profile", "set", "home", "Porto")
    words = ("ask", "--no-profile", "I love ramen. Name a colour. Where do I live?")
    said = run(*words, "--json", "--schema", str(file))
    assert said.code == 0, said.err
    whole = json.loads(said.out)
    value = whole["value"]
    assert value == json.loads(whole["reply"])
    assert value["colour"] in SCHEMA["properties"]["colour"]["enum"]
    assert 1 <= value["count"] <= 9
    assert (whole["facts"], whole["recalled"], whole["ops"]) == ([], [], [])
    cut = complaint(run(*words, "--schema", json.dumps(SCHEMA), "--max-tokens", "3"))
    assert "cut at its limit" in cut
    with store() as opened:
        assert opened.unread_turns() == []  # nothing of them is learnt later either
        assert [event.op.slot for event in opened.events()] == ["home"]
        assert len(opened.sessions()) == 2


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ('{"type": "string", "pattern": "a"}', "`pattern`"),
        ('{"$ref": "https://example.org/s.json"}', "leads out"),
        ("{nonsense", "not JSON"),
        ("missing.json", "can't be read"),
        (".", "can't be read"),
    ],
)
def test_a_schema_that_cannot_be_used_is_wrong_usage(
    call: Any, home: Path, schema: str, why: str
) -> None:
    assert why in complaint(call("ask", "hi", "--schema", schema), 2)
    assert not (home / "profiles").exists()


def test_a_schema_of_bytes_that_are_no_text(call: Any, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\xff\xfe{")
    assert "UTF-8" in complaint(call("ask", "hi", "--schema", str(tmp_path / "x.json")), 2)


def test_a_large_schema_is_held_by_its_grammar_alone() -> None:
    large = {"type": "object", "properties": {f"field{n}": {} for n in range(300)}}
    assert Form(json.dumps(large)).wish == "Answer with JSON alone"
    assert '"const":3' in Form('{"const": 3}').wish


# On a terminal


def painted(text: str, size: int = 7) -> str:
    file = io.StringIO()
    paper = MarkdownPaper(Console(file=file, width=40, color_system=None, force_terminal=True))
    for at in range(0, len(text), size):
        paper.write(text[at : at + size])
    paper.end()
    return file.getvalue()


def test_markdown_is_painted_block_by_block() -> None:
    text = "Some **bold** text\n\n- a\n- b\n\n```python\nx = 1\n\ny = 2\n```\nand [a](http://x.org)"
    lines = [line.rstrip() for line in painted(text).splitlines()]
    assert lines[:4] == ["Some bold text", "", " • a", " • b"]
    assert "x = 1" in "".join(lines)
    assert "**" not in "".join(lines)
    assert "http://x.org" in lines[-1]
    assert painted(text, 1) == painted(text, 1000)


def test_a_block_is_there_before_the_answer_is_whole() -> None:
    file = io.StringIO()
    paper = MarkdownPaper(Console(file=file, width=40, color_system=None))
    paper.write("One.\n\nTw")
    assert file.getvalue().split() == ["One."]
    paper.write("o.")
    paper.end()
    assert [line.rstrip() for line in file.getvalue().split("\n")] == ["One.", "", "Two.", ""]


@pytest.mark.parametrize("size", [1, 50])
def test_nothing_in_an_answer_steers_the_terminal(size: int) -> None:
    wicked = "a\x1b[31mred\x1b]0;t\x07 [bold]x[/bold] :smile: \x9b5m\u202eabc\n```\n\x1b[2J\n```\n"
    shown = painted(wicked, size)
    assert "\x1b" not in shown
    assert "[bold]x[/bold] :smile:" in shown
    assert "\u202e" not in shown


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_the_answer_is_rendered(home: Path) -> None:
    """The real command on a pseudo-terminal; the model may say what it likes, in any form."""
    import pty

    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "pocket_agent", "ask", "Hello", "--max-tokens", "8", "--seed", "1"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "40"},
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # how a pseudo-terminal ends on Linux
        pass
    assert done.wait(120) == 0
    os.close(ours)
    assert shown.strip()


# Turns that no longer fit


class FullAssistant:
    """Answers in a conversation of which some turns have left the context."""

    def __init__(self, dropped: int) -> None:
        self.dropped = dropped

    async def send(self, text: str) -> AsyncIterator[AssistantEvent]:
        yield ContextReady((), (), 900, 1024, self.dropped)
        reply = Turn("r", "s", TurnRole.ASSISTANT, "Fine.", "2026-11-03T10:00:00.000+00:00")
        yield ReplyDone(reply, "stop", None)


@pytest.mark.parametrize(
    ("dropped", "told"),
    [(0, ""), (1, "the oldest turn was not sent"), (6, "the oldest 6 turns were not sent")],
)
async def test_turns_that_are_left_out_are_told(
    dropped: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _Answer(cast("Any", FullAssistant(dropped)), NoPaper(), shows_context=False)
    await answer.run("And now?")
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err if told else err == ""
    assert answer.result["dropped_turns"] == dropped
