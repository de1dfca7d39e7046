"""The prompt around a state: bare for a trained policy, rules and examples for an untrained one."""

from pocket_agent.policy.format import render_ops, render_state
from pocket_agent.policy.state import Known, State
from pocket_agent.profile.facts import Op, OpKind, Polarity

_RULES = (
    "You keep a profile of the user. Read the user's last message and write what lasting facts it "
    "tells about the user: one line each, copied from the user's words. Write none if it tells "
    "nothing lasting about the user: questions, tasks, small talk and other people are none."
)
_LIKES, _AVOIDS = Polarity.LIKES, Polarity.AVOIDS
_EXAMPLES: tuple[tuple[State, tuple[Op, ...]], ...] = (
    (
        State((), "", "Can you write a short poem about winter for my sister's card?"),
        (),
    ),
    (
        State((), "", "I'm a nurse and I can't stand coriander, any quick dinner ideas?"),
        (
            Op(OpKind.ADD, "occupation", "nurse"),
            Op(OpKind.ADD, "food", "coriander", polarity=_AVOIDS),
        ),
    ),
    (
        State((Known("home", "Leeds"),), "How was the move?", "tiring, but Porto is lovely"),
        (Op(OpKind.UPDATE, "home", "Porto", old="Leeds"),),
    ),
    (
        State((Known("hobby", "chess"),), "", "haha yes, that was a good one! thanks"),
        (),
    ),
    (
        State((Known("hobby", "chess"),), "", "I gave up chess, I play the cello now"),
        (
            Op(OpKind.REMOVE, "hobby", "chess"),
            Op(OpKind.ADD, "hobby", "cello", polarity=_LIKES),
        ),
    ),
)


def trained_prompt(state: State) -> str:
    """The prompt that training uses: nothing but the state, in ChatML."""
    return _turn("user", render_state(state)) + "<|im_start|>assistant\n"


def few_shot_prompt(state: State) -> str:
    """The prompt for a model that was never trained for this. Its head never changes, so its
    state in the policy's context is computed once."""
    return _HEAD + trained_prompt(state)


def _turn(role: str, text: str) -> str:
    return f"<|im_start|>{role}\n{text}<|im_end|>\n"


_HEAD = _turn("system", _RULES) + "".join(
    _turn("user", render_state(state)) + _turn("assistant", render_ops(ops, state.known))
    for state, ops in _EXAMPLES
)
END = "<|im_end|>"
