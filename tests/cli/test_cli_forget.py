"""`profile forget`, `lock`, `pin`, `history --fact` and `show --at`."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent.cli.forget import numbers_of
from pocket_agent.errors import UsageError
from pocket_agent.memory.records import Drawn
from pocket_agent.memory.store import Store
from pocket_agent.profile.facts import Actor, Op, OpKind

Opener = Callable[[], Store]


def test_a_fact_is_locked_and_pinned(call: Any, store: Opener) -> None:
    call("profile", "set", "travel", "night", "trains")
    assert call("profile", "lock", "travel", "Night", "Train").err == (
        "locked: travel · likes night trains\n"
    )
    assert call("profile", "lock", "travel", "night trains").err.startswith("locked already")
    assert call("profile", "pin", "travel", "night", "trains").err.startswith("pinned: ")
    assert "  travel: night trains  (locked, pinned)\n" in call("profile", "show").out
    assert call("profile", "unlock", "travel", "night trains").err.startswith("unlocked: ")
    assert call("profile", "unpin", "travel", "night trains").err.startswith("unpinned: ")
    assert "(" not in call("profile", "show").out
    assert "no fact travel: ships" in complaint(call("profile", "lock", "travel", "ships"))
    call("profile", "undo")
    assert "(pinned)" in call("profile", "show").out
    with store() as opened:
        assert [e.op.kind for e in opened.events()][1:3] == [OpKind.LOCK, OpKind.PIN]


def test_the_history_of_one_fact(call: Any) -> None:
    for words in (("home", "Leeds"), ("sport", "rowing"), ("home", "Porto")):
        call("profile", "set", *words)
    call("profile", "lock", "home", "Porto")
    call("profile", "undo")
    lines = call("profile", "history", "--fact", "home", "porto").out.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "4", "5"]
    assert "lock home: Porto  (undone)" in lines[1]
    log = json.loads(call("profile", "history", "--json", "--fact", "sport", "Rowing").out)
    assert [event["seq"] for event in log] == [2]
    assert "its slot and its value" in complaint(call("profile", "history", "--fact", "home"), 2)
    assert "never was" in complaint(call("profile", "history", "--fact", "home", "Bath"))


def test_the_profile_as_it_was(call: Any, store: Opener) -> None:
    with store() as opened:
        for day, value in (("03", "Leeds"), ("05", "Porto")):
            op, at = Op(OpKind.ADD, "home", value), f"2026-02-{day}T12:00:00.000+00:00"
            opened.record(op, actor=Actor.USER, at=at)

    def home(at: str) -> list[str]:
        facts = json.loads(call("profile", "show", "--json", "--at", at).out)
        return [fact["value"] for fact in facts]

    assert home("2026-02-02") == []
    assert home("2026-02-03") == home("2026-02-04") == ["Leeds"]
    assert home("2026-02-05T11:59+00:00") == ["Leeds"]
    assert home("2026-02-06") == ["Porto"]
    assert "home: Leeds" in call("profile", "show", "--at", "2026-02-04").out
    assert "is no date" in complaint(call("profile", "show", "--at", "Tuesday"), 2)


@pytest.fixture
def life(call: Any, store: Opener, home: Path) -> dict[str, str]:
    """Two conversations, three facts and an export in the home folder; ids by name."""
    with store() as opened:
        session = opened.new_session("Jim again")
        turn = opened.add_user_turn(session.id, "Jim and I broke up")
        opened.close_reply(opened.open_reply(session.id).id, "I'm sorry about Jim")
        other = opened.new_session("Weather")
        opened.add_user_turn(other.id, "Will it rain?")
    call("profile", "set", "past", "married to Jim")
    call("profile", "set", "home", "Porto")
    call("profile", "export", str(home / "kept.jsonl"))
    return {"session": session.id, "turn": turn.id}


def test_a_topic_goes_with_a_receipt(call: Any, life: dict[str, str], home: Path) -> None:
    said = call("profile", "forget", "--matching", "jim", "--yes", "--json")
    receipt = {name: count for name, count in json.loads(said.out).items() if count}
    assert receipt == {
        "turns": 2,
        "sessions": 1,
        "facts": 1,
        "quotes": 1,
        "changes": 1,
        "exports": 1,
    }
    assert "delete them yourself" in said.err
    assert not (home / "kept.jsonl").exists()
    assert "Jim" not in call("profile", "history").out
    assert "(forgotten)" in call("profile", "history").out
    assert "home: Porto" in call("profile", "show").out
    again = call("profile", "forget", "--matching", "jim", "--yes")
    assert (again.code, again.out, again.err) == (0, "forgotten: nothing\n", "")
    for file in home.rglob("*"):
        assert not file.is_file() or b"Jim" not in file.read_bytes()


def test_whole_words_unless_characters_are_wished(call: Any, store: Opener) -> None:
    with store() as opened:
        session = opened.new_session()
        for text in ("my ex called", "my exam is in May"):
            opened.add_user_turn(session.id, text)
    said = call("profile", "forget", "--matching", "my ex")
    assert "This erases for good: 1 turn\n" in said.err
    said = call("profile", "forget", "--matching", "my ex", "--substring")
    assert "turn my exam is in May" in said.err


def test_all_that_would_go_is_shown_page_by_page(
    call: Any, store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store() as opened:
        session = opened.new_session()
        for number in range(45):
            opened.add_user_turn(session.id, f"Jim, number {number}.")

    def answer(*lines: str) -> Any:
        monkeypatch.setattr(sys, "stdin", Typing(lines))
        return call("profile", "forget", "--matching", "jim")

    said = answer("no")
    assert said.code == 2
    assert ("number 19." in said.err, "number 20." in said.err) == (True, False)
    assert "(20 of 45)" in said.err
    said = answer("", "", "")
    assert said.code == 2, "Enter is no yes"
    assert "number 44." in said.err
    assert answer("", "yes").out.startswith("forgotten: 45 turns")


class Typing(io.StringIO):
    """Somebody at a terminal who types these lines."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("".join(f"{line}\n" for line in lines))

    def isatty(self) -> bool:
        return True


def test_replies_elsewhere_are_listed_and_may_be_kept(
    call: Any, life: dict[str, str], store: Opener
) -> None:
    with store() as opened:
        other = opened.new_session()
        opened.add_user_turn(other.id, "Am I single?")
        reply = opened.open_reply(other.id, Drawn(turns=(life["turn"],)))
        opened.close_reply(reply.id, "You and Jim broke up.")
    said = call("profile", "forget", "--turn", life["turn"])
    assert "reply elsewhere You and Jim broke up." in said.err
    kept = call("profile", "forget", "--turn", life["turn"], "--keep-replies")
    assert "reply elsewhere" not in kept.err
    said = call("profile", "forget", "--turn", life["turn"], "--yes")
    assert "1 reply elsewhere that repeated it" in said.out


@pytest.mark.slow
def test_of_a_topic_what_is_chosen_goes(
    call: Any, life: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = call("profile", "forget", "--about", "my ex Jim")
    assert said.code == 0
    assert "--choose" in said.err
    rows = [line.split(maxsplit=1)[1] for line in said.out.splitlines()]
    assert rows[0] == "fact  past · married to Jim"
    assert any("You: Jim and I broke up" in row for row in rows)
    assert not any("Will it rain" in row for row in rows)
    listed = json.loads(call("profile", "forget", "--about", "my ex Jim", "--json").out)
    assert [each["number"] for each in listed] == list(range(1, len(rows) + 1))
    assert "no list of numbers" in complaint(
        call("profile", "forget", "--about", "my ex Jim", "--choose", "some"), 2
    )
    monkeypatch.setattr(sys, "stdin", Typing(("1", "yes")))
    said = call("profile", "forget", "--about", "my ex Jim")
    assert "forgotten: 1 fact, 1 quote, 1 change of the log, 1 export" in said.out
    assert "Jim and I broke up" in call("memory", "search", "Jim").out  # only the fact was chosen
    said = call("profile", "forget", "--about", "broke up", "--choose", "all", "--yes")
    assert "1 conversation" in said.out


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [("1", [1]), ("5, 1-3,2", [1, 2, 3, 5]), ("ALL", [1, 2, 3, 4, 5]), ("4-4", [4])],
)
def test_numbers_are_read(choice: str, numbers: list[int]) -> None:
    assert numbers_of(choice, 5) == numbers


@pytest.mark.parametrize("choice", ["", "0", "6", "3-1", "1-9", "one", "1,,2", "-", "²", "9" * 99])
def test_what_names_no_row_is_refused(choice: str) -> None:
    with pytest.raises(UsageError):
        numbers_of(choice, 5)


def test_it_asks_and_shows_what_would_go(call: Any, life: dict[str, str], store: Opener) -> None:
    said = call("profile", "forget", "--turn", life["turn"])
    assert said.code == 2
    assert "This erases for good: 2 turns, 1 conversation" in said.err
    assert "turn Jim and I broke up" in said.err
    assert "--yes" in complaint(said, 2)
    with store() as opened:
        assert len(opened.turns(life["session"])) == 2


def test_facts_by_name_and_by_id(call: Any, life: dict[str, str]) -> None:
    facts = {f["slot"]: f["id"] for f in json.loads(call("profile", "show", "--json").out)}
    assert call("profile", "forget", "--fact", facts["home"], "--yes").code == 0
    said = call("profile", "forget", "--fact", "past", "Married", "to", "Jim", "--yes")
    assert said.out == "forgotten: 1 fact, 1 quote, 1 change of the log\n"
    assert call("profile", "show", "--json").out == "[]\n"
    for words in (("home", "Porto"), ("none",)):
        assert "no fact" in complaint(call("profile", "forget", "--fact", *words, "--yes"))


def test_what_an_old_export_holds_stays_forgotten(
    call: Any, life: dict[str, str], home: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.jsonl"
    old.write_bytes((home / "kept.jsonl").read_bytes())
    call("profile", "forget", "--matching", "Jim", "--yes")
    said = call("profile", "import", str(old))
    assert said.code == 0, said
    assert said.err.startswith("imported 0 sessions, 0 turns, 0 changes")
    for file in home.rglob("*"):
        assert not file.is_file() or b"Jim" not in file.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--turn", "a", "--session", "b"),
        ("--everything", "--matching", "x"),
        ("--matching", " "),
        ("--since", "yesterday"),
        ("--turn", "a", "--keep-turns"),
        ("--turn", "a", "--substring"),
        ("--everything", "--keep-replies"),
        ("--turn", "a", "--choose", "1"),
        ("--about", " "),
        ("--about", "x", "--matching", "x"),
    ],
)
def test_wrong_usage(call: Any, words: tuple[str, ...]) -> None:
    complaint(call("profile", "forget", *words, "--yes"), 2)


def test_unknown_ids_are_told(call: Any, life: dict[str, str]) -> None:
    for kind in ("turn", "session"):
        said = call("profile", "forget", f"--{kind}", "none", "--yes")
        assert f"no {kind} none" in complaint(said)


def test_a_conversation_is_named_as_the_list_names_it(
    call: Any, life: dict[str, str], store: Opener
) -> None:
    lines = call("sessions", "list").out.splitlines()
    (short,) = [line.split()[0] for line in lines if line.endswith("Jim again")]
    assert len(short) == 8
    said = call("profile", "forget", "--session", short, "--yes")
    assert said.out.startswith("forgotten: 2 turns, 1 conversation"), said
    call("profile", "forget", "--session", "last", "--yes")
    with store() as opened:
        assert opened.sessions() == []
    assert "no session last" in complaint(call("profile", "forget", "--session", "last", "--yes"))
