"""The reward: 1 for a perfect reading, less for each kind of mistake, never a reward for noise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocket_agent.policy.state import Known
from pocket_agent.profile.facts import Op, OpKind, Polarity
from pocket_agent.training.rewards import reward

KNOWN = (Known("home", "Leeds"), Known("food", "ramen"), Known("hobby", "chess"))
PORTO = Op(OpKind.UPDATE, "home", "Porto", old="Leeds")
OLIVES = Op(OpKind.ADD, "food", "green olives", polarity=Polarity.AVOIDS)
NO_CHESS = Op(OpKind.REMOVE, "hobby", "chess")


@pytest.mark.parametrize("gold", [(), (PORTO,), (OLIVES,), (NO_CHESS,), (PORTO, OLIVES, NO_CHESS)])
def test_a_perfect_reading_earns_one(gold: tuple[Op, ...]):
    assert reward(KNOWN, gold, gold) == 1.0


def test_writing_on_noise_costs_more_than_missing_a_fact():
    assert reward(KNOWN, (), (OLIVES,)) == -1.0
    assert reward(KNOWN, (OLIVES,), ()) == 0.0


def test_each_mistake_has_its_price():
    right = reward((), (OLIVES,), (OLIVES,))
    slot = reward(
        (), (OLIVES,), (Op(OpKind.ADD, "drink", "green olives", polarity=Polarity.AVOIDS),)
    )
    sign = reward((), (OLIVES,), (Op(OpKind.ADD, "food", "green olives"),))
    short = reward((), (OLIVES,), (Op(OpKind.ADD, "food", "olives", polarity=Polarity.AVOIDS),))
    extra = reward((), (OLIVES,), (OLIVES, Op(OpKind.ADD, "drink", "tea")))
    again = reward(KNOWN, (OLIVES,), (OLIVES, Op(OpKind.ADD, "food", "ramen")))
    assert right > short > 0
    assert right > slot > 0
    assert right > extra > 0
    assert right > sign > 0
    assert again < extra


def test_stale_and_lost_facts_cost():
    stale = reward(KNOWN, (PORTO,), ())
    lost = reward(KNOWN, (OLIVES,), (OLIVES, NO_CHESS))
    noise = reward(KNOWN, (), (NO_CHESS,))
    assert stale < 0
    assert lost == 0.0
    assert noise == -2.0


ops = st.builds(
    Op,
    st.sampled_from([OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE]),
    st.sampled_from(["home", "food", "hobby"]),
    st.sampled_from(["Leeds", "Porto", "ramen", "chess", "green tea"]),
    old=st.sampled_from(["Leeds", "ramen", "chess"]),
)


@given(st.lists(ops, max_size=4), st.lists(ops, max_size=4))
def test_it_is_bounded_and_nothing_beats_gold(gold: list[Op], made: list[Op]):
    value = reward(KNOWN, gold, made)
    assert -2.0 <= value <= 1.0
    if not gold and made:
        assert value <= -1.0
