"""Files that go with a message, and messages written in an editor: real files, real programs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from driving import app_with, prompt_of, say, shows, wait_until
from scripted import ScriptedBackend

from pocket_agent.errors import UsageError
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.commands import BY_NAME, Entry
from pocket_agent.tui.editor import edit_text, editor_command

posix = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")


def script(folder: Path, body: str) -> str:
    made = folder / "editor"
    made.write_text(f"#!/bin/sh\n{body}\n")
    made.chmod(0o755)
    return str(made)


@posix
def test_the_file_is_private_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    private, seen = tmp_path / "private", tmp_path / "seen"
    private.mkdir()
    body = f'stat -c %a "$(dirname "$1")" "$1" > {seen}; ln "$1" {tmp_path}/held\n'
    body += 'echo swap > "$1.swp"; printf " world\\n" >> "$1"'
    assert edit_text("hello", [script(tmp_path, body)], private) == "hello world"
    assert seen.read_text().split() == ["700", "600"]
    assert list(private.iterdir()) == []
    assert set((tmp_path / "held").read_bytes()) == {0}  # wiped, not only unlinked


@posix
def test_an_editor_that_fails_leaves_the_message_and_no_file(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    with pytest.raises(UsageError, match="the message is as it was"):
        edit_text("hello", [script(tmp_path, "exit 3")], private)
    with pytest.raises(UsageError):
        edit_text("hello", [script(tmp_path, 'rm "$1"')], private)
    assert list(private.iterdir()) == []


@posix
def test_what_a_killed_program_left_is_wiped_by_the_next(tmp_path: Path) -> None:
    private = tmp_path / "private"
    left, ours = private / "pocket-agent-edit-99999999-x", private / "pocket-agent-edit-1-x"
    for folder in (left, ours):
        folder.mkdir(parents=True)
        (folder / "message.md").write_text("secret")
    edit_text("", [script(tmp_path, "true")], private)
    assert list(private.iterdir()) == [ours]  # process 1 runs


@pytest.mark.parametrize("environ", [{}, {"EDITOR": "no-such-editor-here"}, {"EDITOR": "'"}])
def test_without_an_editor_it_says_what_to_do(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="EDITOR"):
        editor_command(environ)


@contextmanager
def suspend(_app: PocketApp) -> Iterator[None]:
    """In a test there is no terminal to hand over."""
    yield


@posix
async def test_the_editor_gets_the_message_and_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", script(tmp_path, 'printf ", there\\nand on" >> "$1"'))
    monkeypatch.setattr(PocketApp, "suspend", suspend)
    async with app_with().run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press(*"hello", "ctrl+o")
        await wait_until(pilot, lambda: prompt_of(pilot).text == "hello, there\nand on", "it")
        monkeypatch.delenv("EDITOR")
        prompt_of(pilot).clear()
        await say(pilot, "/editor")
        await shows(pilot, "No editor is named")
    assert [f.name for f in tmp_path.iterdir()] == ["editor"]


async def test_a_chat_without_a_trace_gives_no_file_to_an_editor() -> None:
    async with app_with(incognito=True).run_test(notifications=True) as pilot:
        await shows(pilot, "○ ready")
        await pilot.press("ctrl+o")
        await shows(pilot, "An editor needs a file")


async def test_a_file_goes_with_the_message_and_says_how_large_it_is(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("milk and ```bread```\n")
    big, odd = tmp_path / "big.txt", tmp_path / "odd.bin"
    big.write_text("word " * 700)
    odd.write_bytes(b"\x00\xff")
    backend = ScriptedBackend()
    app = app_with(backend)
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        await shows(pilot, "○ ready")
        for name, words in (
            (tmp_path, "is not a plain file"),
            (tmp_path / "none", "can't be read"),
            (odd, "is not UTF-8 text"),
            (big, "would make the message about"),
        ):
            await say(pilot, f"/attach {name}")
            await shows(pilot, words)
            assert prompt_of(pilot).text == ""
        prompt_of(pilot).insert("What is on it?")
        app.run_entry(Entry(BY_NAME["attach"]))
        await wait_until(pilot, lambda: prompt_of(pilot).text == "/attach ", "the command")
        await say(pilot, str(notes))
        await shows(pilot, "notes.txt goes with your message")
        assert prompt_of(pilot).text.startswith("What is on it? [notes.txt: ")
        await pilot.press("enter")
        await wait_until(pilot, lambda: bool(backend.said), "the message")
        await say(pilot, f"/attach {notes}")
        await wait_until(pilot, lambda: prompt_of(pilot).text != "", "the sign")
        prompt_of(pilot).clear()  # without its sign it stays behind
        await say(pilot, "Never mind")
        await wait_until(pilot, lambda: len(backend.said) == 2, "the other message")
    fence = "````"
    block = f"Attached file notes.txt:\n{fence}\nmilk and ```bread```\n{fence}"
    assert backend.said == [f"What is on it?\n\n{block}", "Never mind"]
