"""Slash commands: what is one, what is a message, and that each does something."""

import pytest

from pocket_agent.tui.commands import BY_NAME, COMMANDS, complete, parse
from pocket_agent.tui.screens.chat import ChatScreen


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_an_action(command) -> None:
    assert callable(getattr(ChatScreen, f"action_{command.action}"))
    assert command.about


@pytest.mark.parametrize(
    "text", ["hello", " /help", "/etc/hosts is empty", "/", "//", "/2+2", "/help\nme", "/où"]
)
def test_these_are_messages(text: str) -> None:
    assert parse(text) is None


def test_a_command_takes_what_follows_it() -> None:
    call = parse("/Theme  nord ")
    assert call is not None
    assert call.command is BY_NAME["theme"]
    assert call.argument == "nord"


def test_an_unknown_command_is_told_apart_from_a_message() -> None:
    call = parse("/nosuch")
    assert call is not None
    assert (call.name, call.command) == ("nosuch", None)


@pytest.mark.parametrize(
    ("typed", "rest"), [("/pro", "file"), ("/s", "essions"), ("/", ""), ("pro", ""), ("/zz", "")]
)
def test_a_beginning_is_completed(typed: str, rest: str) -> None:
    assert complete(typed) == rest
