"""`doctor --offline`: the real model, policy and embedder with no network at all."""

import json
import subprocess
import sys
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.cli.offline import Chat, _answers, _system, _tries, can_be_apart

TOLD = {
    "replies": ["Hello.", "Pepper."],
    "learnt": ["remembered: name · Sam"],
    "known": ["Sam"],
    "recalled": ["My name is Sam."],
    "embedder": True,
}


@pytest.mark.slow
@pytest.mark.timeout(2500)  # two embedders start, at the lowest priority: on a busy machine, slowly
def test_a_chat_offline_is_the_same_and_tries_nothing(home: Any) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "pocket_agent", "doctor", "--offline", "--json"],
        capture_output=True,
        text=True,
        timeout=2400,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    found = {finding["name"]: finding for finding in json.loads(said.stdout)["findings"]}
    assert list(found) == ["answers", "connections", "namespace"]
    usual, offline = (found["answers"]["data"][name] for name in ("usual", "offline"))
    assert offline == usual
    assert all(usual["replies"])
    assert any("Pepper" in text for text in usual["recalled"])
    assert found["connections"]["data"]["tried"] == []
    assert found["connections"]["data"]["processes"] >= 2 + usual["embedder"]
    assert found["namespace"]["data"]["apart"] is can_be_apart()
    assert sum(found["namespace"]["data"].get("counted", {}).values()) == 0
    assert not (home / "profiles").exists()  # nothing of the person's was touched


def test_what_differs_or_tries_is_told() -> None:
    usual = Chat(TOLD)
    assert _answers(usual, Chat(dict(TOLD), (), 3)).ok
    other = _answers(usual, Chat({**TOLD, "replies": ["Hello.", "Rex."]}, (), 3))
    assert (other.ok, other.detail) == (False, "offline differs in: replies")
    assert not _answers(usual, Chat({**TOLD, "embedder": False})).ok
    slow = Chat({**TOLD, "embedder": False}, (), 2)
    assert "words alone" in _answers(slow, slow).detail
    assert _tries(slow).ok
    assert _tries(Chat(TOLD, (), 3)).ok
    assert not _tries(Chat(TOLD, (), 2)).ok  # a process was not watched
    tried = _tries(Chat(TOLD, ("-m x: socket.connect",), 3))
    assert not tried.ok
    assert "socket.connect" in tried.detail
    assert _system(Chat(TOLD)).ok
    assert _system(Chat(TOLD, apart=True, counted={"Ip OutNoRoutes": 0})).ok
    assert not _system(Chat(TOLD, apart=True, counted={"Ip OutNoRoutes": 2})).ok


def test_without_a_model_it_says_so(run: Any) -> None:
    assert "no model called" in complaint(run("doctor", "--offline", "-m", "nosuch"))
