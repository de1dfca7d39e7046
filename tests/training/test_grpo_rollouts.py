"""Rollouts on the real model: under the grammar, by the policy's own probabilities, repeatable."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pocket_agent.errors import ModelError, UsageError
from pocket_agent.policy.format import NONE, parse
from pocket_agent.policy.grammar import build_grammar
from pocket_agent.policy.prompt import trained_prompt
from pocket_agent.policy.state import Known, State
from pocket_agent.profile.facts import Op, OpKind
from pocket_agent.training.base import bundled_gguf
from pocket_agent.training.examples import Example
from pocket_agent.training.rewards import DEFAULT
from pocket_agent.training.rollout import Ask, Roller
from pocket_agent.training.tasks import Task, make_reward

pytestmark = pytest.mark.slow

STATES = (
    State((), "", "I moved to Porto last week and I hate olives"),
    State((Known("home", "Leeds"),), "How was it?", "fine, but I love chess"),
    State((), "", "ok"),
)


@pytest.fixture(scope="module")
def roller() -> Iterator[Roller]:
    made = Roller(bundled_gguf(), slots=8, room=150, threads=1)
    yield made
    made.close()


def ask(roller: Roller, state: State, seed: int = 1) -> Ask:
    prompt = roller.model.tokenize(trained_prompt(state), special=True)
    return Ask(tuple(prompt), build_grammar(state), seed)


def text(roller: Roller, tokens: list[int]) -> str:
    return b"".join(roller.model.piece(token) for token in tokens).decode()


def test_every_answer_is_none_or_ops_of_the_turn_s_own_words(roller: Roller):
    groups = roller.sample([ask(roller, state) for state in STATES], 4, 40)
    assert [len(group) for group in groups] == [4, 4, 4]
    for state, group in zip(STATES, groups, strict=True):
        for one in group:
            assert len(one.tokens) == len(one.logprobs) == len(one.own)
            said = text(roller, one.tokens)
            ended = roller.model.is_end(one.tokens[-1])
            lines = said.splitlines() if ended else said.splitlines()[:-1]
            assert said == NONE or len(parse("\n".join(lines), state)) <= len(lines)
            assert said == NONE or said.split()[0] in "none add like avoid update remove".split()


def test_log_probabilities_are_the_unconstrained_policy_s(roller: Roller):
    """Of the first token against a forward pass of its own; of the rest by the same means."""
    one_ask = ask(roller, STATES[0])
    rollout = max(roller.sample([one_ask], 8, 20)[0], key=lambda one: len(one.tokens))
    for at in (0, len(rollout.tokens) - 1):
        scores = roller.scores([*one_ask.prompt, *rollout.tokens[:at]])
        assert rollout.logprobs[at] == pytest.approx(scores[rollout.tokens[at]], abs=0.1)


def test_a_sample_depends_on_its_seed_alone(roller: Roller):
    """Not on what else is sampled beside it, nor on the slot it lies in."""
    asks = [ask(roller, state, seed) for seed, state in enumerate(STATES)]
    together = roller.sample(asks, 2, 16)
    alone = [roller.sample([one], 2, 16)[0] for one in reversed(asks)][::-1]
    assert [[one.tokens for one in group] for group in together] == [
        [one.tokens for one in group] for group in alone
    ]
    other = roller.sample([ask(roller, STATES[0], 99)], 8, 16)[0]
    assert len({tuple(one.tokens) for one in other}) > 1


def test_first_tokens_follow_the_constrained_distribution(roller: Roller):
    """A turn without words leaves `none` alone, whatever the model would rather say."""
    state = State((), "", "?!")
    for one in roller.sample([ask(roller, state)], 8, 8)[0]:
        assert text(roller, one.tokens) == NONE
        assert roller.model.is_end(one.tokens[-1])


def test_what_doesn_t_fit_is_refused(roller: Roller):
    with pytest.raises(UsageError, match="don't fit"):
        roller.sample([ask(roller, STATES[0])], 9, 4)
    with pytest.raises(UsageError, match="longer than"):
        roller.sample([Ask(tuple(range(300)), 'root ::= "none"', 0)], 2, 4)
    with pytest.raises(ModelError, match="not valid"):
        roller.sample([Ask((1, 2, 3), "root ::= (", 0)], 2, 4)
    with pytest.raises(ModelError, match="doesn't fit"):
        roller.use(Path(__file__))


def test_the_reward_reads_the_answers_and_reports_what_is_lost():
    state = STATES[1]
    gold = (Op(OpKind.ADD, "hobby", "chess"),)
    task = Task(Example("x", trained_prompt(state), "like hobby: chess", state, gold), (1,), "")
    told: dict[str, float] = {}
    agreement = make_reward([task], DEFAULT)
    answers = ["like hobby: chess", "none", "remove home: Leeds\nlike hobby: chess", "like hob"]
    earned = agreement(answers, [0] * 4, log_metric=told.__setitem__, prompts=[])
    assert earned[0] == 1.0
    assert earned[1] == earned[3] == 0.0
    assert earned[2] == pytest.approx(0.0)
    assert told == {"reward/lost": pytest.approx(0.25), "reward/perfect": 0.25}
