"""Which facts belong in this turn's prompt: those that the words at hand call for."""

from collections.abc import Iterable

from pocket_agent.profile.facts import Fact
from pocket_agent.profile.slots import BY_NAME, STYLE
from pocket_agent.profile.values import key, words

MAX_RELEVANT = 6
ALWAYS = STYLE | {"name"}
"""Slots that hold for every reply."""

_MEALS = "eat food dinner lunch breakfast recipe cook snack dish meal restaurant dessert bake"
# What people say when a slot matters, beyond the words of its own description.
_CUES = {
    "name": "who am i called",
    "age": "old young year born",
    "birthday": "birthday born gift party",
    "origin": "from grew hometown country",
    "home": "live living city town local nearby here around weather weekend where restaurant visit",
    "language": "language speak translate",
    "occupation": "job work career boss office cv interview",
    "employer": "work company employer boss",
    "education": "study degree school university course",
    "partner": "wife husband partner girlfriend boyfriend anniversary date",
    "family": "family kid child mother father mum dad sister brother son daughter gift holiday",
    "friend": "friend neighbour colleague flatmate",
    "pet": "pet dog cat animal vet walk",
    "vehicle": "car drive bike repair road",
    "health": "health doctor pain exercise sleep medicine training",
    "allergy": f"allergic allergy {_MEALS}",
    "diet": f"diet {_MEALS}",
    "routine": "morning evening routine schedule day wake sleep",
    "budget": "budget cost price cheap money buy spend afford",
    "food": f"hungry {_MEALS}",
    "drink": "drink coffee tea wine beer thirsty bar cocktail",
    "dining": "restaurant eat out dinner cafe table lunch place",
    "music": "music song listen band album playlist concert",
    "reading": "book read novel author podcast recommend",
    "show": "watch film movie series show tonight cinema recommend",
    "game": "game play console board",
    "sport": "sport team match exercise workout train gym run fit",
    "hobby": "hobby free time weekend fun bored activity",
    "topic": "talk about interested topic",
    "travel": "travel trip holiday vacation hotel stay visit destination weekend",
    "transport": "travel train fly drive commute get trip",
    "fashion": "wear clothes outfit dress shoes style",
    "shopping": "buy shop gift order brand store",
    "tech": "computer phone laptop software app code program device",
    "place": "weather nature outside trip move",
    "social": "party people friends evening invite meet",
    "work": "work job team meeting office remote",
    "learning": "learn study explain teach course",
    "goal": "goal plan progress motivation improve",
    "plan": "plan next coming week month when trip exam",
    "skill": "good at skill level",
    "past": "used before past ago history",
    "housing": "home flat house room garden furniture",
}


def relevant(facts: Iterable[Fact], text: str) -> list[Fact]:
    """The facts for a turn: pinned ones, style, the name, and those near `text`, in their order.

    Args:
        facts: the active facts. text: the user's turn (with what was said just before, if wanted).
    """
    held = list(facts)
    said = _stems(text)
    always = [fact for fact in held if fact.pinned or fact.slot in ALWAYS]
    ranked = sorted(
        ((score, fact) for fact in held if fact not in always and (score := _score(fact, said))),
        key=lambda pair: -pair[0],
    )
    chosen = {fact.id for fact in always} | {fact.id for _, fact in ranked[:MAX_RELEVANT]}
    return [fact for fact in held if fact.id in chosen]


def _score(fact: Fact, said: frozenset[str]) -> float:
    return 2.0 * len(said & _stems(fact.value)) + len(
        said & _SLOT_STEMS.get(fact.slot, frozenset())
    )


def _stems(text: str) -> frozenset[str]:
    found = (word.text.casefold() for word in words(text) if word.begins)
    return frozenset(key(word) for word in found if word not in _STOP)


_STOP = frozenset(
    """
    a an and are as at be but by can could did do does for from get had has have he her his how i if
    in is it its me my no not of on or our she should so some that the their them they this to us
    was we were what when which will with would you your i'm i've it's don't what's or any
    """.split()
)
# "live" is in many descriptions ("won't talk about", "ways to live"), but asks for one slot only.
_SLOT_STEMS = {
    name: _stems(f"{name} {slot.description} {_CUES.get(name, '')}")
    - (frozenset() if name == "home" else frozenset({"live"}))
    for name, slot in BY_NAME.items()
}
