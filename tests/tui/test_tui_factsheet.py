"""Facts in the order and words they are shown in."""

from tui_samples import FACTS

from pocket_agent.tui.dates import day, moment
from pocket_agent.tui.factsheet import WAITING, marks, origin, polarity_words, sections

BY_ID = {fact.id: fact for fact in FACTS}


def test_facts_stand_under_their_groups_and_candidates_first() -> None:
    shown = [(section.title, [f.id for f in section.facts]) for section in sections(FACTS)]
    assert shown == [
        (WAITING, ["f7"]),
        ("identity", ["f1", "f2"]),
        ("life", ["f3"]),
        ("tastes", ["f4", "f5"]),
        ("style", ["f6"]),
    ]


def test_a_filter_looks_at_slot_value_and_quote() -> None:
    for needle, found in (("FOOD", ["f4", "f5"]), ("miso", ["f3"]), ("last month", ["f2"])):
        assert [f.id for s in sections(FACTS, needle) for f in s.facts] == found
    assert sections(FACTS, "nothing like it") == []


def test_polarity_is_said_in_words() -> None:
    assert polarity_words(BY_ID["f4"]) == "♥ likes"
    assert polarity_words(BY_ID["f5"]) == "⊘ avoids"
    assert polarity_words(BY_ID["f2"]) == ""


def test_the_origin_is_the_quote_and_the_day() -> None:
    assert origin(BY_ID["f2"]) == "“I moved to Porto last month” · 3 Nov 2026"
    assert origin(BY_ID["f6"]) == "3 Nov 2026"


def test_what_is_special_is_said() -> None:
    assert marks(BY_ID["f1"]) == "locked"
    assert marks(BY_ID["f6"]) == "by hand"
    assert marks(BY_ID["f2"]) == ""


def test_dates_read_as_people_write_them() -> None:
    assert day("2026-11-03T23:30:00Z") == "3 Nov 2026"
    assert moment("2026-11-03T09:05:00+00:00") == "3 Nov 2026 09:05"
    assert day("2026-11-03") == "3 Nov 2026"
    assert day("some day") == "some day"
    assert day("") == ""
