"""Simulated people: exact gold, exact profiles, splits that share nothing."""

import itertools
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocket_agent.errors import UsageError
from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import OpKind
from pocket_agent.profile.values import clean, find_span, key
from pocket_agent.training.examples import examples, readable
from pocket_agent.training.records import known_of, profile_after
from pocket_agent.training.simulator.conversation import Record, simulate_people
from pocket_agent.training.simulator.filling import (
    CLOSE,
    OLD_CLOSE,
    OLD_OPEN,
    OPEN,
    brief,
    golds,
    strip,
)
from pocket_agent.training.simulator.loading import load_text
from pocket_agent.training.simulator.registers import REGISTERS, rewrite
from pocket_agent.training.simulator.splits import HELD_OUT_NOISE, assign, build_deck, literals

SAMPLE = Path(__file__).parent / "sample_text"


@pytest.fixture(scope="module")
def text():
    return load_text(SAMPLE)


@pytest.fixture(scope="module")
def people(text) -> list[Record]:
    return list(simulate_people(text, "train", seed=3, people=40, turns=40))


def test_the_sample_text_has_no_problems(text):
    assert text.problems == []


def test_every_new_value_is_a_run_of_the_words(people):
    for record in people:
        for op in record.ops:
            if op.kind is not OpKind.REMOVE:
                said = (record.turn, record.assistant)
                assert any(find_span(text, op.value) for text in said), record
                assert op.value == clean(op.value)


def test_old_values_are_spelt_as_the_profile_spells_them(people):
    for record in people:
        held = {(fact.slot, fact.value) for fact in record.known}
        for op in record.ops:
            if op.kind is OpKind.UPDATE:
                assert (op.slot, op.old) in held
                assert key(op.old) != key(op.value)
            if op.kind is OpKind.REMOVE:
                assert (op.slot, op.value) in held


@pytest.mark.parametrize(
    ("slot", "value", "rest", "wanted"),
    [
        ("vehicle", "blue car with a dent", "", {"blue car", "car"}),
        ("vehicle", "used Volkswagen", "", {"Volkswagen"}),
        ("pet", "black cat", "white cat", {"black cat"}),
        ("show", "Gravity Falls", "", {"Gravity Falls"}),
        ("name", "jo ann", "", {"jo ann"}),
        ("pet", "cat", "", {"cat"}),
    ],
)
def test_a_known_value_is_shortened_to_what_tells_it_from_the_rest(slot, value, rest, wanted):
    old = Known(slot, value)
    known = [old, Known("pet", rest)] if rest else [old]
    assert {brief(old, known, Random(n)) for n in range(40)} == wanted


def test_the_profile_is_what_the_rules_make_of_the_ops(people):
    for one, other in itertools.pairwise(people):
        if one.person == other.person:
            after = known_of(profile_after(one.known, one.ops))
            assert set(after) == set(other.known)
        else:
            assert (other.turn_no, other.session) == (1, 1)


def test_noise_and_repeats_write_nothing_and_all_else_does(people):
    for record in people:
        quiet = record.kind == "noise" or record.klass == "repeats"
        assert bool(record.ops) != quiet, record


def test_people_do_all_kinds_of_things(people):
    classes = Counter(record.klass for record in people)
    wanted = {"states", "implies", "buried", "several", "answers", "changes", "drops", "repeats"}
    assert wanted <= set(classes)
    noise = sum(record.kind == "noise" for record in people) / len(people)
    assert 0.45 < noise < 0.7
    assert 0.35 < sum(bool(record.assistant) for record in people) / len(people) < 0.7
    assert any(not r.known for r in people if r.turn_no == 1)
    assert any(len(r.known) >= 5 for r in people if r.turn_no == 1)


def test_noise_speaks_of_known_things_too(people):
    familiar = [
        record
        for record in people
        if record.kind == "noise" and any(find_span(record.turn, k.value) for k in record.known)
    ]
    assert len(familiar) > 10


def test_the_same_seed_gives_the_same_people_however_many(text, people):
    again = list(simulate_people(text, "train", seed=3, people=2, turns=40))
    assert again == people[: len(again)]
    endless = simulate_people(text, "train", seed=3, turns=40)
    assert list(itertools.islice(endless, 90)) == people[:90]
    other = list(simulate_people(text, "train", seed=4, people=2, turns=40))
    assert [r.turn for r in other] != [r.turn for r in again]


def test_no_mark_is_left_in_a_turn(people):
    for record in people:
        assert strip(record.turn + record.assistant) == record.turn + record.assistant


def test_training_can_read_nearly_every_turn(people):
    found = list(examples(people))
    assert sum(map(readable, found)) / len(found) > 0.97


def test_the_splits_share_no_pattern_no_value_and_no_held_out_noise(text):
    decks = {split: build_deck(text, split) for split in ("train", "test")}
    closed = {key(v) for held in text.values.values() if held.closed for v in held.values}
    seen: dict[str, set[str]] = defaultdict(set)
    for split, deck in decks.items():
        patterns = [*itertools.chain(*deck.facts.values()), *itertools.chain(*deck.noise.values())]
        seen[split] |= {f"line {pattern.line}" for pattern in patterns}
        seen[split] |= {f"value {v}" for p in patterns for v in literals(p) - closed}
        values = itertools.chain(*deck.values.values())
        seen[split] |= {f"value {key(value)}" for value in values if key(value) not in closed}
    assert seen["train"]
    assert seen["test"]
    assert not seen["train"] & seen["test"]
    assert not HELD_OUT_NOISE & set(decks["train"].noise)
    assert HELD_OUT_NOISE & set(decks["test"].noise)


def test_values_written_out_bind_their_patterns_to_one_split(tmp_path: Path):
    (tmp_path / "slots").mkdir()
    (tmp_path / "slots/diet.txt").write_text(
        "== states\n" + "".join(f"line {n}: i am [vegan]\n" for n in range(5)), "utf-8"
    )
    text = load_text(tmp_path)
    patterns, bound = assign(text)
    assert len(set(patterns.values())) == 1
    assert bound == {"vegan": next(iter(patterns.values()))}


def test_an_unknown_split_and_an_empty_folder_are_told(text, tmp_path: Path):
    with pytest.raises(UsageError, match="no split 'exam'"):
        next(simulate_people(text, "exam", seed=0))
    with pytest.raises(UsageError, match="holds no text"):
        load_text(tmp_path)


WORDS = st.text("abcdefghij XYZ'éß-,.", min_size=1, max_size=12).filter(lambda text: key(text))


@given(
    before=WORDS,
    value=WORDS,
    after=WORDS,
    old=WORDS,
    register=st.sampled_from(REGISTERS),
    american=st.booleans(),
    rng=st.randoms(use_true_random=False),
)
def test_every_register_keeps_gold_and_known_values_in_place(
    before, value, after, old, register, american, rng
):
    marked = f"{before} {OPEN}{value}{CLOSE} {after}, not {OLD_OPEN}{old}{OLD_CLOSE}"
    made = rewrite(marked, register, american, rng)
    assert len(golds(made)) == 1
    assert [made.count(mark) for mark in (OPEN, CLOSE, OLD_OPEN, OLD_CLOSE)] == [1, 1, 1, 1]
    shown = made[made.index(OLD_OPEN) + 1 : made.index(OLD_CLOSE)]
    assert key(shown.replace("'", "")) == key(old.replace("'", "")) or "," in old or "." in old
