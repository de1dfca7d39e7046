"""Facts by hand on the command line: found, explained, edited, ended; erased on two computers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli_checks import complaint

from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.sources import ground

Opener = Callable[[], Store]


def test_facts_are_found_explained_edited_and_ended(call: Any, store: Opener) -> None:
    with store() as opened:
        turn = opened.add_user_turn(opened.new_session().id, "I live in Porto, by the sea")
        source = ground(turn.id, turn.text, "Porto")
        opened.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.POLICY, source=source)
    call("profile", "set", "food", "ramen")

    def found(*words: str) -> list[str]:
        facts = json.loads(call("profile", "show", "--json", *words).out)
        return [fact["value"] for fact in facts]

    assert found("--matching", "THE SEA") == found("--slot", "identity") == ["Porto"]
    assert found("--slot", "food,home") == ["Porto", "ramen"]
    assert call("profile", "show", "--matching", "nowhere").err == "Nothing matches.\n"
    assert "no slot or group" in complaint(call("profile", "show", "--slot", "x"), 2)

    told = call("profile", "why", "home", "porto").out.splitlines()
    assert told[0] == "“I live in Porto, by the sea”"
    assert f"turn {turn.id}: I live in Porto" in told[1]
    assert "typed in by hand" in call("profile", "why", "food", "ramen").out
    (record,) = json.loads(call("profile", "why", "home", "Porto", "--json").out)
    assert (record["turn"], record["text"]) == (turn.id, turn.text)

    call("profile", "set", "food", "udon", "--instead-of", "Ramen")
    assert found("--slot", "food") == ["udon"]
    assert "no fact food: ramen" in complaint(
        call("profile", "set", "food", "soba", "--instead-of", "ramen")
    )
    call("profile", "set", "origin", "Porto", "--instead-of", "home: porto")
    assert found("--slot", "home") == []
    (kept,) = json.loads(call("profile", "show", "--json", "--slot", "origin").out)
    assert kept["sources"][-1]["turn"] == turn.id
    assert "(was home: Porto)" in call("profile", "history").out
    call("profile", "set", "food", "udon", "--avoid", "--instead-of", "udon")
    call("profile", "undo")
    assert call("profile", "remove", "food", "udon").err == "no longer held: food · likes udon\n"
    assert found("--slot", "food") == []
    call("profile", "undo")
    assert found("--slot", "food") == ["udon"]


def test_what_was_forgotten_there_is_erased_here_if_it_is_wished(call: Any, tmp_path: Path) -> None:
    there, file = ("--home", str(tmp_path / "there")), str(tmp_path / "out.jsonl")
    for words in (("home", "Leeds"), ("food", "figs")):
        call("profile", "set", *words)
    call("profile", "export", file)
    call(*there, "profile", "import", file)
    kept = tmp_path / "there" / "old.jsonl"
    call(*there, "profile", "export", str(kept))
    call("profile", "forget", "--fact", "home", "Leeds", "--yes")
    call("profile", "export", file)
    said = call(*there, "profile", "import", file)
    assert "1 turns or changes that are here were forgotten" in said.err
    assert "unless you import it with --forget-too" in said.err
    shown = call(*there, "profile", "show").out
    assert "Leeds" in shown
    would = call(*there, "profile", "import", file, "--forget-too", "--dry-run")
    assert "would be erased for good" in would.err
    assert call(*there, "profile", "show").out == shown
    assert "were erased for good" in call(*there, "profile", "import", file, "--forget-too").err
    assert not kept.exists()
    assert Path(file).exists()
    assert "Leeds" not in call(*there, "profile", "show").out
    assert call(*there, "profile", "show", "--json").out == call("profile", "show", "--json").out
    files = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert [path for path in files if b"Leeds" in path.read_bytes()] == []
    memories = tmp_path / "mem0.json"
    memories.write_text('[{"memory": "Loves hiking"}]')
    assert "for exports of ours" in complaint(
        call("profile", "import", str(memories), "--forget-too"), 2
    )
