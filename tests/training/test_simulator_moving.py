"""The same thing with another number."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocket_agent.policy.state import Known
from pocket_agent.training.simulator.filling import fill, golds, strip
from pocket_agent.training.simulator.moving import movable, move
from pocket_agent.training.simulator.pattern import parse_fact
from pocket_agent.training.simulator.splits import Deck

VALUES = [
    "driving test on 9 Feb",
    "hip operation on the 3rd of May",
    "interview on Thursday",
    "under £1,200 a month",
    "2012 Subaru Outback",
    "daughter Wren is six",
    "Radar exam on the eleventh of June",
    "20 mg of ramipril",
    "run 5k",
]


@pytest.mark.parametrize("value", VALUES)
@given(seed=st.integers(0, 10_000))
def test_one_piece_changes_and_the_rest_stays(value: str, seed: int):
    assert movable(value)
    moved = move(value, Random(seed))
    gone = moved.gone.removeprefix("the ")
    assert moved.value != value
    assert gone in value
    assert gone not in moved.value.split()
    before, _, after = value.partition(gone)
    plain = moved.value.replace(" is now ", " ").replace(" is ", " ")
    kept = before.replace(" is ", " ")
    assert plain.startswith(kept)
    assert plain.endswith(after)


@pytest.mark.parametrize(
    "value",
    ["London", "17", "May", "three", "may day party", "up at 6:30", "talk on 2025-10-14", "21/6"],
)
def test_what_has_no_such_piece_or_nothing_beside_it(value: str):
    assert not movable(value)


def test_a_day_has_the_ending_of_its_number():
    found = {move("exam on the 3rd", Random(seed)).value for seed in range(200)}
    rest = [f"{day}th" for day in (*range(4, 21), *range(24, 31))]
    days = ["1st", "2nd", "21st", "22nd", "23rd", *rest]
    assert found <= {f"exam on the {day}" for day in days} | {
        f"exam {word} on the {day}" for day in days for word in ("is", "is now")
    }
    assert len(found) > 20


def test_a_pattern_says_the_known_value_with_another_number():
    pattern = parse_fact("sorry, [{moved}], not {gone}", "plan", "corrects", "x:1")
    deck = Deck("all", {}, {}, {}, {}, {})
    part = fill(pattern, deck, Random(4), Known("plan", "viva on 9 May"))
    (value,) = golds(part.turn)
    assert value != "viva on 9 May"
    assert value.split()[0] == "viva"
    assert strip(part.turn).startswith(f"sorry, {value}, not ")
