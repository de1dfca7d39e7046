"""Which facts a message calls for: by words, by meaning, and all of them for the whole person."""

from datetime import UTC, datetime, timedelta

import pytest

from pocket_agent.assistant.relevance import MAX_WHOLE, NEAR, relevant
from pocket_agent.assistant.whole_person import asks_about_the_person
from pocket_agent.profile.facts import Actor, Fact, FactState, Polarity

WHOLE = """
What do you know about me?
Tell me everything you remember about me.
what have you learnt about me so far
Do you know anything about me?
Tell me about myself
Do you remember me?
do you still know me
Who am I?
Write a short bio of me
Write a poem about me!
How would you describe me?
Can you summarise what you know of me?
Was weißt du über mich?
Was hast du dir über mich gemerkt?
Erzähl mir etwas über mich
Wer bin ich?
Erinnerst du dich an mich?
Schreib eine kurze Biografie über mich
Que sais-tu de moi ?
Qu’est-ce que tu as retenu sur moi ?
Parle-moi de moi
Qui suis-je ?
Tu te souviens de moi ?
¿Qué sabes de mí?
que sabes sobre mi
Háblame de mí
¿Quién soy?
¿Te acuerdas de mí?
Che cosa sai di me?
Parlami di me
Chi sono?
Ti ricordi di me?
O que sabes sobre mim?
Quem sou eu?
Lembras-te de mim?
Wat weet je over mij?
Vertel iets over mezelf
Wie ben ik?
Co o mnie wiesz?
Co wiesz o mnie?
Opowiedz mi o mnie
Kim jestem?
""".strip().splitlines()
PARTS = """
What do you know about Mexico?
Tell me about bees
Do you remember me telling you of the harbour?
Introduce me to quantum mechanics
Who am I going to meet tomorrow?
Write a bio of Marie Curie
He told me a story about self-driving cars
Was weißt du über Hamburg?
Qui est Marie Curie ?
Décris-moi Paris
¿Qué sabes de mi perro?
Wo wohne ich?
Where do I live?
hello
""".strip().splitlines()


def fact(slot: str, value: str, day: int = 0, pinned: bool = False) -> Fact:
    at = (datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=day)).isoformat()
    name = f"{slot}-{value}"
    return Fact(
        name, slot, value, Polarity.LIKES, 1.0, FactState.ACTIVE, Actor.USER, at, pinned=pinned
    )


FACTS = [
    fact("home", "Leeds", 5),
    fact("pet", "a greyhound called Rex", 3),
    fact("occupation", "nurse", 9),
    fact("vehicle", "old Saab", 1, pinned=True),
]


@pytest.mark.parametrize("text", WHOLE)
def test_a_question_about_the_person_takes_all_facts(text: str) -> None:
    assert asks_about_the_person(text)
    assert len(relevant(FACTS, text)) == len(FACTS)


@pytest.mark.parametrize("text", PARTS)
def test_a_question_about_something_else_does_not(text: str) -> None:
    assert not asks_about_the_person(text)


def test_a_long_message_is_about_something_of_its_own() -> None:
    assert not asks_about_the_person("what do you know about me? " + "The bees swarm. " * 30)


def test_the_pinned_and_then_the_newest_come_first() -> None:
    slots = [found.slot for found in relevant(FACTS, "What do you know about me?")]
    assert slots == ["vehicle", "occupation", "home", "pet"]


def test_of_a_thousand_facts_no_more_are_weighed_than_may_fit() -> None:
    many = [fact("past", f"thing {n}", n) for n in range(1000)]
    found = relevant(many, "Who am I?")
    assert [each.value for each in found[:2]] == ["thing 999", "thing 998"]
    assert len(found) == MAX_WHOLE


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("Wo wohne ich?", "home"),
        ("Où est-ce que j’habite ?", "home"),
        ("¿Dónde vivo?", "home"),
        ("Dove abito?", "home"),
        ("Wie heißt mein Hund?", "pet"),
        ("Quel est mon métier ?", "occupation"),
    ],
)
def test_what_people_ask_most_of_themselves_is_found_in_their_language(
    text: str, slot: str
) -> None:
    plain = [each for each in FACTS if not each.pinned]
    assert [found.slot for found in relevant(plain, text)] == [slot]


def test_a_fact_that_is_near_in_meaning_needs_no_word_in_common() -> None:
    plain = [each for each in FACTS if not each.pinned]
    text = "I must get my beast to its injection"
    assert relevant(plain, text) == []
    near = {FACTS[0].id: NEAR - 0.01, FACTS[1].id: NEAR + 0.01}
    assert relevant(plain, text, near) == [FACTS[1]]


def test_words_in_common_count_more_than_meaning() -> None:
    many = [fact("past", f"thing {n}") for n in range(6)] + [fact("home", "Leeds")]
    near = {each.id: 0.9 for each in many[:6]}
    assert many[-1] in relevant(many, "Where in Leeds is it?", near)
