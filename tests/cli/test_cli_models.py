"""Which model answers, which one learns: `models use`, and what `models list` tells of both."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.config import load_settings
from pocket_agent.llm.models import BUNDLED, bundled_model

LEARNS = "learns from what you say"


@pytest.fixture
def mine(home: Path) -> Path:
    """A second model on the shelf, called mine; it is never loaded."""
    bundled = bundled_model()
    assert bundled is not None
    file = home / "models" / "mine.gguf"
    file.parent.mkdir(parents=True)
    file.symlink_to(bundled)
    record = {"name": "mine", "path": str(file), "size": 1, "sha256": "0" * 64}
    (file.parent / "models.json").write_text(json.dumps({"use": "", "models": [record]}))
    return file


def who(call: Any) -> tuple[list[str], list[str]]:
    """The models that answer and those that learn, as `models list` has it."""
    rows = json.loads(call("models", "list", "--json").out)
    answers = [row["name"] for row in rows if row["chosen"]]
    return answers, [row["name"] for row in rows if row["learns"]]


def test_the_bundled_model_does_both_at_first(call: Any, mine: Path) -> None:
    assert who(call) == ([BUNDLED], [BUNDLED])
    first, second = call("models", "list").out.splitlines()
    assert first.startswith(f"* {BUNDLED}")
    assert LEARNS in first
    assert second.startswith("  mine")
    assert LEARNS not in second


def test_one_model_answers_and_another_learns(call: Any, home: Path, mine: Path) -> None:
    assert call("models", "use", "mine", "--for", "learning").out == "mine\n"
    assert load_settings(home / "config.toml").policy_model == "mine"
    assert who(call) == ([BUNDLED], ["mine"])
    assert call("models", "use", BUNDLED, "--for", "learning").code == 0
    assert load_settings(home / "config.toml").policy_model == ""
    assert who(call) == ([BUNDLED], [BUNDLED])


def test_whichever_answers_may_learn_too(call: Any, home: Path, mine: Path) -> None:
    mine.unlink()
    mine.write_bytes(b"another file")
    assert call("models", "use", "mine").out == "mine\n"
    assert who(call) == (["mine"], [BUNDLED])
    assert call("models", "use", "chat", "--for", "learning").out == "chat\n"
    assert load_settings(home / "config.toml").policy_model == "chat"
    assert who(call) == (["mine"], ["mine"])
    assert call("models", "use", BUNDLED, "--for", "chat").code == 0
    assert who(call) == ([BUNDLED], [BUNDLED])


def test_what_is_not_there_is_not_taken(call: Any, home: Path, mine: Path) -> None:
    mine.unlink()
    assert "is gone" in complaint(call("models", "use", "mine", "--for", "learning"))
    assert "no model called 'x'" in complaint(call("models", "use", "x", "--for", "learning"))
    assert "invalid choice" in complaint(call("models", "use", "mine", "--for", "fun"), 2)
    assert not (home / "config.toml").exists()


def test_a_learning_model_that_is_gone_is_no_end_of_the_list(
    call: Any, home: Path, mine: Path
) -> None:
    (home / "config.toml").write_text('policy_model = "nobody"\n')
    assert who(call) == ([BUNDLED], [])


def test_those_that_can_be_pulled_are_told_with_both(
    call: Any, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocket_agent.cli.offered._speed", lambda *_: None)
    call("models", "use", "mine", "--for", "learning")
    said = call("models", "list", "--available")
    rows = {line.split()[1]: line for line in said.out.splitlines()[1:] if line[0] in "*+"}
    assert rows[BUNDLED].startswith("*")
    assert rows["mine"].startswith("+")
    assert LEARNS in rows["mine"]
    assert LEARNS not in rows[BUNDLED]
    listed = json.loads(call("models", "list", "--available", "--json").out)
    assert [row["name"] for row in listed if row["learns"]] == ["mine"]
