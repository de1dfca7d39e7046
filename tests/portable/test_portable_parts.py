"""Chosen parts and Markdown: what is left out is nowhere in the file."""

from pathlib import Path

import pytest

from pocket_agent.errors import UsageError
from pocket_agent.memory.store import Store
from pocket_agent.portable.archive import export_profile, import_profile
from pocket_agent.portable.markdown import Style, unescaped
from pocket_agent.portable.parts import Choice, slots_of
from pocket_agent.profile.facts import Actor, FactState, Op, OpKind, Polarity, Source

SECRET = "zebrafever"


@pytest.fixture
def ill(lived: Store) -> Store:
    """A profile in which an illness stands wherever a word can stand."""
    session = lived.new_session(f"About {SECRET}")
    text = f"I live in Faro and have {SECRET}, so no peanuts."
    said = lived.add_user_turn(session.id, text)
    reply = lived.open_reply(session.id)
    lived.close_reply(reply.id, f"Since when have you had {SECRET}?")
    source = Source(said.id, 0, len(text), text, f"Do you have {SECRET}?")
    for slot, value in (("home", "Faro"), ("health", SECRET)):
        lived.record(Op(OpKind.ADD, slot, value), actor=Actor.POLICY, source=source)
    op = Op(OpKind.ADD, "food", "peanuts", polarity=Polarity.AVOIDS)
    lived.record(op, actor=Actor.POLICY, source=source)
    lived.record(Op(OpKind.ADD, "goal", f"live with {SECRET}"), actor=Actor.USER)
    lived.record(Op(OpKind.UPDATE, "health", "hay fever", SECRET), actor=Actor.USER)
    home = lived.profile().active("home")[0]
    lived.record(Op(OpKind.LOCK, fact=home.id), actor=Actor.USER)
    lived.record(Op(OpKind.PIN, fact=home.id), actor=Actor.USER)
    return lived


def values(store: Store) -> set[str]:
    return {f"{fact.slot}={fact.value}" for fact in store.profile().active()}


def test_nothing_left_out_leaks(ill: Store, empty: Store, tmp_path: Path) -> None:
    file = tmp_path / "part.jsonl"
    choice = Choice(without=slots_of(["health"]))
    done = export_profile(ill, file, choice=choice)
    text = file.read_text("utf-8")
    for word in (SECRET, "hay fever", "About", "Since when", "Moving", "Earl", "health"):
        assert word not in text
    assert (done.sessions, done.turns, done.held_back) == (0, 0, 1)
    for event in ill.events():  # nor can what is in it be laid beside the log
        assert event.id not in text
    import_profile(empty, file)
    assert values(empty) == {"home=Faro", "food=peanuts"}
    home = empty.profile().active("home")[0]
    assert (home.locked, home.pinned, home.learnt[:4]) == (True, True, "2026") or home.locked
    assert empty.profile().active("food")[0].polarity is Polarity.AVOIDS


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (Choice(only=slots_of(["home", "food"])), {"home=Faro", "food=peanuts"}),
        (Choice(only=slots_of(["tastes"])), {"food=peanuts"}),
        (Choice(only=slots_of(["life,goals"]), without=slots_of(["health"])), set()),
        (Choice(without=slots_of(["identity", "tastes", "goal"])), {"health=hay fever"}),
    ],
)
def test_parts(ill: Store, empty: Store, tmp_path: Path, choice: Choice, wanted: set[str]) -> None:
    file = tmp_path / "part.jsonl"
    export_profile(ill, file, choice=choice)
    import_profile(empty, file)
    assert values(empty) == wanted


def test_without_the_turns_all_facts_go_and_no_word_of_the_turns(
    ill: Store, empty: Store, tmp_path: Path
) -> None:
    file = tmp_path / "facts.jsonl"
    export_profile(ill, file, choice=Choice(turns=False))
    text = file.read_text("utf-8")
    assert "I live in" not in text
    assert "Since when" not in text
    assert "About" not in text
    import_profile(empty, file)
    assert values(empty) == values(ill)
    waiting = {fact.value for fact in ill.profile().candidates()}
    assert {fact.value for fact in empty.profile().candidates()} == waiting
    again = tmp_path / "again.jsonl"
    export_profile(empty, again)  # and what came so can go on
    with Store.open(tmp_path / "third.db") as third:
        import_profile(third, again)
        assert third.profile() == empty.profile()


def test_a_part_comes_twice_and_meets_the_whole(ill: Store, empty: Store, tmp_path: Path) -> None:
    part, whole = tmp_path / "part.jsonl", tmp_path / "whole.jsonl"
    export_profile(ill, part, choice=Choice(turns=False))
    export_profile(ill, whole)
    import_profile(empty, part)
    once = empty.profile()
    assert import_profile(empty, part).events == 0
    assert empty.profile() == once
    import_profile(empty, whole)
    assert values(empty) == values(ill)
    before = ill.profile()
    changes = import_profile(ill, part).changes
    assert not changes
    assert {f.id for f in ill.profile().active()} == {f.id for f in before.active()}


def test_names_that_are_none() -> None:
    with pytest.raises(UsageError, match="no slot or group 'shoe'"):
        slots_of(["shoe"])
    assert slots_of([]) == frozenset()
    assert {"food", "music", "home"} <= slots_of(["Tastes", "home"])


def test_markdown(ill: Store, tmp_path: Path) -> None:
    file = tmp_path / "me.md"
    ill.record(Op(OpKind.ADD, "hobby", "see <b>_chess_</b>\n\x1b[31m# [x](y) it"), actor=Actor.USER)
    done = export_profile(ill, file)
    text = file.read_text("utf-8")
    assert text.startswith(
        "<!-- pocket-agent profile -->\n# Profile\n\n## identity\n\n- home: Faro\n"
    )
    assert "- food: avoids peanuts\n" in text
    assert done.facts == sum(f.state is FactState.ACTIVE for f in ill.profile().facts.values())
    assert "I live in" not in text
    assert "olives" not in text  # it still waits for a yes or no
    (line,) = [line for line in text.splitlines() if line.startswith("- hobby")]
    assert line == r"- hobby: see \<b\>\_chess\_\</b\> \[31m# \[x\](y) it"
    assert unescaped(line) == "- hobby: see <b>_chess_</b> [31m# [x](y) it"
    export_profile(ill, file, style=Style(dates=True, quotes=True))  # over the older one
    text = file.read_text("utf-8")
    assert "- home: Faro (20" in text
    assert "  > I live in Faro and have" in text


def test_markdown_of_parts(ill: Store, tmp_path: Path) -> None:
    file = tmp_path / "me.md"
    choice = Choice(without=slots_of(["health"]))
    export_profile(ill, file, choice=choice, style=Style(dates=True))
    assert SECRET not in file.read_text("utf-8")
    with pytest.raises(UsageError, match="quote may hold what is left out"):
        export_profile(ill, file, choice=choice, style=Style(quotes=True))
    with pytest.raises(UsageError, match="Markdown alone"):
        export_profile(ill, tmp_path / "x.jsonl", style=Style(dates=True))
