"""The measures of a policy, on turns whose figures can be counted by hand."""

import math
from collections.abc import Callable, Sequence

import pytest

from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Op, OpKind, Polarity
from pocket_agent.training.evaluation.bootstrap import estimate
from pocket_agent.training.evaluation.matching import main_action, pair_up, token_f1
from pocket_agent.training.evaluation.policies import RulePolicy, judge
from pocket_agent.training.evaluation.report import error_lines, evaluate, markdown
from pocket_agent.training.evaluation.rolling import after_updates, curve, live, retention
from pocket_agent.training.evaluation.turnwise import (
    MEASURES,
    Judged,
    confusion,
    false_writes_by_class,
    recall_by_class,
)
from pocket_agent.training.records import Labelled, known_of, profile_after

ADD, UPDATE, REMOVE = OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE
LEEDS, PORTO = Known("home", "Leeds"), Op(UPDATE, "home", "Porto", old="Leeds")
RAMEN = Op(ADD, "food", "spicy ramen")


def turn(
    *gold: Op, known: Sequence[Known] = (), text: str = "…", person: str = "anna", klass: str = ""
) -> Labelled:
    kind = "fact" if gold else "noise"
    return Labelled(f"{person}-{text}", person, 1, kind, klass, tuple(known), "", text, gold)


def judged(record: Labelled, *made: Op) -> Judged:
    return Judged(record, made, 0.1)


def measure(name: str, *turns: Judged) -> float:
    return MEASURES[name](turns)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("ramen", "Ramen", 1.0),
        ("diet", "strict gluten-free diet", 0.5),
        ("ramen", "udon", 0.0),
        ("spicy ramen", "ramen", 2 / 3),
    ],
)
def test_overlap_of_values(one: str, other: str, overlap: float) -> None:
    assert token_f1(one, other) == pytest.approx(overlap)


def test_each_gold_write_stands_for_one_predicted() -> None:
    gold = [Op(ADD, "food", "ramen"), Op(ADD, "drink", "ramen")]
    (pair,) = pair_up(gold, [Op(ADD, "drink", "ramen"), Op(ADD, "food", "udon")])
    assert (pair.gold, pair.predicted.slot) == (gold[1], "drink")


def test_writes_are_counted() -> None:
    right = judged(turn(RAMEN), RAMEN)
    half = judged(turn(RAMEN), Op(ADD, "dining", "ramen", polarity=Polarity.AVOIDS))
    missed = judged(turn(RAMEN, Op(ADD, "pet", "a cat")))
    invented = judged(turn(), Op(ADD, "pet", "a dog"))
    turns = (right, half, missed, invented)
    assert measure("recall", *turns) == 2 / 4
    assert measure("precision", *turns) == 2 / 3
    assert measure("f1", *turns) == pytest.approx(4 / 7)
    assert measure("exact_f1", *turns) == pytest.approx(2 / 7)
    assert measure("slot_accuracy", *turns) == 1 / 2
    assert measure("polarity_accuracy", *turns) == 1 / 2
    assert measure("false_writes", *turns, judged(turn())) == 1 / 2


def test_what_an_update_leaves() -> None:
    record = turn(PORTO, known=[LEEDS])
    made, ignored = judged(record, PORTO), judged(record)
    dropped = judged(record, Op(REMOVE, "home", "Leeds"))
    other_slot = judged(record, Op(ADD, "origin", "Porto"))
    assert measure("adopted", made, ignored, dropped, other_slot) == 2 / 4
    assert measure("stale", made, ignored, dropped, other_slot) == 2 / 4
    assert measure("stale", judged(record, Op(ADD, "home", "Porto"))) == 0  # one home at a time


def test_removals_and_over_deletion() -> None:
    chess = Known("hobby", "chess")
    gold = Op(REMOVE, "hobby", "chess")
    assert measure("removal_recall", judged(turn(gold, known=[chess]), gold)) == 1
    assert measure("removal_recall", judged(turn(gold, known=[chess]), RAMEN)) == 0
    added = turn(RAMEN, known=[chess])
    assert measure("over_deletion", judged(added, RAMEN), judged(added, RAMEN, gold)) == 1 / 2
    assert math.isnan(measure("over_deletion", judged(turn(RAMEN), gold)))  # nothing to delete


def test_by_class() -> None:
    turns = [
        judged(turn(klass="joke"), RAMEN),
        judged(turn(klass="joke")),
        judged(turn(RAMEN, klass="states"), RAMEN),
        judged(turn(PORTO, known=[LEEDS], klass="changes")),
    ]
    assert false_writes_by_class(turns) == {"joke": (0.5, 2)}
    assert recall_by_class(turns) == {"changes": (0.0, 1), "states": (1.0, 1)}
    assert confusion(turns)["update"]["none"] == 1
    assert main_action([RAMEN, PORTO]) == "update"
    assert [line["made"] for line in error_lines(turns)] == [["add food+: spicy ramen"], []]


def test_the_interval_is_over_people() -> None:
    good = [judged(turn(RAMEN, person="anna"), RAMEN) for _ in range(10)]
    bad = [judged(turn(RAMEN, person="ben")) for _ in range(10)]
    both = estimate(good + bad, MEASURES["recall"])
    assert (both.value, both.low, both.high) == (0.5, 0.0, 1.0)
    alone = estimate(good, MEASURES["recall"])
    assert (alone.low, alone.high) == (1.0, 1.0)
    assert str(estimate([judged(turn())], MEASURES["recall"])) == "–"


class Scripted:
    """Decides by a function of the turn; counts how often."""

    def __init__(self, decide: Callable[[str], list[Op]]) -> None:
        self._decide = decide
        self.asked = 0

    async def decide(self, known: Sequence[Known], assistant: str, text: str) -> list[Op]:
        self.asked += 1
        return self._decide(text)


async def test_a_turn_that_is_written_on_is_not_decided_again_at_less_caution() -> None:
    careful = Scripted(lambda text: [RAMEN] if text == "clear" else [])
    bold = Scripted(lambda text: [RAMEN])
    records = [turn(RAMEN, text="clear"), turn(RAMEN, text="vague")]
    found = [each async for each in judge({0.0: bold, 2.0: careful}, records)]
    assert [bool(each[2.0].ops) for each in found] == [True, False]
    assert [bool(each[0.0].ops) for each in found] == [True, True]
    assert (careful.asked, bold.asked) == (2, 1)
    long = turn(RAMEN, text="clear. " * 200)
    assert [each async for each in judge({0.0: bold, 2.0: bold}, [long])]
    assert bold.asked == 3  # two windows: each is decided at its own caution


async def test_a_report_has_a_column_for_each_caution() -> None:
    policies = {0.0: Scripted(lambda _: [RAMEN]), 1.5: Scripted(lambda _: [])}
    records = [turn(RAMEN, text="a"), turn(text="b")]
    reports = [report for report, _ in await evaluate("mine", policies, records, lives=False)]
    table = markdown(reports).splitlines()
    assert table[0] == "| measure | mine at 0 | mine at 1.5 |"
    assert table[2].startswith("| recall | 1.000 [1.000, 1.000] | 0.000")


async def test_whole_lives() -> None:
    gold = {
        "leeds": [Op(ADD, "home", "Leeds")],
        "porto": [PORTO],
        "hi": [],
        "cat": [Op(ADD, "pet", "cat")],
    }
    known: tuple[Known, ...] = ()
    records = []
    for text in ("leeds", "hi", "porto", "hi", "hi", "cat"):
        records.append(turn(*gold[text], known=known, text=text))
        known = known_of(profile_after(known, gold[text]))
    perfect = await live(Scripted(gold.__getitem__), records)
    deaf = await live(Scripted(lambda text: gold[text] if text == "leeds" else []), records)
    assert curve({"anna": (records, perfect)}) == {5: 1.0}
    assert curve({"anna": (records, deaf)}) == {5: 0.0}
    assert after_updates({"anna": (records, perfect)})[3] == (1.0, 0.0, 1)
    assert after_updates({"anna": (records, deaf)})[0] == (0.0, 1.0, 1)


async def test_retention() -> None:
    records = [
        turn(Op(ADD, "pet", "cat"), known=[LEEDS], text="cat"),
        turn(text="hi", known=[LEEDS]),
        turn(RAMEN, person="ben", text="ramen", known=[Known("name", "Ben")]),
    ]
    assert await retention(Scripted(lambda _: []), records, 0.5) == 1.0
    forgetful = Scripted(lambda text: [Op(REMOVE, "home", "Leeds")] if text == "hi" else [])
    assert await retention(forgetful, records, 0.5) == 0.5
    assert await retention(forgetful, records, 0.0) == 1.0  # nothing but facts of others


async def test_the_rules_read_plain_statements() -> None:
    ops = await RulePolicy().decide((), "", "My name is Ana and I live in Porto.")
    assert {(op.slot, op.value) for op in ops} == {("name", "Ana"), ("home", "Porto")}
    known = (Known("hobby", "chess"),)
    ops = await RulePolicy().decide(known, "", "I gave up chess")
    assert ops == [Op(REMOVE, "hobby", "chess")]
