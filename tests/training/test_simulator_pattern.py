"""Patterns: what a line of the simulator's text means, and what is wrong with it."""

from pathlib import Path

import pytest

from pocket_agent.profile.facts import Polarity
from pocket_agent.training.simulator.check import check_text
from pocket_agent.training.simulator.loading import load_text
from pocket_agent.training.simulator.pattern import (
    Fill,
    Gold,
    Mark,
    PatternError,
    parse_fact,
    parse_free,
    parse_heading,
)


def fact(line: str, slot: str = "food", section: str = "states"):
    return parse_fact(line, slot, section, "slots/x.txt:1")


def test_a_bracket_is_gold_and_braces_are_values():
    found = fact("i love [{food}] with {city:1}")
    assert found.turn == (
        "i love ",
        Mark.OPEN,
        Fill("food"),
        Mark.CLOSE,
        " with ",
        Fill("city", "1"),
    )
    assert found.golds == (Gold("food", Polarity.LIKES),)


def test_a_bracket_may_name_another_slot_and_a_sign():
    found = fact("[home: {city}] is nice, but [drink-: warm beer] and [8:30 breakfasts]")
    assert [(g.slot, g.polarity.value, g.literal) for g in found.golds] == [
        ("home", "+", ""),
        ("drink", "-", "warm beer"),
        ("food", "+", "8:30 breakfasts"),
    ]


def test_the_section_decides_the_sign_of_polar_slots_only():
    found = fact("no [{food}], my [family: sister] says so", section="avoids")
    assert [gold.polarity.value for gold in found.golds] == ["-", "+"]


def test_what_a_turn_speaks_of_is_gold_without_a_bracket_too():
    for line in ("gone right off {old}", "gone right off [{old}]"):
        found = fact(line, section="turns-")
        assert found.turn == ("gone right off ", Mark.OPEN, Mark.OLD, Mark.CLOSE)
        assert found.golds == (Gold("food", Polarity.AVOIDS, has_old=True),)
        assert found.about is Polarity.LIKES


def test_drops_and_repeats_may_speak_of_something_avoided():
    found = fact("no {old}, remember", section=parse_heading("repeats -", "food"))
    assert (found.section, found.about) == ("repeats", Polarity.AVOIDS)


def test_gold_may_stand_in_the_question():
    found = fact("A quiet [corner] or the bar? || the first", section="chooses")
    assert Mark.OPEN in found.said
    assert found.turn == ("the first",)


@pytest.mark.parametrize(
    ("line", "slot", "section", "says"),
    [
        ("i love {food}", "food", "states", "needs a bracket"),
        ("i love [{food}", "food", "states", "never closed"),
        ("i love {food}]", "food", "states", "without `[`"),
        ("i love [the [{food}]]", "food", "states", "within a bracket"),
        ("i love [ ]", "food", "states", "empty bracket"),
        ("i love [{food]", "food", "states", "stray `{`"),
        ("i love [{Food!}]", "food", "states", "not the name of a list"),
        ("i love [snack: {food}]", "food", "states", "unknown slot 'snack'"),
        ("i love [home-: {city}]", "food", "states", "polarity on home"),
        ("i love [home: {city}]", "food", "states", "no bracket of food"),
        ("i love [{food}], not {old}", "food", "states", "`{old}` in states"),
        ("i love [a > b]", "food", "states", "line format"),
        ("[{food}]", "food", "answers", "question || answer"),
        ("a || b || [{food}]", "food", "answers", "more than one"),
        ("forget it", "any", "drops", "which value"),
        ("{old} no, [{food}] yes", "food", "drops", "that is an update"),
        ("still [{food}] and {old}", "food", "repeats", "nothing new"),
        ("gone off it", "food", "turns-", "which value"),
        ("[{moved}] it is", "food", "states", "change nothing"),
        ("not {gone}, [{food}]", "food", "corrects", "needs `{moved}`"),
        ("not {old}, [new]", "any", "corrects", "needs `{moved}`"),
    ],
)
def test_a_wrong_line_says_why(line: str, slot: str, section: str, says: str):
    with pytest.raises(PatternError, match=says.replace("|", r"\|").replace("[", r"\[")):
        fact(line, slot, section)


@pytest.mark.parametrize(
    ("heading", "slot", "says"),
    [
        ("mentions", "food", "unknown section"),
        ("avoids", "home", "not a polar slot"),
        ("turns", "food", "needs a sign"),
        ("states", "any", "every slot"),
    ],
)
def test_a_wrong_heading_says_why(heading: str, slot: str, says: str):
    with pytest.raises(PatternError, match=says):
        parse_heading(heading, slot)


def test_code_keeps_its_own_brackets_braces_and_bars():
    line = 'if (a[0] || b) { print(f"{who}"); }'
    assert parse_free(line, "noise", "code", "x:1", frozenset({"city"})).turn == (line,)


def test_noise_may_follow_something_the_assistant_said():
    found = parse_free("Try {city}. || great", "noise", "reaction", "x:1", frozenset({"city"}))
    assert found.said == ("Try ", Fill("city"), ".")
    assert found.turn == ("great",)


def test_problems_name_file_and_line_and_leave_the_rest_usable(tmp_path: Path):
    for folder in ("slots", "noise", "values"):
        (tmp_path / folder).mkdir()
    (tmp_path / "values/food.txt").write_text("ramen\n\n# more\nramen\n[olives]\n", "utf-8")
    (tmp_path / "slots/food.txt").write_text(
        "too early\n== states\ni love [{food}]\nI LOVE [{food}]\ni love [{dish}]\n== nonsense\nx\n"
        "== implies\nmy cat[{food}] box\n",
        "utf-8",
    )
    (tmp_path / "slots/snacks.txt").write_text("== states\n", "utf-8")
    (tmp_path / "noise/request.txt").write_text("a {thing} please\nhello\n", "utf-8")
    text = load_text(tmp_path)
    assert [str(problem) for problem in text.problems] == [
        "values/food.txt:4: repeats values/food.txt:1",
        "values/food.txt:5: a mark in the value '[olives]'",
        "slots/food.txt:1: a line outside any section",
        "slots/food.txt:4: repeats slots/food.txt:3",
        "slots/food.txt:5: unknown list {dish}",
        "slots/food.txt:6: unknown section 'nonsense'",
        "slots/food.txt:7: a line outside any section",
        "slots/snacks.txt:1: there is no slot 'snacks'",
        "noise/request.txt:1: unknown list {thing}",
    ]
    assert [pattern.line for pattern in text.facts] == ["i love [{food}]", "my cat[{food}] box"]
    assert [str(problem) for problem in check_text(text)] == [
        "slots/food.txt:9: the value 'ramen' is not a run of whole words"
    ]


def test_the_lines_of_any_serve_every_slot_that_fits(tmp_path: Path):
    (tmp_path / "slots").mkdir()
    (tmp_path / "slots/any.txt").write_text(
        "== drops\nforget {old}\n== turns -\ngone off [{old}]\n", "utf-8"
    )
    found = load_text(tmp_path).facts
    dropping = {pattern.topic for pattern in found if pattern.section == "drops"}
    turning = {pattern.topic: pattern for pattern in found if pattern.section == "turns-"}
    assert {"home", "food", "plan"} <= dropping
    assert "food" in turning
    assert "home" not in turning
    assert turning["music"].golds == (Gold("music", Polarity.AVOIDS, has_old=True),)
