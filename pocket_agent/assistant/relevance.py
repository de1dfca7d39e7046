"""Which facts belong in this turn's prompt: those that the words or their meaning call for."""

from collections.abc import Iterable, Mapping

from pocket_agent.assistant.whole_person import asks_about_the_person
from pocket_agent.profile.facts import Fact
from pocket_agent.profile.slots import BY_NAME, STYLE
from pocket_agent.profile.values import key, words

MAX_RELEVANT = 6
MAX_WHOLE = 64
"""Facts for a question about the person as a whole: more never fit the notes."""
NEAR = 0.32
"""A fact's cosine to the message from which on it counts without a word in common. Of twenty facts,
those that bore on a dozen questions came to 0.25 to 0.44 with the bundled embedder, the others to
0.26, and to 0.30 with a bare greeting."""
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
# The same of what people ask most of themselves, in the languages of `whole_person`: the embedder
# knows English alone. A word that is common in English ("chat", "plane", "dove") is not among them.
_CUES_ELSEWHERE = {
    "name": "heiße heisse appelle llamo chiamo chamo heet nazywam",
    "age": "alt âge edad età idade leeftijd ans años anni anos jaar",
    "birthday": "geburtstag anniversaire cumpleaños compleanno aniversário verjaardag urodziny",
    "origin": "komme herkunft viens vengo provengo venho vandaan pochodzę",
    "home": "wohne wohnort habite vivo abito moro woon mieszkam",
    "occupation": "beruf métier trabajo profesión lavoro trabalho beroep zawód",
    "employer": "arbeite arbeitgeber travaille trabajo lavoro trabalho pracuję",
    "partner": "frau mann partnerin mari femme esposa marido moglie marito vrouw żona mąż",
    "family": "familie kinder famille enfants familia hijos famiglia figli família filhos kinderen "
    "rodzina dzieci",
    "pet": "haustier hund katze mascota perro gato gatto cachorro huisdier hond",
    "vehicle": "fahrrad voiture vélo coche macchina carro fiets samochód",
    "health": "gesundheit santé salud saúde gezondheid zdrowie",
    "allergy": "allergisch allergie allergique alergia alérgico alérgica allergico allergica",
    "food": "esse essen kochen manger mange comer cocinar mangiare mangio eten koken jeść",
    "drink": "trinke trinken boire beber bebo bevo drinken pić",
    "diet": "ernährung essen manger comer mangiare eten jeść",
    "language": "sprache sprachen langue langues idioma idiomas lingua lingue língua taal język",
    "hobby": "hobbys freizeit loisirs aficiones",
    "goal": "ziel ziele objectif objetivo obiettivo",
}


def relevant(
    facts: Iterable[Fact], text: str, near: Mapping[str, float] | None = None
) -> list[Fact]:
    """The facts for a turn: pinned ones, style, the name, and those near `text`, in their order.

    A question about the person as a whole takes all there are, the pinned and then the newest
    first, since what doesn't fit the notes is left out from the end.

    Args:
        facts: the active facts. text: the user's turn (with what was said just before, if wanted).
        near: how near facts are in meaning, id to cosine; without it, words alone choose.
    """
    held = list(facts)
    if asks_about_the_person(text):
        newest = sorted(held, key=lambda fact: (fact.pinned, fact.learnt), reverse=True)
        return newest[:MAX_WHOLE]
    said, near = _stems(text), near or {}
    always = [fact for fact in held if fact.pinned or fact.slot in ALWAYS]
    scores = {fact.id: _score(fact, said, near.get(fact.id, 0.0)) for fact in held}
    ranked = sorted(
        ((scores[fact.id], fact) for fact in held if fact not in always and scores[fact.id]),
        key=lambda pair: -pair[0],
    )
    chosen = {fact.id for fact in always} | {fact.id for _, fact in ranked[:MAX_RELEVANT]}
    return [fact for fact in held if fact.id in chosen]


def _score(fact: Fact, said: frozenset[str], cosine: float) -> float:
    in_words = 2.0 * len(said & _stems(fact.value)) + len(
        said & _SLOT_STEMS.get(fact.slot, frozenset())
    )
    return in_words + (cosine if in_words or cosine >= NEAR else 0.0)


def _stems(text: str) -> frozenset[str]:
    found = [word.text.casefold() for word in words(text.replace("’", "'")) if word.begins]
    found += [rest for word in found if len(rest := word.partition("'")[2]) > 2]  # "j'habite"
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
    name: _stems(f"{name} {slot.description} {_CUES.get(name, '')} {_CUES_ELSEWHERE.get(name, '')}")
    - (frozenset() if name == "home" else frozenset({"live"}))
    for name, slot in BY_NAME.items()
}
