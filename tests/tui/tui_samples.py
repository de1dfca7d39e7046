"""What the tests of the screens show: turns, facts, and a model that is ready."""

from pocket_agent.memory.records import Turn, TurnRole, TurnStatus
from pocket_agent.profile.facts import Actor, Fact, FactState, Polarity, Source
from pocket_agent.tui.backend import Readiness, Stage

AT = "2026-11-03T12:00:00Z"
READY = Readiness(Stage.READY, "", None, "SmolLM2-135M-Instruct", "CPU, 1 thread", 4096)


def turn(number: int, role: TurnRole, text: str, status: TurnStatus = TurnStatus.COMPLETE) -> Turn:
    return Turn(f"t{number}", "s1", role, text, AT, status)


def exchanges(count: int) -> list[Turn]:
    made: list[Turn] = []
    for number in range(count):
        made.append(turn(2 * number, TurnRole.USER, f"Question {number}?"))
        made.append(turn(2 * number + 1, TurnRole.ASSISTANT, f"Answer **{number}**."))
    return made


def fact(
    name: str,
    slot: str,
    value: str,
    quote: str,
    *,
    polarity: Polarity = Polarity.LIKES,
    state: FactState = FactState.ACTIVE,
    locked: bool = False,
    actor: Actor = Actor.POLICY,
) -> Fact:
    source = Source("t0", 0, len(quote), quote)
    return Fact(
        name,
        slot,
        value,
        polarity,
        1.0,
        state,
        actor,
        AT,
        locked=locked,
        sources=(source,) if quote else (),
    )


FACTS = [
    fact("f1", "name", "Anna", "I'm Anna", locked=True),
    fact("f2", "home", "Porto", "I moved to Porto last month"),
    fact("f3", "pet", "a tabby called Miso", "my tabby called Miso knocked over the plant again"),
    fact("f4", "food", "olives", "I could live on olives"),
    fact("f5", "food", "cilantro", "no cilantro please", polarity=Polarity.AVOIDS),
    fact("f6", "length", "short", "", actor=Actor.USER),
    fact(
        "f7",
        "hobby",
        "pottery",
        "thinking of trying pottery",
        state=FactState.CANDIDATE,
    ),
]
