"""The prompt of a reply that was made in an earlier run, or in another branch, as far as known.

Of a reply the store keeps which facts and past turns the model could read, by their ids. What
they say is taken from what is there now, and it is not known behind which message each stood, nor
which older turns had left the context.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pocket_agent.assistant.context import AssembledPrompt, Budget, Material, assemble, system_text
from pocket_agent.assistant.phrases import Hearsay
from pocket_agent.errors import StoreError
from pocket_agent.memory.records import Drawn, Recalled, Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.profile.slots import STYLE

_ENDLESS = 10**9


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A prompt that was put together again.

    Args:
        prompt: its sizes say nothing. known: whether it was kept what the reply was made from.
        missing: how many facts and past turns of it are no longer there.
    """

    prompt: AssembledPrompt
    known: bool
    missing: int


def rebuild(store: Store, history: Sequence[Turn], extra: str = "") -> Rebuilt | None:
    """The prompt of the last reply among these turns; None if there is none.

    Args:
        extra: what the person adds to the system text.
    """
    end = len(history)
    while end and history[end - 1].role is not TurnRole.ASSISTANT:
        end -= 1  # a message without a reply: nothing that is known was made from it
    start = end
    while start and history[start - 1].role is TurnRole.ASSISTANT:
        start -= 1
    if not start:
        return None
    drawn = _drawn(store, history[start:end])
    held = store.profile().facts
    doubted = store.hearsay()
    facts = [held[name] for name in drawn.facts if name in held]
    facts = [Hearsay.of(fact) if fact.id in doubted else fact for fact in facts]
    turns = [turn for name in drawn.turns if (turn := _turn(store, name)) is not None]
    style = [fact for fact in facts if fact.slot in STYLE and fact.id not in doubted]
    material = Material(
        system_text(style, extra),
        history[: start - 1],
        {},
        history[start - 1].text,
        [fact for fact in facts if fact not in style],
        [Recalled(turn, 0.0, 0.0, 0.0) for turn in turns],
    )
    prompt = assemble(material, Budget(_ENDLESS, 0, _ENDLESS), lambda _text: 0)
    missing = len(drawn.facts) + len(drawn.turns) - len(facts) - len(turns)
    return Rebuilt(prompt, bool(drawn), missing)


def _drawn(store: Store, replies: Sequence[Turn]) -> Drawn:
    found = store.drawn(reply.id for reply in replies).values()
    facts = dict.fromkeys(name for each in found for name in each.facts)
    return Drawn(tuple(facts), tuple(dict.fromkeys(n for each in found for n in each.turns)))


def _turn(store: Store, name: str) -> Turn | None:
    try:
        return store.turn(name)
    except StoreError:
        return None
